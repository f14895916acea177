//! What a failed statement means, from what diesel tells of it.
//!
//! diesel keeps a kind for a few errors and drops the SQLSTATE of all others, so those are known by the server's
//! message. This is the one place that reads it. The messages are PostgreSQL's English ones: connections ask for
//! `lc_messages = 'C'`, and in another language a time-out is [`DatabaseFault::Other`].

#[cfg(test)]
mod tests;

use std::fmt;

use diesel::result::{DatabaseErrorKind, Error};

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
    /// Somebody cancelled the statement (`pg_cancel_backend`, or a cancel request of the pool's owner).
    Cancelled,
    /// A lock was not to be had within `lock_timeout`.
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
    /// An answer came and does not fit the record: the schema is not the one this crate was built for.
    Unreadable,
    /// Anything else: data the database refuses, or a defect of the statement, the schema or the server.
    Other,
}

/// Parts of PostgreSQL's messages (`tcop/postgres.c`, `utils/init/postinit.c`, `storage/lmgr`, `executor/execPartition.c`),
/// the more special ones first.
const MESSAGES: &[(&str, DatabaseFault)] = &[
    ("canceling statement due to statement timeout", DatabaseFault::StatementTimeout),
    ("terminating connection due to transaction timeout", DatabaseFault::StatementTimeout),
    ("canceling statement due to lock timeout", DatabaseFault::LockTimeout),
    ("could not obtain lock on", DatabaseFault::LockTimeout),
    ("canceling statement due to user request", DatabaseFault::Cancelled),
    ("due to conflict with recovery", DatabaseFault::ReplicaConflict),
    ("terminating connection", DatabaseFault::ShuttingDown),
    ("the database system is", DatabaseFault::ShuttingDown),
    ("too many clients already", DatabaseFault::TooManyConnections),
    ("remaining connection slots are reserved", DatabaseFault::TooManyConnections),
    ("too many connections for", DatabaseFault::TooManyConnections),
    ("deadlock detected", DatabaseFault::Deadlock),
    ("No space left on device", DatabaseFault::DiskFull),
    ("no partition of relation", DatabaseFault::NoPartition),
];

impl DatabaseFault {
    /// Tells `error` apart.
    #[must_use]
    pub fn of(error: &Error) -> Self {
        match error {
            Error::DatabaseError(kind, information) => Self::of_kind(kind, information.message()),
            Error::DeserializationError(_) => Self::Unreadable,
            Error::BrokenTransactionManager => Self::ConnectionLost,
            Error::RollbackErrorOnCommit { commit_error, .. } => Self::of(commit_error),
            _ => Self::Other,
        }
    }

    fn of_kind(kind: &DatabaseErrorKind, message: &str) -> Self {
        if let Some((_, fault)) = MESSAGES.iter().find(|(part, _)| message.contains(part)) {
            return *fault;
        }
        match kind {
            DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ClosedConnection => {
                Self::ConnectionLost
            }
            DatabaseErrorKind::SerializationFailure => Self::Serialization,
            DatabaseErrorKind::ReadOnlyTransaction => Self::ReadOnly,
            DatabaseErrorKind::RestrictViolation => Self::FinishedRecord,
            _ => Self::Other,
        }
    }

    /// Whether the connection is of no further use.
    #[must_use]
    pub const fn ends_connection(self) -> bool {
        matches!(self, Self::ConnectionLost | Self::ShuttingDown)
    }

    /// Whether the same transaction may succeed at once when run again.
    #[must_use]
    pub const fn is_conflict(self) -> bool {
        matches!(self, Self::Deadlock | Self::Serialization)
    }

    /// The cause as a caller must tell it apart.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::StatementTimeout | Self::Cancelled => ErrorCode::DeadlinePassed,
            Self::FinishedRecord => ErrorCode::Conflict,
            Self::NoPartition | Self::Unreadable | Self::Other => ErrorCode::Internal,
            _ => ErrorCode::Unavailable,
        }
    }
}

impl fmt::Display for DatabaseFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConnectionLost => "the connection to the database is lost; try again on another",
            Self::ShuttingDown => "the database is stopping or starting; try again",
            Self::TooManyConnections => "the database takes no further connection",
            Self::StatementTimeout => "it took longer than the database allows; narrow the filter",
            Self::Cancelled => "it was cancelled",
            Self::LockTimeout => "the table is locked by a change of the schema; try again",
            Self::Deadlock => "it was chosen to end a deadlock; try again",
            Self::Serialization => "another transaction was in the way; try again",
            Self::ReplicaConflict => "the standby had to give way to its primary; try again",
            Self::DiskFull => "the database's disk is full",
            Self::ReadOnly => "the database takes no writes",
            Self::NoPartition => "the record's month has no partition",
            Self::FinishedRecord => "the record is finished and cannot be changed",
            Self::Unreadable => "the answer does not fit the record; verify the schema",
            Self::Other => "the database refused",
        })
    }
}
