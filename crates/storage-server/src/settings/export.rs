//! Exports: how many, and how long.

use std::time::Duration;

use super::fault::Faults;
use super::section::section;

section! {
    /// Streams of all records that match a filter.
    ExportSettings = "export" {
        /// Connections that exports read through, and nothing else; as many exports run at a time. A further one is
        /// answered 503, unless its caller has less than a quarter of them (at least one) and another has more: then the
        /// newest of that one's is cut.
        connections: usize = "2",
        /// How long an export may take. Then it is cut, which its client sees.
        timeout: Duration = "10m",
        /// How long a client may take nothing of its export before it is cut.
        stall_timeout: Duration = "30s",
    }
}

impl ExportSettings {
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.range("export.connections", self.connections, 1, 16);
        faults.above_zero("export.timeout", self.timeout);
        faults.above_zero("export.stall_timeout", self.stall_timeout);
    }
}
