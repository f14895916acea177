//! Development stack: finds, fetches, starts and stops the servers that the service needs, for `cargo xtask` and the
//! test kit.
//!
//! - [`PostgresSource::find`] finds PostgreSQL with pgvector, fetching a pinned build when there is none, and
//!   [`Cluster`] runs a private server from it, to be killed and started again at will.
//! - [`RedisSource::find`] finds a Redis server, and [`RedisServer`] runs a private one.
//! - [`ServiceProcess`] runs the built service as a child.
//! - [`fetch_model`] provides the embedding model.
//! - [`ProcessIdentity`] names one process, also after its id has been given to another.
//!
//! Everything blocks, and the standard library and rustix are all it depends on, so that `cargo xtask` is built in
//! seconds. Linux only: processes are watched through `/proc` and pidfds.

mod account;
mod command;
pub mod environment;
mod error;
mod model;
mod port;
mod postgres;
mod process;
mod random;
mod redis;
mod scratch;
mod service;
mod wheel;

pub use account::DevelopmentDir;
pub use command::tail;
pub use error::DevstackError;
pub use model::fetch_model;
pub use postgres::{
    Cluster, ClusterSettings, Durability, Installation, PostgresSource, with_database, with_user,
};
pub use process::ProcessIdentity;
pub use random::password;
pub use redis::{CertificatePair, RedisServer, RedisServerSettings, RedisSource};
pub use service::{Readiness, ServiceOptions, ServiceProcess};
pub use wheel::{FetchStep, OnStep};
