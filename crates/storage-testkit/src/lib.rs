//! Test support: everything around the service that a test needs.
//!
//! - [`Cluster`] is a PostgreSQL server and [`RedisServer`] a Redis of a test's own, to be killed and started again at
//!   will. Both are `devstack`'s, which finds, fetches and starts programs; here they are asynchronous. [`TestRedis`] is
//!   a test's place on one.
//! - [`TestDatabase`] is a database of a test's own, a copy of a migrated template.
//! - [`example`] runs an example of documentation against a database with records.
//! - [`ServiceProcess`] runs the built service as a child, to be asked over HTTP, stopped or killed.
//! - [`FaultProxy`] stands between two parties and breaks the network between them on purpose.
//! - [`TestQdrant`] is a Qdrant collection of a test's own, and [`QdrantServer`] a small Qdrant with faults to switch.
//! - [`Browser`] is a Chromium to look at the explorer with.
//! - [`KubernetesApi`] is a small Kubernetes API that reviews tokens and accesses, with faults to switch.
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

mod blocking;
mod browser;
mod database;
mod error;
mod example;
mod kubernetes;
mod postgres;
mod proxy;
mod qdrant;
mod redis;
mod service;
mod tls;

pub use browser::Browser;
pub use database::{TestDatabase, create_database, drop_database};
pub use devstack::{
    CertificatePair, ClusterSettings, DevelopmentDir, DevstackError, Durability, FetchStep, Installation,
    PostgresSource, ProcessIdentity, RedisServerSettings, RedisSource, ServiceOptions, environment,
    fetch_model, with_database, with_user,
};
pub use error::TestkitError;
pub use example::example;
pub use kubernetes::{ApiFault, KubernetesApi, ServiceAccount};
pub use postgres::Cluster;
pub use proxy::{Fault, FaultProxy};
pub use qdrant::{QdrantFault, QdrantOperation, QdrantServer, TestQdrant};
pub use redis::{RedisServer, TestRedis};
pub use service::ServiceProcess;
pub use tls::{Authority, TlsFront};
/// The codes of [`QdrantFault`].
pub use tonic::Code as GrpcCode;

/// Stores the words of every remediation in a database, as the projector does.
pub const STORE_WORDS: &str = include_str!("store_words.sql");
