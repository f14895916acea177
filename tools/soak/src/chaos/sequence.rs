//! A sequence of faults, and how often each happened.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio::time::Instant;

/// How often each fault happened.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<BTreeMap<&'static str, u64>>);

impl Faults {
    pub(crate) fn count(&self, fault: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(fault).or_default() += 1;
    }

    /// Each fault with its count.
    pub(crate) fn all(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn total(&self) -> u64 {
        self.all().values().sum()
    }
}

/// One sequence of faults.
pub(super) struct Sequence<'a> {
    pub(super) rng: StdRng,
    pub(super) until: Instant,
    pub(super) faults: &'a Faults,
}

impl Sequence<'_> {
    /// Waits between two faults; whether there is time for another.
    pub(super) async fn rest(&mut self, shortest_ms: u64, longest_ms: u64) -> bool {
        self.wait(shortest_ms, longest_ms).await;
        Instant::now() < self.until
    }

    /// Waits while a fault lasts.
    pub(super) async fn wait(&mut self, shortest_ms: u64, longest_ms: u64) {
        tokio::time::sleep(Duration::from_millis(self.rng.random_range(shortest_ms..longest_ms))).await;
    }
}
