//! What is to be proven: the requirements, and the failures of others that must not happen here.

/// A requirement, or a failure to rule out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// `BR-STORAGE-001` or `F01`.
    pub(super) id: &'static str,
    /// What it is about, in a few words.
    pub(super) title: &'static str,
}

const fn entry(id: &'static str, title: &'static str) -> Entry {
    Entry { id, title }
}

/// The requirements.
pub(super) static REQUIREMENTS: &[Entry] = &[
    entry("BR-STORAGE-001", "Basic audit persistence"),
    entry("BR-STORAGE-002", "Dual-write transactions"),
    entry("BR-STORAGE-003", "Schema validation"),
    entry("BR-STORAGE-004", "Idempotent writes"),
    entry("BR-STORAGE-005", "Transaction coordination"),
    entry("BR-STORAGE-006", "Graceful degradation"),
    entry("BR-STORAGE-007", "Embedding cache"),
    entry("BR-STORAGE-008", "Embedding generation"),
    entry("BR-STORAGE-009", "Vector DB writes"),
    entry("BR-STORAGE-010", "Input validation"),
    entry("BR-STORAGE-011", "Sanitization"),
    entry("BR-STORAGE-012", "Query API"),
    entry("BR-STORAGE-013", "Filtering"),
    entry("BR-STORAGE-014", "Pagination"),
    entry("BR-STORAGE-015", "Concurrent writes"),
    entry("BR-STORAGE-016", "Semantic search"),
    entry("BR-STORAGE-017", "Error handling"),
    entry("BR-STORAGE-018", "Logging"),
    entry("BR-STORAGE-019", "Metrics"),
    entry("BR-STORAGE-020", "Authentication"),
];

/// The failures.
pub(super) static FAILURES: &[Entry] = &[
    entry("F01", "`total` is the length of the page"),
    entry("F02", "list and count disagree"),
    entry("F03", "a documented filter has no column"),
    entry("F04", "a cancelled request leaves half a write, or keeps its connection"),
    entry("F05", "a vector without its record"),
    entry("F06", "an operation applied after its time-out undoes a newer one"),
    entry("F07", "a batch with one bad item is half applied"),
    entry("F08", "records that never reach the index go unnoticed"),
    entry("F09", "the repair covers only part of a record's way"),
    entry("F10", "a retry stores a record twice"),
    entry("F11", "a reused idempotency key returns another record"),
    entry("F12", "legitimate names are mangled"),
    entry("F13", "deadlocks from the order of locks"),
    entry("F14", "an accepted record is lost"),
    entry("F15", "a poison item blocks the queue"),
    entry("F16", "shutdown stops half-way"),
    entry("F17", "NULL in a nullable column breaks a read, or shortens it"),
    entry("F18", "a database error is shown to the client"),
    entry("F19", "malformed parameters are accepted"),
    entry("F20", "unknown parameters and fields are ignored"),
    entry("F21", "a new month has no partition"),
    entry("F22", "filtered vector search loses matches"),
    entry("F23", "an invalid index setting is silently off"),
    entry("F24", "a throttling embedding provider stops writes"),
    entry("F25", "a slow token review stalls requests"),
    entry("F26", "a cached vector of another model is used"),
    entry("F27", "a held snapshot slows the outbox"),
    entry("F28", "a change feed skips late commits"),
    entry("F29", "numbers and times change on the way"),
    entry("F30", "an empty CORS list allows everyone"),
    entry("F31", "bookkeeping changes a record's version"),
    entry("F32", "versions run backwards"),
    entry("F33", "a change during projection is not projected"),
    entry("F34", "a lost commit answer writes twice"),
    entry("F35", "replicas deadlock on idempotency keys"),
    entry("F36", "a repair against an empty database empties the index"),
    entry("F37", "a stray row blocks a month"),
    entry("F38", "rows are handed to the wrong requests"),
    entry("F39", "vectors of two models are compared"),
    entry("F40", "an accepted record stops the projection and every search"),
    entry("F41", "stored metadata grows when it is read back"),
    entry("F42", "a small body becomes a large value in memory"),
    entry("F43", "one request takes the processor from all others"),
    entry("F44", "bodies that are announced and not sent refuse everyone's writes"),
    entry("F45", "one caller takes all of what is scarce"),
    entry("F46", "a known caller is counted as a stranger"),
    entry("F48", "pages open to everyone cost more than they should"),
    entry("F52", "the description refuses what the service takes"),
    entry("F53", "abandoned reads exhaust the database's connections"),
    entry("F54", "a step of the projector grows until it never ends"),
    entry("F55", "one writer without a connection refuses everyone's writes"),
    entry("F56", "a failover of PostgreSQL loses records or never heals"),
    entry("F57", "a fault of the server is blamed on the record"),
    entry("F58", "an outbox row of an old version is claimed for ever"),
    entry("F59", "the guard of the repair counts too little"),
    entry("F60", "back-dated records make partitions without end"),
    entry("F61", "partitioned tables are never analysed"),
    entry("F62", "a task that panicked is gone for ever"),
    entry("F65", "what is refused below the routes is not explained"),
    entry("F70", "messages mislead"),
];
