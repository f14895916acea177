//! The bounds of the writer.

use std::time::Duration;

/// How much the writer takes on at once. Every bound of the write path that is not in bytes is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriterSettings {
    /// Tasks, each with a connection of its own. They take turns: while the COMMIT of one is under way another writes the
    /// next group. More than two help when connections are stuck.
    pub writers: usize,
    /// Records that may wait; beyond them a write is refused at once.
    pub queue_records: usize,
    /// Records in one transaction.
    pub group_records: usize,
    /// Connections that write batches, one transaction each at a time: while one waits for the disk another works. Batches
    /// never share the writers' connections.
    pub batch_connections: usize,
    /// Connections that update records, one transaction each at a time.
    pub update_connections: usize,
    /// How long one step of a transaction may take before its connection is given up. Longer than the session's
    /// `statement_timeout`, so that it passes only when the server does not answer at all.
    pub step_timeout: Duration,
    /// How long to ask what became of a COMMIT whose answer was lost.
    pub settle_timeout: Duration,
    /// How often a transaction that lost against another one is run again.
    pub conflict_retries: u32,
}

impl Default for WriterSettings {
    fn default() -> Self {
        Self {
            writers: 2,
            queue_records: 10_000,
            group_records: 256,
            batch_connections: 2,
            update_connections: 2,
            step_timeout: Duration::from_secs(7),
            settle_timeout: Duration::from_secs(5),
            conflict_retries: 5,
        }
    }
}
