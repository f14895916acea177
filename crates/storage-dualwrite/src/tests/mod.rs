//! The write path against a real PostgreSQL, with faults.

mod commit_outcome;
mod counters;
mod database_faults;
mod embedding_set;
mod idempotency;
mod index;
pub(crate) mod index_support;
mod metadata_size;
mod operations;
mod outages;
mod projection;
mod projector;
mod projector_faults;
mod reconcile;
mod strict;
mod support;
mod threshold;
mod tls;
mod vectors;
mod waits;
mod writer;
mod writer_faults;
mod writer_steps;
