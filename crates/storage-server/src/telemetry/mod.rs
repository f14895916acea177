//! The log, the metrics, and the span of each request.

pub(crate) mod correlation;
mod level;
pub mod log;
pub mod metrics;
pub(crate) mod span;
pub(crate) mod trace_context;

pub use level::{LevelFault, LogLevel};

/// An error and its causes, in one line for the log.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let text = error.to_string();
        // Some libraries repeat their cause.
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        next = error.source();
    }
    line
}

/// Milliseconds with three decimals, as log lines and answers give them.
pub(crate) fn millis(duration: std::time::Duration) -> f64 {
    f64::from(u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)) / 1_000.0
}
