//! The answers kept for repeated requests.

use std::time::Duration;

use super::fault::Faults;
use super::section::section;

/// The least that keeps an answer long enough for a client that retries.
const LEAST_RETENTION: Duration = Duration::from_secs(1);

/// A year.
const MOST_RETENTION: Duration = Duration::from_secs(365 * 24 * 60 * 60);

section! {
    /// The answers kept for requests that are repeated with their Idempotency-Key.
    IdempotencySettings = "idempotency" {
        /// How long an answer is kept. A request repeated later is done again.
        retention: Duration = "168h",
        /// How often older ones are removed. Each replica does it; they do not get into each other's way.
        sweep_interval: Duration = "10m",
    }
}

impl IdempotencySettings {
    pub(super) fn check(&self, faults: &mut Faults) {
        if self.retention < LEAST_RETENTION || self.retention > MOST_RETENTION {
            faults.push("idempotency.retention", "must be between 1s and 8760h");
        }
        faults.above_zero("idempotency.sweep_interval", self.sweep_interval);
    }
}
