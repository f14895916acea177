//! What a record is received with.

use storage_models::{Receipt, Timestamp};

/// The time of receipt: fixed, so that a finding can be repeated.
pub(crate) fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().expect("this is a time")
}

/// The receipt of everything that is sent.
pub(crate) fn receipt() -> Receipt {
    Receipt { at: now(), recorded_by: "anonymous".to_owned(), correlation_id: None }
}
