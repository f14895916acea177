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
        (Kind::Unknown, "tuple concurrently updated", DatabaseFault::Serialization),
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
        (Kind::Unknown, "value too long for type character varying(50)", DatabaseFault::Record),
        (Kind::Unknown, "unsupported Unicode escape sequence", DatabaseFault::Record),
        (Kind::Unknown, "invalid byte sequence for encoding \"UTF8\": 0x00", DatabaseFault::Record),
        (Kind::Unknown, "bigint out of range", DatabaseFault::Record),
        (
            Kind::Unknown,
            "string is too long for tsvector (1400000 bytes, max 1048575 bytes)",
            DatabaseFault::Record,
        ),
        (
            Kind::Unknown,
            "index row size 4112 exceeds btree version 4 maximum 2704 for index \"a\"",
            DatabaseFault::Record,
        ),
        (Kind::Unknown, "expected 384 dimensions, not 3", DatabaseFault::Record),
        (Kind::Unknown, "out of memory", DatabaseFault::OutOfResources),
        (Kind::Unknown, "out of shared memory", DatabaseFault::OutOfResources),
        (Kind::Unknown, "permission denied for table remediation_audit", DatabaseFault::Forbidden),
        (Kind::Unknown, "prepared statement \"s1\" does not exist", DatabaseFault::StatementLost),
        (Kind::Unknown, "cached plan must not change result type", DatabaseFault::StatementLost),
        (Kind::Unknown, "Abbruch der Anweisung wegen Zeitüberschreitung der Anfrage", DatabaseFault::Other),
    ] {
        assert_eq!(DatabaseFault::of(&reported(kind, message)), fault, "{message}");
    }
}

/// F57: violations are known by their kinds, in any language; what has no kind blames no record unless it is known to.
#[test]
fn violations_blame_the_record_in_any_language() {
    for kind in
        [Kind::UniqueViolation, Kind::ForeignKeyViolation, Kind::NotNullViolation, Kind::ExclusionViolation]
    {
        let fault = DatabaseFault::of(&reported(kind, "ungueltig"));
        assert!(fault.blames_record(), "{fault:?}");
    }
    let words = "Wert zu lang fuer Typ character varying(50)";
    assert!(!DatabaseFault::of(&reported(Kind::Unknown, words)).blames_record());
}

/// F57: a message may quote what a client has sent, which is not taken for the server's own words.
#[test]
fn what_a_message_quotes_is_not_read() {
    for quoted in ["terminating connection", "out of memory", "the database system is", "permission denied"] {
        let message = format!("invalid input syntax for type json: \"{quoted}\"");
        assert_eq!(DatabaseFault::of(&reported(Kind::Unknown, &message)), DatabaseFault::Record, "{quoted}");
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
