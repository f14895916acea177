//! How the service speaks to PostgreSQL.
//!
//! - [`Transaction`] runs work in a transaction that has a name and a limit of time, runs it again when it lost against
//!   another transaction, and counts what came of it. Every transaction of the service goes through it, so that none can
//!   wait for ever or fail because of a neighbour.
//! - [`statement!`] defines a statement of fixed text, whose file can be pasted into psql.
//! - [`silence`] bounds connections on which nothing comes back any more.
//!
//! `storage-query` does not use this crate: other services link it, and the owner of a connection decides about retries.

pub mod silence;
mod statement;
mod transaction;

pub use transaction::{Failed, TRANSACTIONS, Transaction, Work, savepoint};
