//! Requests to end that this program gets while it works.

use std::process::{Child, Command, ExitCode, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use devstack::{DevstackError, ProcessIdentity};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::progress::say;

/// The message after an interrupt.
pub(crate) const INTERRUPTED: &str = "interrupted; everything that was started has been stopped";

/// How often to look for a request.
const PAUSE: Duration = Duration::from_millis(200);

/// From [`Signals::listen`] on, requests no longer end this program by themselves, so that it can take down what it has
/// set up.
pub(crate) struct Signals {
    interrupted: Arc<AtomicBool>,
    terminated: Arc<AtomicBool>,
}

impl Signals {
    pub(crate) fn listen() -> Result<Self> {
        let signals = Self { interrupted: Arc::default(), terminated: Arc::default() };
        signal_hook::flag::register(SIGINT, Arc::clone(&signals.interrupted))?;
        signal_hook::flag::register(SIGTERM, Arc::clone(&signals.terminated))?;
        Ok(signals)
    }

    /// Fails when the end of this program has been requested.
    pub(crate) fn check(&self) -> Result<()> {
        if self.end_is_requested() {
            bail!(INTERRUPTED);
        }
        Ok(())
    }

    /// Whether the end of this program has been requested.
    pub(crate) fn end_is_requested(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed) || self.terminated.load(Ordering::Relaxed)
    }

    /// Runs `command` to its end. The terminal's interrupt reaches it as well, so it is left to end by itself; a
    /// request to terminate is passed on.
    pub(crate) fn run_to_end(&self, mut command: Command) -> Result<ExitStatus> {
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().with_context(|| format!("cannot run {program}"))?;
        self.wait(child, None)
    }

    /// As [`Self::run_to_end`], but the command is killed after `bound`.
    pub(crate) fn run_within(&self, mut command: Command, bound: Duration) -> Result<ExitStatus> {
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().with_context(|| format!("cannot run {program}"))?;
        self.wait(child, Some(bound)).with_context(|| format!("{program} took too long"))
    }

    fn wait(&self, mut child: Child, bound: Option<Duration>) -> Result<ExitStatus> {
        let begun = Instant::now();
        let Some(process) = i32::try_from(child.id()).ok().and_then(ProcessIdentity::of) else {
            return Ok(child.wait()?);
        };
        loop {
            match process.wait_gone(PAUSE) {
                Ok(()) => return Ok(child.wait()?),
                Err(DevstackError::Timeout { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            if self.interrupted.swap(false, Ordering::Relaxed) {
                say("interrupted; waiting for the end of the running program");
            }
            if self.terminated.swap(false, Ordering::Relaxed) {
                process.terminate()?;
            }
            if bound.is_some_and(|it| begun.elapsed() > it) {
                child.kill()?;
                child.wait()?;
                bail!("killed after {} s", begun.elapsed().as_secs());
            }
        }
    }
}

/// The exit code of this program, after a program that it ran to its end.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}
