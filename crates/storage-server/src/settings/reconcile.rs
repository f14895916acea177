//! The comparison of the stores, and its repairs.

use std::time::Duration;

use storage_dualwrite::reconcile::ReconcileSettings;

use super::fault::Faults;
use super::section::section;

section! {
    /// How the stores are compared with the records, and repaired. One replica at a time does it for all.
    ReconcileSection = "reconcile" {
        /// Whether this replica takes part. `datastorage reconcile` works in any case.
        enabled: bool = "true",
        /// The pause between two runs.
        interval: Duration = "15m",
        /// The time between the two passes of a run, which must agree before anything is repaired: at least twice the
        /// longest write deadline, so that a write on its way is not taken for drift.
        gap: Duration = "90s",
        /// Records and points read at once.
        page: usize = "5000",
    }
}

impl ReconcileSection {
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.above_zero("reconcile.interval", self.interval);
        faults.range("reconcile.page", self.page, 1, 100_000);
    }

    /// As the reconciler takes them.
    #[must_use]
    pub const fn to_reconciler(&self) -> ReconcileSettings {
        ReconcileSettings { gap: self.gap, page: self.page }
    }
}
