//! The schema of the audit store: embedded migrations, verification and monthly partitions.
//!
//! [`bootstrap`] brings a database to the current schema and may be run any number of times, by any number of
//! replicas at once. [`verify`] compares a database with the schema this crate was built with and names every
//! difference; other services that read the tables call it at start.
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
mod error;
mod expected;
mod indexes;
pub mod partitions;
mod verify;

#[cfg(test)]
mod tests;

pub use bootstrap::{BootstrapReport, LOCK_WAIT, bootstrap, bootstrap_within};
pub use error::SchemaError;
pub use verify::{Difference, VerifyReport, verify};

/// The oldest pgvector that is supported: the first with iterative scans.
pub const PGVECTOR_MINIMUM: (u32, u32) = (0, 8);
