//! The leases that a worker holds. Each is settled once: its row is removed, kept, failed or released.

use std::collections::BTreeMap;

use crate::outbox::Lease;

#[derive(Debug, Default)]
pub(super) struct Held(BTreeMap<i64, Lease>);

impl Held {
    /// Adds the leases of a claim.
    pub(super) fn take(&mut self, leases: &[Lease]) {
        let before = self.0.len();
        self.0.extend(leases.iter().map(|lease| (lease.record_id, lease.clone())));
        debug_assert_eq!(self.0.len(), before + leases.len(), "a claim leased a row twice: {leases:?}");
    }

    /// These are settled.
    pub(super) fn settle<'a>(&mut self, leases: impl IntoIterator<Item = &'a Lease>) {
        for lease in leases {
            let held = self.0.remove(&lease.record_id);
            debug_assert_eq!(held.as_ref(), Some(lease), "a lease was settled that is not held");
        }
    }

    pub(super) fn holds(&self, lease: &Lease) -> bool {
        self.0.get(&lease.record_id) == Some(lease)
    }

    pub(super) fn all(&self) -> Vec<Lease> {
        self.0.values().cloned().collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets half of them, which then expire. A release that failed is not repeated with the same number of leases.
    pub(super) fn halve(&mut self) {
        let half = self.0.len() / 2;
        self.0 = std::mem::take(&mut self.0).into_iter().take(half).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::{Held, Lease};
    use crate::outbox::Stage;
    use crate::tests::index_support::instant;

    fn lease(record_id: i64) -> Lease {
        Lease { record_id, start_time: instant(0), version: instant(1), stage: Stage::Enqueued }
    }

    /// F54: a worker remembers what it holds, and no more than half of what it could not give back.
    #[test]
    fn leases_are_held_until_they_are_settled() {
        let mut held = Held::default();
        held.take(&[lease(1), lease(2), lease(3), lease(4)]);
        held.settle([&lease(2)]);
        assert_eq!(held.all(), [lease(1), lease(3), lease(4)]);
        held.halve();
        assert_eq!(held.all(), [lease(1)]);
        held.halve();
        assert!(held.is_empty());
    }

    #[test]
    #[should_panic(expected = "not held")]
    fn a_lease_that_is_settled_twice_is_a_defect() {
        let mut held = Held::default();
        held.take(&[lease(1)]);
        held.settle([&lease(1), &lease(1)]);
    }
}
