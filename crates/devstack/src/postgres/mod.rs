//! PostgreSQL with pgvector: finding the programs, running a private cluster.

mod cluster;
mod install;
mod pid_file;
mod settings;
mod url;

pub use cluster::Cluster;
pub use install::{Installation, PostgresSource};
pub use settings::{ClusterSettings, Durability};
pub use url::{with_database, with_user};
