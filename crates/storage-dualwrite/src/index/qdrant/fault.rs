//! The meaning of an answer other than success.

use std::error::Error as _;
use std::fmt::Write as _;
use std::time::Duration;

use tonic::{Code, Status};

use super::server_version::OLDEST;
use crate::index::IndexError;

/// Characters of the server's own words that are kept.
const REASON_CHARS_MAX: usize = 500;

/// The fault that a status stands for.
///
/// Only a fault of the request itself is `Refused`, for which the caller may set a record aside. A missing collection,
/// a refused key and an internal error of the server are faults of the index.
pub(super) fn of_status(operation: &'static str, limit: Duration, status: &Status) -> IndexError {
    match status.code() {
        Code::InvalidArgument | Code::OutOfRange | Code::AlreadyExists => {
            IndexError::Refused { operation, reason: words(status) }
        }
        Code::DeadlineExceeded => IndexError::TimedOut { operation, limit },
        Code::Unimplemented => IndexError::Mismatch(format!(
            "the server at the Qdrant URL cannot {operation} ({}): set the URL to the gRPC address (port 6334 by \
             default) of Qdrant {} or later",
            words(status),
            OLDEST
        )),
        code => IndexError::Away {
            reason: format!("{operation}: {code:?}, {}", words(status)),
            retry_after: retry_after(status),
        },
    }
}

/// The server's words and what lies behind them, bounded.
fn words(status: &Status) -> String {
    let mut words = status.message().to_owned();
    let mut cause = status.source();
    while let Some(error) = cause {
        let _ = write!(words, ": {error}");
        cause = error.source();
    }
    words.chars().take(REASON_CHARS_MAX).collect()
}

fn retry_after(status: &Status) -> Option<Duration> {
    let value = status.metadata().get("retry-after")?.to_str().ok()?;
    value.parse().ok().map(Duration::from_secs)
}
