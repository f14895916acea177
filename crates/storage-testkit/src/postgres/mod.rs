//! PostgreSQL with pgvector: finding the programs, running a private cluster.

mod cluster;
mod install;
mod pid_file;
mod settings;

pub use cluster::Cluster;
pub use install::{Installation, PostgresSource};
pub use settings::{ClusterSettings, Durability};
