//! How a command fails: a sentence on standard error and an exit code.

use std::io::Write as _;
use std::process::ExitCode;

use storage_server::{InvalidSettings, StartError, telemetry};

/// The settings, or what they name, cannot be used (`EX_CONFIG` of sysexits.h).
const UNUSABLE_SETTINGS: u8 = 78;

/// PostgreSQL could not be reached (`EX_UNAVAILABLE`).
const UNREACHABLE: u8 = 69;

/// A command that did not do what it was asked to.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    exit_code: u8,
    is_logged: bool,
}

impl Failure {
    const fn new(message: String, exit_code: u8) -> Self {
        Self { message, exit_code, is_logged: false }
    }

    /// Puts it into the log, where the lines of a service belong, and nowhere else.
    pub(crate) fn logged(mut self) -> Self {
        tracing::error!(error = self.message, exit_code = self.exit_code, "the service did not start");
        self.is_logged = true;
        self
    }

    /// The settings name something that cannot be used.
    pub(crate) fn unusable(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::new(telemetry::chain(error), UNUSABLE_SETTINGS)
    }

    /// PostgreSQL is not there.
    pub(crate) fn unreachable(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::new(telemetry::chain(error), UNREACHABLE)
    }

    /// Ends with a code of its own.
    pub(crate) fn with_code(error: &(dyn std::error::Error + 'static), exit_code: u8) -> Self {
        Self::new(telemetry::chain(error), exit_code)
    }

    /// Writes the sentence unless the log has it; returns the exit code.
    pub(crate) fn tell(&self) -> ExitCode {
        if !self.is_logged {
            // When standard error is closed, there is nowhere to write to.
            let _closed = writeln!(std::io::stderr().lock(), "datastorage: {}", self.message);
        }
        ExitCode::from(self.exit_code)
    }
}

impl From<InvalidSettings> for Failure {
    fn from(invalid: InvalidSettings) -> Self {
        Self::new(invalid.to_string(), UNUSABLE_SETTINGS)
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Self::new(telemetry::chain(&error), error.exit_code())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(format!("{error:#}"), 1)
    }
}
