//! Development stack and test support: everything around the service that a test or `cargo xtask up` needs.
//!
//! - [`PostgresSource::find`] finds PostgreSQL with pgvector, fetching a pinned build when there is none, and
//!   [`Cluster`] runs a private server from it, to be killed and started again at will.
//! - [`RedisSource::find`] finds a Redis server, [`RedisServer`] runs a private one, [`TestRedis`] is a test's own.
//! - [`TestDatabase`] is a database of a test's own, a copy of a migrated template.
//! - [`example`] runs an example of documentation against a database with records.
//! - [`ServiceProcess`] runs the built service as a child, to be asked over HTTP, stopped or killed.
//! - [`FaultProxy`] stands between two parties and breaks the network between them on purpose.
//! - [`TestQdrant`] is a Qdrant collection of a test's own, and [`QdrantServer`] a small Qdrant with faults to switch.
//! - [`KubernetesApi`] is a small Kubernetes API that reviews tokens and accesses, with faults to switch.
//! - [`fetch_model`] provides the embedding model.
//!
//! Nothing here is part of the service. Linux only: processes are watched through `/proc` and pidfds.
//!
//! Tests get their PostgreSQL from `cargo xtask test`, which tells them through [`environment`]:
//!
//! ```no_run
//! # async fn test() -> Result<(), storage_testkit::TestkitError> {
//! let database = storage_testkit::TestDatabase::create().await?;
//! let connection = database.connect().await?;
//! // … the test …
//! drop(connection);
//! database.close().await
//! # }
//! ```

mod account;
mod command;
mod database;
pub mod environment;
mod error;
mod example;
mod kubernetes;
mod model;
mod port;
mod postgres;
mod process;
mod proxy;
mod qdrant;
mod redis;
mod service;
mod tls;
mod wheel;

pub use account::DevelopmentDir;
pub use database::{
    TestDatabase, create_database, drop_database, drop_role, ensure_database, with_database, with_user,
};
pub use error::TestkitError;
pub use example::example;
pub use kubernetes::{ApiFault, KubernetesApi, ServiceAccount};
pub use model::fetch_model;
pub use postgres::{Cluster, ClusterSettings, Durability, Installation, PostgresSource};
pub use process::ProcessIdentity;
pub use proxy::{Fault, FaultProxy};
pub use qdrant::{QdrantFault, QdrantOperation, QdrantServer, TestQdrant};
pub use redis::{RedisServer, RedisServerSettings, RedisSource, TestRedis};
pub use service::{ServiceOptions, ServiceProcess};
pub use tls::{Authority, CertificatePair, TlsFront};
/// The codes of [`QdrantFault`].
pub use tonic::Code as GrpcCode;
pub use wheel::{FetchStep, OnStep};
