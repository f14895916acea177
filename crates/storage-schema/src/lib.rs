//! The schema of the audit store: embedded migrations, verification, monthly partitions, their statistics and their
//! sizes.
//!
//! [`bootstrap`] brings a database to the current schema and may be run any number of times, by any number of
//! replicas at once. [`verify`] compares a database with the schema this crate was built with and names every
//! difference; other services that read the tables call it at start. [`make_role`] makes the role that the server uses
//! and gives it the rights it needs, [`verify_role`] says where its rights differ from those.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use diesel_async::{AsyncConnection, AsyncPgConnection};
//!
//! let url = "postgres://owner@localhost/audit";
//! let report = storage_schema::bootstrap(url).await?;
//! println!("{} migrations applied", report.applied.len());
//!
//! let mut connection = AsyncPgConnection::establish(url).await?;
//! let report = storage_schema::verify(&mut connection).await?;
//! assert!(report.is_clean(), "{report}");
//! # Ok(())
//! # }
//! ```

mod bootstrap;
mod catalogue;
mod definitions;
mod difference;
mod error;
mod expected;
mod indexes;
mod lock;
pub mod partitions;
mod rights;
mod roles;
pub mod sizes;
pub mod statistics;
mod verify;

#[cfg(test)]
mod tests;

pub use bootstrap::{BootstrapOptions, BootstrapReport, bootstrap, bootstrap_with};
pub use difference::Difference;
pub use error::SchemaError;
pub use lock::LOCK_WAIT;
pub use rights::{RoleReport, verify_role};
pub use roles::{RolesReport, make_role};
pub use verify::{VerifyReport, verify};

/// The oldest pgvector that is supported. Iterative scans came with 0.8.0; 0.8.3 and 0.8.4 mended corruption of HNSW
/// indexes and failures of vacuum under load.
pub const PGVECTOR_MINIMUM: (u32, u32, u32) = (0, 8, 4);
