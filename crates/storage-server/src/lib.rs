//! The HTTP service of the audit store: the only crate that knows actix, HTTP statuses and settings files.
//!
//! A process reads [`Settings`], starts telemetry, chooses an embedder and hands everything over as [`Parts`]:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use storage_embedding::{DEFAULT_TTL, EmbeddingService, HashingEmbedder, MemoryCache};
//! use storage_server::{Parts, Server, Settings, Sources, telemetry};
//!
//! let settings = Settings::load(&Sources::of_process())?;
//! let log = telemetry::log::init(&settings.log)?;
//! let metrics = telemetry::metrics::install()?;
//! let cache = MemoryCache::new(32 << 20, DEFAULT_TTL);
//! let embedding = Arc::new(EmbeddingService::new(Arc::new(HashingEmbedder::new()), Arc::new(cache)));
//! let connectors = settings.database.connectors()?;
//!
//! let parts = Parts { settings, connectors, embedding, redis: None, index: None, metrics, log };
//! let server = Server::start(parts).await?;
//! println!("http://{}", server.addr());
//! server.run_until_stopped().await;
//! # Ok(())
//! # }
//! ```
//!
//! # The way of a request
//!
//! | step | where |
//! |---|---|
//! | no more of a client is read than is worked on | `connection` |
//! | ids, span, deadline; on the way out the log line, the metrics, the problem document | `telemetry::request` |
//! | the name that is asked for | `host` |
//! | which web pages may read the answer | `cors` |
//! | who asks, and whether they may | `auth`, `routes::access` |
//! | the encoding of the answer | `compress` |
//! | the body: type, size, byte budget | `body` |
//! | the query string, strictly | `parameters` |
//! | the handler | `routes` |
//! | what it asks of the store | `edge`, `pool`; `export` for streams |
//! | who may write to months long past | `months` |
//! | who gets the next connection when there are too few | `shares` |
//! | a search, with whatever is there | `search` |
//! | what went wrong, as a document | `problem` |
//! | all of this, described | `openapi` |
//! | what is open to everybody, encoded once | `routes::pages` |
//!
//! # What holds
//!
//! - A handler sees the store only through `edge`, so that tests can put faults in its place.
//! - One table turns causes into problems (`problem::convert`), one defines them (`problem::kind`).
//! - A request that is dropped or out of time ends its statement on the server; a record that has left the write
//!   queue is never answered with a passed deadline.
//! - Bodies are bounded before they are read; what waits is bounded by one byte budget.
//! - No body, no token and no password is ever logged.

mod answers;
mod auth;
mod body;
mod budget;
mod compress;
mod connection;
mod cors;
#[cfg(test)]
mod documents;
mod edge;
mod embedder;
mod etag;
mod export;
mod health;
mod heavy;
mod host;
mod life;
mod links;
mod months;
mod openapi;
mod parameters;
mod pool;
mod problem;
mod routes;
mod search;
mod settings;
mod shares;
mod state;
pub mod telemetry;
mod tls;

pub use auth::tokens::{NewToken, NewTokenError, TokenFault};
pub use auth::{ForwardedHeader, Network};
pub use life::{Ended, Parts, RunningServer, Server, StartError};
pub use problem::reference as problems_reference;
pub use settings::{
    Accounts, AuthMode, AuthSettings, AuthorizationBy, ByteSize, Connectors, ConnectorsError, Consistency,
    DatabaseSettings, DatabaseTlsMode, EffectiveSetting, EmbeddingSettings, ExportSettings, Flag,
    IdempotencySettings, InvalidSettings, KubernetesSection, LimitSettings, LogFormat, LogSettings, Networks,
    OpenAiSection, Origins, ProjectorSection, Provider, QdrantSection, ReconcileSection, RedisSection,
    SchemaSettings, ServerSettings, SettingFault, Settings, Sources, TlsSection, Unreadable, WriterSection,
    default_file, duration, reference as settings_reference,
};

/// The version of this build.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
