//! The outside vector index: what the projector, the reconciler and the search need of it.
//!
//! An index holds one [`Point`] a remediation. It is derived from the records: if it loses points or has wrong ones,
//! the reconciler finds and repairs. None configured is a value (`Option`), not an index that does nothing.

mod condition;
mod error;
mod guarded;
mod memory;
mod point;
mod qdrant;

pub use condition::{Condition, fields};
pub use error::IndexError;
pub use guarded::GuardedIndex;
pub use memory::MemoryIndex;
pub use point::{NearIncident, Neighbour, Point, PointVersion};
pub use qdrant::{QdrantIndex, QdrantSettings, QdrantSettingsError};

use async_trait::async_trait;
use storage_models::Embedding;
use uuid::Uuid;

use crate::EmbeddingSet;

/// The owner that a collection must have before it is written or read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexIdentity {
    /// The database's own id (table `installation`): another database's points are not ours to touch.
    pub installation: Uuid,
    /// The embedder whose vectors the points hold; vectors of another embedder are not comparable.
    pub set: EmbeddingSet,
}

/// An index of remediations by meaning, keyed by record id.
///
/// All operations are idempotent, and all of them may be repeated after an error: an operation whose answer was lost
/// may have been applied, or may still be applied later (F06). Points carry their record's version, and an older
/// version never replaces a newer one, in any order of operations.
///
/// Every request to the index ends within the implementation's own time-out; an operation on many points may be
/// several requests.
#[async_trait]
pub trait VectorIndex: std::fmt::Debug + Send + Sync + 'static {
    /// Creates what is missing (collection, alias, payload indexes) and checks what is there. Called at start and at
    /// the first contact after an outage.
    ///
    /// # Errors
    /// [`IndexError::Mismatch`] when the collection has another dimension or distance, or belongs to another
    /// installation or embedding set.
    async fn prepare(&self, identity: &IndexIdentity) -> Result<(), IndexError>;

    /// Stores the points; one whose version is not newer than the stored one changes nothing. When this returns, a
    /// search finds them.
    ///
    /// # Errors
    /// Any; some of the points may then have been stored.
    async fn upsert(&self, points: &[Point]) -> Result<(), IndexError>;

    /// Removes the points with these ids. Ids without a point are no error.
    ///
    /// # Errors
    /// Any; some of them may then have been removed.
    async fn delete(&self, ids: &[i64]) -> Result<(), IndexError>;

    /// The `limit` points nearest to `vector` by cosine among those that meet all `conditions`, nearest first; ids
    /// order equally near points. Returns fewer points only if fewer match.
    ///
    /// # Errors
    /// Any.
    async fn search(
        &self,
        vector: &Embedding,
        conditions: &[Condition],
        limit: usize,
    ) -> Result<Vec<Neighbour>, IndexError>;

    /// The `limit` incidents nearest to `vector`, each as near as the nearest of its points that meet all `conditions`,
    /// nearest first. Fewer come back only when fewer match.
    ///
    /// # Errors
    /// Any.
    async fn search_incidents(
        &self,
        vector: &Embedding,
        conditions: &[Condition],
        limit: usize,
    ) -> Result<Vec<NearIncident>, IndexError>;

    /// At most `limit` points with ids above `after`, in ascending order of id, without their vectors; fewer than
    /// `limit` means that there are no more.
    ///
    /// # Errors
    /// Any.
    async fn page(&self, after: Option<i64>, limit: usize) -> Result<Vec<PointVersion>, IndexError>;

    /// Those of these points that exist, in any order.
    ///
    /// # Errors
    /// Any.
    async fn versions(&self, ids: &[i64]) -> Result<Vec<PointVersion>, IndexError>;

    /// How many points there are, exactly.
    ///
    /// # Errors
    /// Any.
    async fn count(&self) -> Result<u64, IndexError>;
}
