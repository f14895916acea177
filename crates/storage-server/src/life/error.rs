//! Why the service did not start.

use std::net::SocketAddr;
use std::time::Duration;

use storage_dualwrite::{ConnectError, EmbeddingSetError};
use storage_schema::SchemaError;

use crate::settings::SettingFault;

/// A start that ended before the service was ready.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// PostgreSQL could not be reached for as long as `database.start_timeout` says.
    #[error("PostgreSQL could not be reached for {} s (database.start_timeout); check its address and that it runs", .waited.as_secs())]
    DatabaseAway {
        /// How long it was tried.
        waited: Duration,
        /// What the last try met.
        #[source]
        source: ConnectError,
    },
    /// A file that the settings of the database name has changed since the settings were checked.
    #[error("the service cannot connect as the owner of the tables (schema.owner_url)")]
    Owner(#[source] SettingFault),
    /// The schema could not be made.
    #[error("the schema could not be made (schema.bootstrap)")]
    Bootstrap(#[source] SchemaError),
    /// The schema could not be read.
    #[error("the schema could not be compared with what this version needs")]
    Verify(#[source] SchemaError),
    /// The database lacks what this version needs.
    #[error(
        "the database lacks what this version needs:\n  {}\nrun `datastorage schema bootstrap`, or set schema.bootstrap; \
         for rights run `datastorage schema roles`",
        .0.join("\n  ")
    )]
    Schema(Vec<String>),
    /// The stored vectors are another embedder's, or their set could not be read.
    #[error("the embedder cannot be used with this database")]
    EmbeddingSet(#[source] EmbeddingSetError),
    /// The database's own id could not be read.
    #[error("the id of the database (table installation) could not be read")]
    Installation(#[source] EmbeddingSetError),
    /// The outside index holds another database's points or another embedder's vectors.
    #[error("the vector index cannot be used: {0}")]
    Index(String),
    /// The tokens of callers cannot be checked.
    #[error("authentication cannot be set up: {0}")]
    Auth(String),
    /// The API cannot speak TLS.
    #[error("the API cannot speak TLS: {0}")]
    Tls(String),
    /// An address cannot be listened on.
    #[error("cannot listen on {addr}; is something else using it?")]
    Bind {
        /// The address of the settings.
        addr: SocketAddr,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// A step of the start ended before its time.
    #[error("a step of the start was ended")]
    Interrupted(#[source] tokio::task::JoinError),
}

impl StartError {
    /// Whether another try fails too until an operator changes something.
    pub(super) const fn is_final(&self) -> bool {
        match self {
            Self::DatabaseAway { source, .. } => matches!(source, ConnectError::Url(_)),
            Self::Bootstrap(error) => {
                matches!(error, SchemaError::LockTimeout(_) | SchemaError::Extension(_))
            }
            Self::EmbeddingSet(error) => matches!(error, EmbeddingSetError::Mismatch { .. }),
            Self::Verify(_) | Self::Installation(_) => false,
            _ => true,
        }
    }

    /// What the process exits with: 69 when PostgreSQL is unavailable, 78 when the settings name what cannot be used, else 1.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::DatabaseAway { .. } => 69,
            Self::Schema(_)
            | Self::EmbeddingSet(EmbeddingSetError::Mismatch { .. })
            | Self::Index(_)
            | Self::Auth(_)
            | Self::Tls(_) => 78,
            _ => 1,
        }
    }
}
