//! The write path of the audit store: from a valid record to a committed row, and from there to its vector.
//!
//! - [`Writer`] queues records and commits everything that is queued as one transaction (group commit). An
//!   answer means: committed, with the remediation's outbox row in the same transaction.
//! - [`Writer::write_batch`] stores many records or none; [`Writer::update`] changes one that is still as its reader saw
//!   it. Both have transactions of their own.
//! - [`StrictWriter`] stores a record in PostgreSQL and in the index before it answers, or in neither;
//!   [`ProjectionWaits`] tells when other writes have reached every store.
//! - [`idempotency`] keeps the answer to a request in the request's own transaction, so that the request may be
//!   repeated.
//! - [`Projector`] takes outbox rows, stores the records' words, has them embedded, stores the vectors in the outside index
//!   when there is one and in PostgreSQL, off the request's path. It knows an embedder only through [`RecordEmbedder`], and
//!   incidents only through [`IncidentKeys`].
//! - [`counters`] keeps the numbers behind exact totals small, and compares them with the table.
//! - [`outbox`] shows waiting and parked records and revives them; [`embedding_set`] keeps vectors of two models apart.
//! - [`index`] is the outside vector index that the records are projected into as well, when one is configured.
//! - [`reconcile`] finds where that index and the records differ, and repairs it.
//! - [`supervised`] restarts a task that panicked.
//! - [`Connector`] opens connections with the session settings all of this relies on.
//!
//! ```text
//! Writer::write ─▶ queue ─▶ one transaction: records + outbox rows ─▶ answer
//!                                             │ woken in process, across replicas, and by polling
//!                                             ▼
//!            Projector: claim (a lease) ─▶ words ─▶ embed ─▶ index ─▶ settle: vector, outbox row removed
//! ```

mod budget;
mod built_statement;
mod commits;
mod connector;
pub mod counters;
mod earlier_commits;
pub mod embedding_set;
pub mod idempotency;
pub mod index;
pub mod outbox;
mod projection;
mod projector;
pub mod reconcile;
mod supervise;
mod threshold;
mod tls;
mod vectors;
mod waits;
mod writer;

pub use budget::{ByteBudget, Reservation};
pub use commits::Commits;
pub use connector::{ConnectError, Connector, SessionSettings, takes_writes};
pub use embedding_set::{EmbeddingSet, EmbeddingSetError, ServingSet};
pub use projector::{EmbedFault, IncidentKeys, Projector, ProjectorSettings, RecordEmbedder};
pub use supervise::{joined, supervised};
pub use threshold::measure_threshold;
pub use tls::{CertificatesError, DatabaseTls};
pub use waits::ProjectionWaits;
pub use writer::{Orphan, StrictParts, StrictWriter, Updated, WriteError, Writer, WriterSettings};

#[cfg(test)]
mod tests;
