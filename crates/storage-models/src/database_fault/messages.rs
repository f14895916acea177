//! PostgreSQL's English messages, where diesel keeps no kind for the error.

use super::DatabaseFault;

/// The position of a text in a message. A message may quote a client's data, so most texts count only at its start or
/// end, where nothing is quoted.
#[derive(Debug, Clone, Copy)]
enum Text {
    Starts(&'static str),
    Ends(&'static str),
    /// At its start and, without what is quoted, at its end.
    Around(&'static str, &'static str),
}

use Text::{Around, Ends, Starts};

impl Text {
    fn is_in(self, message: &str) -> bool {
        match self {
            Starts(text) => message.starts_with(text),
            Ends(text) => message.ends_with(text),
            Around(start, end) => message.strip_prefix(start).is_some_and(|rest| rest.contains(end)),
        }
    }
}

/// The messages (`tcop/postgres.c`, `utils/init/postinit.c`, `storage/lmgr`, `utils/mmgr`, `utils/adt`, pgvector), the more
/// special ones first.
const MESSAGES: &[(Text, DatabaseFault)] = &[
    (Starts("canceling statement due to statement timeout"), DatabaseFault::StatementTimeout),
    (Starts("terminating connection due to transaction timeout"), DatabaseFault::StatementTimeout),
    (Starts("canceling statement due to lock timeout"), DatabaseFault::LockTimeout),
    (Starts("could not obtain lock on"), DatabaseFault::LockTimeout),
    (Starts("canceling statement due to user request"), DatabaseFault::Cancelled),
    (Starts("canceling statement due to conflict with recovery"), DatabaseFault::ReplicaConflict),
    (Starts("terminating connection due to conflict with recovery"), DatabaseFault::ReplicaConflict),
    (Starts("terminating connection"), DatabaseFault::ShuttingDown),
    (Starts("the database system is"), DatabaseFault::ShuttingDown),
    (Starts("sorry, too many clients already"), DatabaseFault::TooManyConnections),
    (Starts("remaining connection slots are reserved"), DatabaseFault::TooManyConnections),
    (Starts("too many connections for"), DatabaseFault::TooManyConnections),
    (Starts("deadlock detected"), DatabaseFault::Deadlock),
    (Starts("tuple concurrently "), DatabaseFault::Serialization),
    (Starts("out of memory"), DatabaseFault::OutOfResources),
    (Starts("out of shared memory"), DatabaseFault::OutOfResources),
    (Starts("could not resize shared memory segment"), DatabaseFault::OutOfResources),
    (Ends("No space left on device"), DatabaseFault::DiskFull),
    (Starts("permission denied"), DatabaseFault::Forbidden),
    (Around("prepared statement ", " does not exist"), DatabaseFault::StatementLost),
    (Starts("cached plan must not change result type"), DatabaseFault::StatementLost),
    // Class 22: data.
    (Starts("value too long for type "), DatabaseFault::Record),
    (Starts("invalid byte sequence for encoding "), DatabaseFault::Record),
    (Starts("invalid input syntax for type "), DatabaseFault::Record),
    (Starts("invalid input value for enum "), DatabaseFault::Record),
    (Starts("invalid regular expression: "), DatabaseFault::Record),
    (Starts("unsupported Unicode escape sequence"), DatabaseFault::Record),
    (Starts("unterminated quoted string in"), DatabaseFault::Record),
    (Starts("null character not permitted"), DatabaseFault::Record),
    (Starts("malformed "), DatabaseFault::Record),
    (Starts("numeric field overflow"), DatabaseFault::Record),
    (Starts("division by zero"), DatabaseFault::Record),
    (Starts("date/time field value out of range: "), DatabaseFault::Record),
    (Starts("value out of range: "), DatabaseFault::Record),
    (Around("value \"", "\" is out of range for type "), DatabaseFault::Record),
    (Around("\"", "\" is out of range for type "), DatabaseFault::Record),
    (Ends("teger out of range"), DatabaseFault::Record),
    (Ends("int out of range"), DatabaseFault::Record),
    (Ends("timestamp out of range"), DatabaseFault::Record),
    (Ends("interval out of range"), DatabaseFault::Record),
    (Around("expected ", " dimensions, not "), DatabaseFault::Record),
    (Around("different ", " dimensions "), DatabaseFault::Record),
    (Starts("NaN not allowed in "), DatabaseFault::Record),
    (Starts("infinite value not allowed in "), DatabaseFault::Record),
    // 54000 of a list of words, and of an entry of an index.
    (Starts("string is too long for tsvector"), DatabaseFault::Record),
    (Starts("word is too long"), DatabaseFault::Record),
    (Starts("index row size "), DatabaseFault::Record),
    (Starts("index row requires "), DatabaseFault::Record),
];

/// The fault of the message, if the message is known.
pub(super) fn fault_in(message: &str) -> Option<DatabaseFault> {
    MESSAGES.iter().find(|(text, _)| text.is_in(message)).map(|(_, fault)| *fault)
}
