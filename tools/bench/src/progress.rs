//! What the user sees while a measurement runs: a spinner for the step at hand, a line for each step done.

use std::time::Duration;

use anyhow::Result;
use indicatif::ProgressBar;

const TICK: Duration = Duration::from_millis(100);

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

/// Runs `work` as a step that is described by `what`; the step's outcome is what `describe` says of the result.
pub(crate) async fn step<T>(
    what: &str,
    work: impl Future<Output = Result<T>>,
    describe: impl FnOnce(&T) -> String,
) -> Result<T> {
    let bar = ProgressBar::new_spinner().with_message(what.to_owned());
    bar.enable_steady_tick(TICK);
    let result = work.await;
    bar.finish_and_clear();
    let result = result?;
    say(&format!("  {what}: {}", describe(&result)));
    Ok(result)
}
