//! Why a record was not stored, or may not have been.

use storage_models::ErrorCode;

/// A write that was not acknowledged. All but [`WriteError::OutcomeUnknown`] mean that nothing was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The queue holds as many records as it may.
    #[error("the write queue is full")]
    QueueFull,
    /// The deadline passed while the record was still queued.
    #[error("the deadline passed before the record's transaction began")]
    DeadlinePassed,
    /// PostgreSQL is away, or the record's partition could not be made.
    #[error("PostgreSQL cannot take the record now")]
    Unavailable,
    /// The writer takes no more records.
    #[error("the service is stopping")]
    Stopping,
    /// The answer to COMMIT was lost, and what became of it could not be learnt in time.
    #[error("the outcome of the commit is not known")]
    OutcomeUnknown,
    /// The remediation that the record names does not exist.
    #[error("remediation {0} does not exist")]
    ParentNotFound(i64),
    /// The database refused this record although it was valid.
    #[error("the database refused the record: {0}")]
    Refused(String),
}

impl WriteError {
    /// What the caller is told.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::QueueFull => ErrorCode::Overloaded,
            Self::DeadlinePassed => ErrorCode::DeadlinePassed,
            Self::Unavailable => ErrorCode::Unavailable,
            Self::Stopping => ErrorCode::Stopping,
            Self::OutcomeUnknown => ErrorCode::OutcomeUnknown,
            Self::ParentNotFound(_) => ErrorCode::Invalid,
            Self::Refused(_) => ErrorCode::Internal,
        }
    }
}
