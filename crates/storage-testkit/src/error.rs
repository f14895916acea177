//! Errors of setting up and driving a development stack.

use std::path::{Path, PathBuf};

use devstack::DevstackError;

/// A failure of the test kit, named by what was being attempted.
#[derive(Debug, thiserror::Error)]
pub enum TestkitError {
    /// The development stack could not be set up or driven.
    #[error(transparent)]
    Devstack(#[from] DevstackError),
    /// A file or directory could not be read, written or removed.
    #[error("cannot {action} {}", path.display())]
    File {
        /// The attempt, as a verb: `create`, `read`, `rename`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's answer.
        #[source]
        source: std::io::Error,
    },
    /// A certificate could not be made or used.
    #[error("a certificate for tests cannot be made or used: {error}")]
    Certificate {
        /// The library's error.
        error: String,
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
        /// The attempt, as a verb.
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

    /// The small Kubernetes API could not be started.
    #[error("cannot {action} the Kubernetes API: {error}")]
    KubernetesApi {
        /// The attempt.
        action: &'static str,
        /// The result.
        error: String,
    },
    /// A Qdrant server did not do what a test needs of it.
    #[error("cannot {action} the Qdrant server")]
    Qdrant {
        /// The attempt, as a verb.
        action: &'static str,
        /// The client library's answer.
        #[source]
        source: Box<qdrant_client::QdrantError>,
    },
    /// A browser did not do what it was told.
    #[error("the browser cannot {action}: {error}")]
    Browser {
        /// The attempt: a command and what it was given.
        action: String,
        /// What came of it.
        error: String,
    },
    /// A socket could not be opened.
    #[error("cannot {action}")]
    Network {
        /// The attempt.
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

    /// A failed command to a browser.
    pub(crate) fn browser(action: &str, error: &dyn std::error::Error) -> Self {
        Self::Browser { action: action.to_owned(), error: error.to_string() }
    }
}
