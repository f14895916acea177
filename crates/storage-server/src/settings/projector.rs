//! The embedding of stored records.

use std::time::Duration;

use storage_dualwrite::ProjectorSettings;

use super::fault::Faults;
use super::section::section;

section! {
    /// How stored remediations get their vectors, behind the request's back.
    ProjectorSection = "projector" {
        /// Tasks, each with a connection of its own.
        workers: usize = "1",
        /// Records claimed at once, at most. A task begins with few and takes as many as it settles in a tenth of a second.
        batch: i64 = "256",
        /// How many percent of its time a task works while writes wait for PostgreSQL, 1 to 100. The rest it leaves to
        /// them, and catches up afterwards. More: searches find records sooner, and writes are slower.
        percent_beside_writes: u32 = "25",
        /// How long a claim lasts; records that a killed process held wait this long. Longer than a batch takes.
        lease: Duration = "30s",
        /// How often to look for work when nothing wakes the projector.
        poll: Duration = "1s",
        /// How often a record may fail for its own reasons before it is parked (`datastorage outbox list`).
        attempts: i32 = "5",
        /// The wait after a record's first failure; doubles with each.
        retry_delay: Duration = "1s",
        /// The pause after PostgreSQL or the embedder failed, unless it asked for another.
        outage_pause: Duration = "2s",
        /// How long one step in the database may take before its connection is given up. Longer than
        /// `database.statement_timeout`.
        step_timeout: Duration = "7s",
        /// The shortest time between two walks through the whole outbox, for rows that a worker has passed by. They take
        /// longer, piece by piece, while a long transaction elsewhere keeps what is done.
        sweep_pause: Duration = "5s",
        /// How long a stop waits for the batch at hand.
        stop_timeout: Duration = "4s",
    }
}

impl ProjectorSection {
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.range("projector.workers", self.workers, 1, 16);
        faults.range("projector.batch", self.batch, 1, 1_000);
        faults.range("projector.percent_beside_writes", self.percent_beside_writes, 1, 100);
        faults.range("projector.attempts", self.attempts, 1, 1_000);
        faults.above_zero("projector.lease", self.lease);
        faults.above_zero("projector.poll", self.poll);
        faults.above_zero("projector.retry_delay", self.retry_delay);
        faults.above_zero("projector.outage_pause", self.outage_pause);
        faults.above_zero("projector.sweep_pause", self.sweep_pause);
    }

    /// As the projector takes them.
    #[must_use]
    pub fn to_projector(&self) -> ProjectorSettings {
        ProjectorSettings {
            workers: self.workers,
            batch: self.batch,
            percent_beside_writes: self.percent_beside_writes,
            lease: self.lease,
            poll: self.poll,
            attempts: self.attempts,
            retry_delay: self.retry_delay,
            outage_pause: self.outage_pause,
            step_timeout: self.step_timeout,
            sweep_pause: self.sweep_pause,
        }
    }
}
