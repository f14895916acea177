//! Why a record was not stored, or may not have been.

use storage_models::ErrorCode;

/// A record of a batch whose remediation does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orphan {
    /// Its place in the batch, counted from 0.
    pub place: usize,
    /// The remediation it names.
    pub remediation_id: i64,
}

/// A write that was not acknowledged. All but [`WriteError::OutcomeUnknown`] mean that nothing was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The queue holds as many records as it may.
    #[error("the write queue is full")]
    QueueFull,
    /// The deadline passed while the record was still queued.
    #[error("the deadline passed before the record's transaction began")]
    DeadlinePassed,
    /// PostgreSQL is unavailable, or the record's partition could not be made.
    #[error("PostgreSQL cannot store the record now")]
    Unavailable,
    /// A strict write cannot be in the vector index now; it was not stored in PostgreSQL either.
    #[error("the record cannot be stored in both PostgreSQL and the vector index now")]
    IndexUnavailable,
    /// The writer takes no more records.
    #[error("the service is stopping")]
    Stopping,
    /// The answer to COMMIT was lost, and what became of it could not be learnt in time.
    #[error("the outcome of the commit is not known")]
    OutcomeUnknown,
    /// The remediation that the record names does not exist.
    #[error("remediation {0} does not exist")]
    ParentNotFound(i64),
    /// Records of a batch name remediations that do not exist; nothing of the batch was stored.
    #[error("{} records of the batch name remediations that do not exist", .0.len())]
    ParentsNotFound(Vec<Orphan>),
    /// The record has another version than the update was made for.
    #[error("the record has been changed since that version")]
    Stale,
    /// The record is finished.
    #[error("the record is finished and cannot be changed")]
    Finished,
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The first request with this idempotency key is still under way.
    #[error("the first request with this idempotency key has not finished")]
    KeyInFlight,
    /// The database refused this record although it was valid.
    #[error("the database refused the record: {0}")]
    Refused(String),
    /// The transaction failed for a reason that is no record's: a right, a table, the database itself.
    #[error("PostgreSQL could not run the transaction: {0}")]
    Failed(String),
}

impl WriteError {
    /// The error code for the caller.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::QueueFull => ErrorCode::Overloaded,
            Self::DeadlinePassed => ErrorCode::DeadlinePassed,
            Self::Unavailable => ErrorCode::Unavailable,
            Self::IndexUnavailable => ErrorCode::IndexUnavailable,
            Self::Stopping => ErrorCode::Stopping,
            Self::OutcomeUnknown => ErrorCode::OutcomeUnknown,
            Self::Stale => ErrorCode::Stale,
            Self::Finished => ErrorCode::Conflict,
            Self::KeyReused => ErrorCode::KeyReused,
            Self::KeyInFlight => ErrorCode::KeyInFlight,
            Self::ParentNotFound(_) | Self::ParentsNotFound(_) => ErrorCode::Invalid,
            Self::Refused(_) | Self::Failed(_) => ErrorCode::Internal,
        }
    }
}
