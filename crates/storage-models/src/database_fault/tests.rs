//! Each message and kind; `storage-query` and `storage-dualwrite` provoke them on a real server.

use diesel::result::{DatabaseErrorKind as Kind, Error};

use super::DatabaseFault;

fn reported(kind: Kind, message: &str) -> Error {
    Error::DatabaseError(kind, Box::new(message.to_owned()))
}

#[test]
fn kinds_and_messages_name_the_fault() {
    for (kind, message, fault) in [
        (Kind::Unknown, "canceling statement due to statement timeout", DatabaseFault::StatementTimeout),
        (Kind::Unknown, "terminating connection due to transaction timeout", DatabaseFault::StatementTimeout),
        (Kind::Unknown, "canceling statement due to user request", DatabaseFault::Cancelled),
        (Kind::Unknown, "canceling statement due to lock timeout", DatabaseFault::LockTimeout),
        (Kind::Unknown, "deadlock detected", DatabaseFault::Deadlock),
        (Kind::Unknown, "the database system is starting up", DatabaseFault::ShuttingDown),
        (Kind::Unknown, "terminating connection due to administrator command", DatabaseFault::ShuttingDown),
        (
            Kind::Unknown,
            "terminating connection because of crash of another server process",
            DatabaseFault::ShuttingDown,
        ),
        (
            Kind::SerializationFailure,
            "canceling statement due to conflict with recovery",
            DatabaseFault::ReplicaConflict,
        ),
        (
            Kind::Unknown,
            "terminating connection due to conflict with recovery",
            DatabaseFault::ReplicaConflict,
        ),
        (
            Kind::SerializationFailure,
            "could not serialize access due to concurrent update",
            DatabaseFault::Serialization,
        ),
        (Kind::Unknown, "sorry, too many clients already", DatabaseFault::TooManyConnections),
        (
            Kind::Unknown,
            "could not extend file \"base/5/1\": No space left on device",
            DatabaseFault::DiskFull,
        ),
        (
            Kind::CheckViolation,
            "no partition of relation \"remediation_audit\" found for row",
            DatabaseFault::NoPartition,
        ),
        (Kind::RestrictViolation, "record 1 of remediation_audit is finished", DatabaseFault::FinishedRecord),
        (
            Kind::ReadOnlyTransaction,
            "cannot execute INSERT in a read-only transaction",
            DatabaseFault::ReadOnly,
        ),
        (Kind::ClosedConnection, "", DatabaseFault::ConnectionLost),
        (Kind::UnableToSendCommand, "connection closed", DatabaseFault::ConnectionLost),
        (Kind::Unknown, "relation \"remediation_audit\" does not exist", DatabaseFault::Other),
        (Kind::Unknown, "value too long for type character varying(50)", DatabaseFault::Other),
        (Kind::Unknown, "Abbruch der Anweisung wegen Zeitüberschreitung der Anfrage", DatabaseFault::Other),
    ] {
        assert_eq!(DatabaseFault::of(&reported(kind, message)), fault, "{message}");
    }
}

#[test]
fn a_failed_commit_is_told_by_what_failed_it() {
    let error = Error::RollbackErrorOnCommit {
        rollback_error: Box::new(Error::BrokenTransactionManager),
        commit_error: Box::new(reported(Kind::Unknown, "the database system is shutting down")),
    };
    assert_eq!(DatabaseFault::of(&error), DatabaseFault::ShuttingDown);
    assert_eq!(DatabaseFault::of(&Error::BrokenTransactionManager), DatabaseFault::ConnectionLost);
}
