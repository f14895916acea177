//! The embedder as the projector uses it.

use std::time::Duration;

use async_trait::async_trait;
use storage_models::{Embedding, IncidentKey, Remediation};

/// Why a record got no vector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmbedFault {
    /// Something about this record; trying others is worthwhile, and this one is parked in the end.
    #[error("{0}")]
    Record(String),
    /// The embedder is unavailable or overloaded; no record is to blame.
    #[error("{reason}")]
    Outage {
        /// For the log.
        reason: String,
        /// The pause that the embedder asks for.
        retry_after: Option<Duration>,
    },
}

/// Tells which incident a remediation belongs to. The composition of the text that decides it is the implementation's.
pub trait IncidentKeys: Send + Sync {
    /// The record's incident.
    fn incident_key(&self, record: &Remediation) -> IncidentKey;
}

/// Turns remediations into vectors. The implementation chooses the composition of the text and the model.
#[async_trait]
pub trait RecordEmbedder: IncidentKeys + 'static {
    /// One outcome for each record, in order.
    async fn embed(&self, records: &[Remediation]) -> Vec<Result<Embedding, EmbedFault>>;
}
