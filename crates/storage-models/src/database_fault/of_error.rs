//! The fault that an error of diesel stands for.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error};

use super::{DatabaseFault, messages};

impl DatabaseFault {
    /// Tells `error` apart.
    #[must_use]
    pub fn of(error: &Error) -> Self {
        match error {
            Error::DatabaseError(kind, information) => Self::of_report(kind, information.as_ref()),
            Error::DeserializationError(_) => Self::Unreadable,
            Error::BrokenTransactionManager => Self::ConnectionLost,
            Error::RollbackErrorOnCommit { commit_error, .. } => Self::of(commit_error),
            _ => Self::Other,
        }
    }

    /// By the kind, except where one kind has several causes. Without a kind, by the message.
    fn of_report(kind: &DatabaseErrorKind, report: &(dyn DatabaseErrorInformation + Send + Sync)) -> Self {
        let words = || messages::fault_in(report.message());
        match kind {
            DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ClosedConnection => {
                Self::ConnectionLost
            }
            DatabaseErrorKind::SerializationFailure => words().unwrap_or(Self::Serialization),
            DatabaseErrorKind::ReadOnlyTransaction => Self::ReadOnly,
            DatabaseErrorKind::RestrictViolation => Self::FinishedRecord,
            // A row without a partition is the one violation of a check that has no name.
            DatabaseErrorKind::CheckViolation if report.constraint_name().is_none() => Self::NoPartition,
            DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::NotNullViolation
            | DatabaseErrorKind::CheckViolation
            | DatabaseErrorKind::ExclusionViolation => Self::Record,
            _ => words().unwrap_or(Self::Other),
        }
    }
}
