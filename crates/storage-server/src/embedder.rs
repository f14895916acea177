//! The embedder as the server sees it: one service for stored records and for searches, and whether it answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use storage_dualwrite::{EmbedFault, EmbeddingSet, RecordEmbedder};
use storage_embedding::{EmbedError, EmbeddingService, Fault, RecordText, Retry};
use storage_models::{Embedding, Remediation};

use crate::telemetry::chain;

/// The embedding service, watched.
pub(crate) struct Embeddings {
    service: Arc<EmbeddingService>,
    is_away: AtomicBool,
    /// Of the last call; 0 before the first.
    latency_micros: AtomicU64,
}

impl Embeddings {
    pub(crate) fn new(service: Arc<EmbeddingService>) -> Self {
        Self { service, is_away: AtomicBool::new(false), latency_micros: AtomicU64::new(0) }
    }

    /// The set that its vectors belong to.
    pub(crate) fn set(&self) -> EmbeddingSet {
        let key = self.service.set_key();
        EmbeddingSet {
            composition: key.composition.to_string(),
            model: key.model.clone(),
            dimension: i32::try_from(key.dimension).unwrap_or(i32::MAX),
        }
    }

    /// The model's name.
    pub(crate) fn model(&self) -> &str {
        &self.service.set_key().model
    }

    /// Whether it answered when it was last asked; optimistic before the first time.
    pub(crate) fn is_up(&self) -> bool {
        !self.is_away.load(Ordering::Relaxed)
    }

    /// How long the last call took, cached answers included.
    pub(crate) fn latency(&self) -> Option<Duration> {
        let micros = self.latency_micros.load(Ordering::Relaxed);
        (micros > 0).then(|| Duration::from_micros(micros))
    }

    /// The vector of what someone searches for.
    pub(crate) async fn embed_query(&self, query: &str) -> Result<Embedding, EmbedError> {
        let started = Instant::now();
        let outcome = self.service.embed_query(query).await;
        self.note(started, std::slice::from_ref(&outcome));
        outcome
    }

    fn note(&self, started: Instant, outcomes: &[Result<Embedding, EmbedError>]) {
        let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
        self.latency_micros.store(micros, Ordering::Relaxed);
        let is_outage = |outcome: &Result<_, EmbedError>| {
            outcome.as_ref().is_err_and(|error| error.fault() == Fault::Provider)
        };
        let is_away = outcomes.iter().any(is_outage);
        if !outcomes.is_empty() {
            self.is_away.store(is_away, Ordering::Relaxed);
        }
    }
}

#[async_trait]
impl RecordEmbedder for Embeddings {
    async fn embed(&self, records: &[Remediation]) -> Vec<Result<Embedding, EmbedFault>> {
        let started = Instant::now();
        let texts: Vec<RecordText<'_>> = records.iter().map(text_of).collect();
        let outcomes = self.service.embed_records(&texts).await;
        self.note(started, &outcomes);
        outcomes.into_iter().map(|outcome| outcome.map_err(|error| fault_of(&error))).collect()
    }
}

fn text_of(record: &Remediation) -> RecordText<'_> {
    RecordText {
        name: &record.name,
        action_type: &record.action_type,
        target_name: record.target_name.as_deref(),
        phase: record.phase.as_str(),
        status: record.status.as_str(),
        alert_name: record.alert_name.as_deref(),
        severity: record.severity.map(storage_models::Severity::as_str),
        error_message: record.error_message.as_deref(),
        metadata: record.metadata.as_ref().map(storage_models::JsonText::as_str),
    }
}

fn fault_of(error: &EmbedError) -> EmbedFault {
    match error.fault() {
        Fault::Text => EmbedFault::Record(chain(error)),
        Fault::Provider => {
            let retry_after = match error.retry() {
                Retry::After(delay) => Some(delay),
                Retry::Later | Retry::Never => None,
            };
            EmbedFault::Outage { reason: chain(error), retry_after }
        }
    }
}
