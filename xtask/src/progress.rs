//! What the user sees while a task works: a spinner for the step at hand, a line for each step done.

use std::borrow::Cow;
use std::time::Duration;

use anyhow::Result;
use devstack::FetchStep;
use indicatif::{ProgressBar, ProgressStyle};

const TICK: Duration = Duration::from_millis(100);
const MEGABYTE: u64 = 1024 * 1024;

/// Writes one line to standard error.
#[expect(clippy::print_stderr, reason = "a command line tool speaks to its user here")]
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}

/// Writes one line to standard output: what the command was asked for.
#[expect(clippy::print_stdout, reason = "a command line tool answers its user here")]
pub(crate) fn answer(line: &str) {
    println!("{line}");
}

/// A step in progress.
pub(crate) struct Step {
    bar: ProgressBar,
    what: String,
}

impl Step {
    /// Shows that `what` has begun.
    pub(crate) fn begin(what: impl Into<String>) -> Self {
        let what = what.into();
        let bar = ProgressBar::new_spinner().with_message(what.clone());
        bar.enable_steady_tick(TICK);
        Self { bar, what }
    }

    /// Shows how far a fetch is.
    pub(crate) fn fetch(&self, step: FetchStep) {
        match step {
            FetchStep::Downloading(bytes) => {
                self.bar.set_message(format!("{}: downloading {} MB", self.what, bytes / MEGABYTE));
            }
            FetchStep::Unpacking { done, of } => {
                if done == 1 {
                    self.bar.set_style(unpacking());
                    self.bar.set_message(format!("{}: unpacking", self.what));
                }
                self.bar.set_length(u64::try_from(of).unwrap_or(u64::MAX));
                self.bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
            }
        }
    }

    /// Ends the step, with a word on what came of it.
    pub(crate) fn done<'a>(self, outcome: impl Into<Cow<'a, str>>) {
        self.bar.finish_and_clear();
        say(&format!("  {}: {}", self.what, outcome.into()));
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn unpacking() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {msg} {bar:30} {pos}/{len}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Runs `work` as a step that is described by `what`; the step's outcome is what `describe` says of the result.
pub(crate) fn step<T>(
    what: &str,
    work: impl FnOnce() -> Result<T>,
    describe: impl FnOnce(&T) -> String,
) -> Result<T> {
    let step = Step::begin(what);
    let result = work()?;
    step.done(describe(&result));
    Ok(result)
}
