//! Why a feed cannot be read.

/// Why the end of a feed cannot be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum FeedFault {
    /// A transaction of another role, or a prepared one, is writing the table.
    #[error(
        "another role is writing, and this role may not see when that transaction began; grant pg_read_all_stats to \
         this role, or try again"
    )]
    HiddenWriter,
    /// The statement is in a transaction whose snapshot may be older than what is open now.
    #[error("the transaction is repeatable read or serializable; use read committed")]
    FixedSnapshot,
    /// The database is a standby, where the transactions open on its primary cannot be seen.
    #[error("a standby cannot see the transactions of its primary; send the query to the primary")]
    Standby,
}
