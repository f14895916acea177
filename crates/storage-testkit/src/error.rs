//! What can go wrong while a development stack is set up or driven.

use std::path::{Path, PathBuf};

/// A failure of the test kit, named by what was being attempted.
#[derive(Debug, thiserror::Error)]
pub enum TestkitError {
    /// A file or directory could not be read, written or removed.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was attempted, as a verb: `create`, `read`, `rename`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's answer.
        #[source]
        source: std::io::Error,
    },
    /// A program could not be started at all.
    #[error("cannot run `{program}`; {advice}")]
    Spawn {
        /// The program, as it was called.
        program: String,
        /// What the user can do about it.
        advice: &'static str,
        /// The operating system's answer.
        #[source]
        source: std::io::Error,
    },
    /// A program ran and failed.
    #[error("`{program}` failed ({status}):\n{output}")]
    Command {
        /// The program, as it was called.
        program: String,
        /// Its exit status.
        status: String,
        /// What it said, its last lines only.
        output: String,
    },
    /// A certificate could not be made or used.
    #[error("a certificate for tests cannot be made or used: {error}")]
    Certificate {
        /// What the library says.
        error: String,
    },
    /// A program is not installed.
    #[error("`{program}` is not there: {advice}")]
    MissingProgram {
        /// The program's name.
        program: &'static str,
        /// What the user can do about it.
        advice: &'static str,
    },
    /// No wheel is pinned for this machine.
    #[error(
        "no {what} is pinned for {platform}: install PostgreSQL 15 or later with pgvector 0.8 or later \
         so that `pg_config` is on PATH, or set DATABASE_URL to a server that has both"
    )]
    UnsupportedPlatform {
        /// What was wanted.
        what: String,
        /// Operating system and architecture of this machine.
        platform: String,
    },
    /// A download is not the file that was pinned.
    #[error(
        "{} has the SHA-256 {found}, expected {expected}: it is damaged or is not the pinned file; \
         empty the download cache (`python3 -m pip cache purge`) and try again",
        path.display()
    )]
    Digest {
        /// The downloaded file.
        path: PathBuf,
        /// The pinned digest, lower-case hexadecimal.
        expected: &'static str,
        /// The digest of the file as it is.
        found: String,
    },
    /// A download did not leave the file that was pinned.
    #[error("pip finished without leaving {file}: the pinned release is no longer served under this name")]
    MissingDownload {
        /// The pinned file name.
        file: &'static str,
    },
    /// An archive could not be read.
    #[error("cannot read the archive {}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// The reader's answer.
        #[source]
        source: zip::result::ZipError,
    },
    /// An archive holds an entry that must not be unpacked.
    #[error("refusing to unpack `{entry}` of {}: {reason}", path.display())]
    UnsafeArchive {
        /// The archive.
        path: PathBuf,
        /// The entry's name.
        entry: String,
        /// Why it is refused.
        reason: &'static str,
    },
    /// PostgreSQL refuses to run as root and no other account was found.
    #[error(
        "PostgreSQL refuses to run as root, and none of the accounts {tried} exists: run as another \
         user, or create one of them"
    )]
    NoAccount {
        /// The account names that were looked for.
        tried: String,
    },
    /// The directory for data that another account must reach belongs to somebody else.
    #[error("{} already exists and belongs to another user: remove it, or run as its owner", path.display())]
    ForeignDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// The chosen version of PostgreSQL is not one that is pinned.
    #[error("DATASTORAGE_PG_VERSION is `{asked}`: choose {known}, or leave it unset")]
    UnknownVersion {
        /// What the variable says.
        asked: String,
        /// The versions to choose from.
        known: &'static str,
    },
    /// A cluster did not start.
    #[error("PostgreSQL in {} did not start:\n{log}", root.display())]
    ClusterStart {
        /// The directory of the cluster.
        root: PathBuf,
        /// The end of its log.
        log: String,
    },
    /// A Redis server did not start.
    #[error("Redis in {} did not start:\n{log}", root.display())]
    RedisStart {
        /// The directory of the server.
        root: PathBuf,
        /// The end of its log.
        log: String,
    },
    /// Something did not happen within its bound.
    #[error("{what} did not happen within {seconds} s")]
    Timeout {
        /// What was waited for.
        what: String,
        /// The bound.
        seconds: u64,
    },
    /// A process could not be signalled or watched.
    #[error("cannot {action} process {pid}")]
    Process {
        /// What was attempted.
        action: &'static str,
        /// The process id.
        pid: i32,
        /// The operating system's answer.
        #[source]
        source: std::io::Error,
    },
    /// An environment variable that `cargo xtask test` sets is missing.
    #[error("{name} is not set: run the tests with `cargo xtask test`, which provides it")]
    MissingEnvironment {
        /// The variable.
        name: &'static str,
    },
    /// A database URL could not be understood.
    #[error("the database URL cannot be understood; expected postgres://user:password@host:port/database")]
    Url {
        /// The parser's answer.
        #[source]
        source: tokio_postgres::Error,
    },
    /// A database could not be reached.
    #[error("cannot connect to the database `{database}`")]
    Connect {
        /// The database's name.
        database: String,
        /// The driver's answer.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A statement of the test kit failed.
    #[error("cannot {action} the database `{database}`")]
    Database {
        /// What was attempted, as a verb.
        action: &'static str,
        /// The database's name.
        database: String,
        /// The server's answer.
        #[source]
        source: tokio_postgres::Error,
    },
    /// A test ended while something still held connections to its database.
    #[error("the database `{database}` is still in use:\n{sessions}")]
    SessionsLeft {
        /// The database's name.
        database: String,
        /// One line per session: application, state, last query.
        sessions: String,
    },
    /// The service ended, or did not become ready.
    #[error("the service {what}; the end of its log:\n{log}")]
    Service {
        /// What happened.
        what: String,
        /// The end of its log.
        log: String,
    },

    /// The small Kubernetes API could not be started.
    #[error("cannot {action} the Kubernetes API: {error}")]
    KubernetesApi {
        /// What was tried.
        action: &'static str,
        /// What came of it.
        error: String,
    },
    /// A Qdrant server did not do what a test needs of it.
    #[error("cannot {action} the Qdrant server")]
    Qdrant {
        /// What was attempted, as a verb.
        action: &'static str,
        /// The client library's answer.
        #[source]
        source: Box<qdrant_client::QdrantError>,
    },
    /// A socket could not be opened.
    #[error("cannot {action}")]
    Network {
        /// What was attempted.
        action: &'static str,
        /// The operating system's answer.
        #[source]
        source: std::io::Error,
    },
}

impl TestkitError {
    /// For `map_err`: a failed file operation.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }
}
