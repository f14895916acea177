//! The write queue.

use std::time::Duration;

use storage_dualwrite::WriterSettings;
use storage_validation::Handling;

use super::fault::Faults;
use super::section::section;
use super::value::{ByteSize, Setting};

section! {
    /// The queue in front of PostgreSQL and the transactions that empty it.
    WriterSection = "writer" {
        /// Tasks that write, each with a connection of its own. They take turns: while the COMMIT of one is under way another
        /// writes the next group, so more than two help only when connections are stuck.
        writers: usize = "2",
        /// Records that may wait; beyond them a write is answered 503 at once.
        queue_records: usize = "10000",
        /// Records in one transaction.
        group_records: usize = "256",
        /// Connections that write batches, one batch each at a time, beside the writers' own.
        batch_connections: usize = "1",
        /// Strict writes at a time, each on a connection of its own; beyond them one is answered 503 at once.
        strict_connections: usize = "2",
        /// What a write of one record is when it asks for nothing: `deferred` is stored in PostgreSQL and reaches the
        /// vector index behind the request, `strict` is in both before it is answered, or in neither.
        consistency: Consistency = "deferred",
        /// How strictly records are taken when a request asks for nothing: `strict` refuses what breaks a rule, `lenient`
        /// cuts text that is too long, takes control characters out, makes an unknown severity null and stores a digest for
        /// metadata that is too large or too deep, and says so in the record. `Prefer: handling=…` asks for the other.
        handling: Handling = "strict",
        /// Connections that update records, one update each at a time.
        update_connections: usize = "2",
        /// Bytes of bodies in flight and records queued, together; beyond them a write is answered 503 at once. One caller
        /// may have three quarters of them.
        byte_budget: ByteSize = "64MiB",
        /// How long one step of a transaction may take before its connection is given up. Longer than
        /// `database.statement_timeout`, so that it passes only when PostgreSQL does not answer at all.
        step_timeout: Duration = "7s",
        /// How long to ask what became of a commit whose answer was lost.
        settle_timeout: Duration = "5s",
        /// How often a transaction that lost against another one is run again.
        conflict_retries: u32 = "5",
        /// How long a stop waits for what is queued to be written.
        stop_timeout: Duration = "6s",
    }
}

/// What a write that succeeded means for the vector index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    /// It will hold the record.
    Deferred,
    /// It holds the record.
    Strict,
}

impl Setting for Consistency {
    const FORM: &'static str = "deferred or strict";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "deferred" => Some(Self::Deferred),
            "strict" => Some(Self::Strict),
            _ => None,
        }
    }
}

impl Setting for Handling {
    const FORM: &'static str = "strict or lenient";

    fn parse(text: &str) -> Option<Self> {
        Self::of_word(text)
    }
}

impl WriterSection {
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.range("writer.writers", self.writers, 1, 16);
        faults.range("writer.queue_records", self.queue_records, 1, 1_000_000);
        faults.range("writer.group_records", self.group_records, 1, 10_000);
        faults.range("writer.batch_connections", self.batch_connections, 1, 16);
        faults.range("writer.strict_connections", self.strict_connections, 1, 16);
        faults.range("writer.update_connections", self.update_connections, 1, 16);
        faults.range("writer.byte_budget", self.byte_budget, ByteSize::new(1 << 16), ByteSize::new(2 << 30));
        faults.range("writer.conflict_retries", self.conflict_retries, 0, 100);
        faults.above_zero("writer.settle_timeout", self.settle_timeout);
    }

    /// As the writer takes them.
    #[must_use]
    pub fn to_writer(&self) -> WriterSettings {
        WriterSettings {
            writers: self.writers,
            queue_records: self.queue_records,
            group_records: self.group_records,
            batch_connections: self.batch_connections,
            update_connections: self.update_connections,
            step_timeout: self.step_timeout,
            settle_timeout: self.settle_timeout,
            conflict_retries: self.conflict_retries,
        }
    }
}
