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
//! let log = telemetry::log::init(settings.log.format, &settings.log.level)?;
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
//! | no more of a client is read than is worked on | `http::connection` |
//! | ids, span, deadline; on the way out the log line, the metrics, the problem document | `http::observe` |
//! | the name that is asked for | `http::host` |
//! | which web pages may read the answer | `http::cors` |
//! | who asks, and whether they may | `http::admit`, `auth`, `routes::access` |
//! | the encoding of the answer | `http::compress` |
//! | the body: type, size, byte budget | `routes::body` |
//! | the query string, strictly | `routes::parameters` |
//! | the handler | `routes` |
//! | what it asks of the store | `store::edge`, `store::pool`; `export` for streams |
//! | who may write to months long past | `store::far_months` |
//! | who gets the next connection when there are too few | `store::fair_semaphore` |
//! | a search, with whatever is there | `search` |
//! | what went wrong, as a document | `problem` |
//! | all of this, described | `openapi` |
//! | the pages that are open to all callers, encoded once | `routes::pages` |
//!
//! # The rooms
//!
//! Each knows only those below it and, in its row, to its right. No files import each other in a circle. `cargo xtask
//! tidy` proves both.
//!
//! | room | what it has |
//! |---|---|
//! | `life` | composes, prepares, stops; the tasks beside the requests |
//! | `routes`, `http`, `openapi` | handlers; ports, connections, what every request passes, the state; the description of the handlers |
//! | `settings` | describes what lies below; nothing below knows it |
//! | `auth`, `search`, `export` | take what they need as parameters, never the state or a settings struct |
//! | `problem`, `embedder`, `store`, `health`, `tls`, `telemetry`, `explorer` | the ground |
//!
//! # What holds
//!
//! - A handler sees the store only through `store::edge`, so that tests can put faults in its place.
//! - One table turns causes into problems (`problem::convert`), one defines them (`problem::kind`).
//! - A request that is dropped or out of time ends its statement on the server; a record that has left the write
//!   queue is never answered with a passed deadline.
//! - Bodies are bounded before they are read; what waits is bounded by one byte budget.
//! - No body, no token and no password is ever logged.

mod auth;
#[cfg(test)]
mod documents;
mod embedder;
mod explorer;
mod export;
mod health;
mod http;
mod life;
mod openapi;
mod problem;
mod routes;
mod search;
mod settings;
mod store;
pub mod telemetry;
mod tls;

pub use auth::tokens::{NewToken, NewTokenError, TokenFault};
pub use auth::{ForwardedHeader, Network};
pub use life::{Ended, Parts, RunningServer, Server, StartError};
pub use problem::reference as problems_reference;
pub use settings::{
    Accounts, AuthMode, AuthSettings, AuthorizationBy, ByteSize, Connectors, Consistency, DatabaseSettings,
    DatabaseTlsMode, EffectiveSetting, EmbeddingSettings, ExportSettings, Flag, IdempotencySettings,
    InvalidSettings, KubernetesSection, LimitSettings, LinkTemplate, LogSettings, Networks, OpenAiSection,
    Origins, ProjectorSection, Provider, QdrantSection, ReconcileSection, RedisSection, SchemaSettings,
    ServerSettings, SettingFault, Settings, Sources, TlsSection, WriterSection, default_file, duration,
    reference as settings_reference,
};
pub use telemetry::log::LogFormat;

/// The version of this build.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
