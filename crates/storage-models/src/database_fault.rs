//! The meaning of a failed statement, from diesel's error.
//!
//! diesel keeps a kind for a few errors and drops the SQLSTATE of all others, so the others are recognised by the
//! server's message. Only this module reads messages. They are PostgreSQL's English ones, because connections ask for
//! `lc_messages = 'C'`. In another language an error without a kind is [`DatabaseFault::Other`], which blames no
//! record.

mod messages;
mod of_error;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::ErrorCode;

/// Why a statement failed, as far as the caller must act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DatabaseFault {
    /// The connection is gone, without a word from the server; whether the statement ran is not known.
    ConnectionLost,
    /// The server is going down, coming up, or ended this session.
    ShuttingDown,
    /// The server takes no further connection.
    TooManyConnections,
    /// The statement ran into `statement_timeout` (or PostgreSQL 17's `transaction_timeout`).
    StatementTimeout,
    /// The statement was cancelled (`pg_cancel_backend`, or a cancel request of the pool's owner).
    Cancelled,
    /// A lock could not be taken within `lock_timeout`.
    LockTimeout,
    /// This transaction was chosen to end a deadlock (40P01).
    Deadlock,
    /// Concurrent transactions could not be put in an order (40001).
    Serialization,
    /// A standby had to undo what the statement was reading; repeating it helps.
    ReplicaConflict,
    /// The disk is full.
    DiskFull,
    /// The server is a standby or set read-only.
    ReadOnly,
    /// A row's month has no partition.
    NoPartition,
    /// A finished record may not change (the immutability trigger).
    FinishedRecord,
    /// The content of a record is always refused: it does not fit a type (SQLSTATE class 22), a constraint (class 23),
    /// or the limits of a list of words or of an index's entry (54000).
    Record,
    /// A prepared statement of this connection is lost or out of date; another connection prepares it again.
    StatementLost,
    /// The server has not the memory or the locks.
    OutOfResources,
    /// The role may not do this.
    Forbidden,
    /// An answer came and does not fit the record: the schema is not the one this crate was built for.
    Unreadable,
    /// Anything else: a defect of the statement, the schema or the server.
    Other,
}

impl DatabaseFault {
    /// Whether the content of a record is at fault. The transaction may succeed without this record; the record never
    /// will.
    #[must_use]
    pub const fn blames_record(self) -> bool {
        matches!(self, Self::Record)
    }

    /// Whether the connection cannot be used any more. This includes a connection to a server that no longer takes
    /// writes, because another server does.
    #[must_use]
    pub const fn ends_connection(self) -> bool {
        matches!(self, Self::ConnectionLost | Self::ShuttingDown | Self::StatementLost | Self::ReadOnly)
    }

    /// Whether the same transaction may succeed at once when run again.
    #[must_use]
    pub const fn is_conflict(self) -> bool {
        matches!(self, Self::Deadlock | Self::Serialization)
    }

    /// The code of the cause.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::StatementTimeout | Self::Cancelled => ErrorCode::DeadlinePassed,
            Self::FinishedRecord => ErrorCode::Conflict,
            Self::NoPartition | Self::Unreadable | Self::Record | Self::Forbidden | Self::Other => {
                ErrorCode::Internal
            }
            _ => ErrorCode::Unavailable,
        }
    }
}

impl fmt::Display for DatabaseFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConnectionLost => "the connection to the database is lost; try again on another connection",
            Self::ShuttingDown => "the database is stopping or starting; try again",
            Self::TooManyConnections => {
                "the database accepts no further connection; close unused connections or \
                                         raise max_connections"
            }
            Self::StatementTimeout => "the statement took longer than the database allows; narrow the filter",
            Self::Cancelled => "the statement was cancelled",
            Self::LockTimeout => "the table is locked by a change of the schema; try again",
            Self::Deadlock => "PostgreSQL ended the transaction to resolve a deadlock; try again",
            Self::Serialization => "the transaction conflicts with another one; try again",
            Self::ReplicaConflict => "a change on the primary ended the statement on the standby; try again",
            Self::DiskFull => "the database's disk is full",
            Self::ReadOnly => "the database accepts no writes",
            Self::NoPartition => "the record's month has no partition",
            Self::FinishedRecord => "the record is finished and cannot be changed",
            Self::Record => "the database refuses this record",
            Self::StatementLost => {
                "the connection has lost a prepared statement; try again on another connection"
            }
            Self::OutOfResources => "the database has no memory or locks left; try again",
            Self::Forbidden => "the role may not do this; run `datastorage schema roles`",
            Self::Unreadable => {
                "the columns of the answer do not match the record; run `datastorage schema verify`"
            }
            Self::Other => "the database refused the statement",
        })
    }
}
