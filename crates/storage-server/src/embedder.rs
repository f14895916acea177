//! The embedder as the server sees it: one service for stored records and for searches, and whether it answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use storage_dualwrite::{EmbedFault, EmbeddingSet, IncidentKeys, RecordEmbedder};
use storage_embedding::{EmbedError, EmbeddingService, Fault, RecordText, Retry, incident_key};
use storage_models::{Embedding, IncidentKey, Remediation};

use crate::store::fair_semaphore::{FairSemaphore, Limits};
use crate::store::requester::Requester;
use crate::telemetry::chain;

/// The limits for queries: enough to keep any embedder busy, and few enough that the next query waits only a moment.
const QUERIES: Limits = Limits {
    places: 16,
    waiting: 1_024,
    patience: Duration::from_secs(1),
    more_patience: Duration::from_secs(4),
};

/// Why a text that is searched for has no vector.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoVector {
    /// Too many others wait for theirs.
    #[error("too many searches are waiting for the embedder")]
    NoPermit,
    /// The embedder gave none.
    #[error("the embedder gave no vector")]
    Embed(#[source] EmbedError),
}

/// The embedding service, watched.
pub(crate) struct Embeddings {
    service: Arc<EmbeddingService>,
    /// The places of queries that are being embedded.
    queries: FairSemaphore<Requester>,
    is_away: AtomicBool,
    /// Of the last call; 0 before the first.
    latency_micros: AtomicU64,
}

impl Embeddings {
    pub(crate) fn new(service: Arc<EmbeddingService>) -> Self {
        Self {
            service,
            queries: FairSemaphore::new(QUERIES),
            is_away: AtomicBool::new(false),
            latency_micros: AtomicU64::new(0),
        }
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

    /// The vector of a search, if the limit of concurrent searches allows it.
    pub(crate) async fn embed_query(&self, query: &str) -> Result<Embedding, NoVector> {
        let _place = self.queries.acquire(&Requester::current()).await.map_err(|_none| NoVector::NoPermit)?;
        let started = Instant::now();
        let outcome = self.service.embed_query(query).await;
        self.note(started, std::slice::from_ref(&outcome));
        outcome.map_err(NoVector::Embed)
    }

    /// The vector of what an incident's text says, whatever was done about it, when those who search have left a place.
    pub(crate) async fn embed_incident(&self, text: RecordText<'_>) -> Result<Embedding, NoVector> {
        let _place = self.queries.acquire(&Requester::current()).await.map_err(|_none| NoVector::NoPermit)?;
        let started = Instant::now();
        let text = RecordText { action_type: "", target_name: None, ..text };
        let outcomes = self.service.embed_records(&[text]).await;
        self.note(started, &outcomes);
        let vector = outcomes.into_iter().next().ok_or(NoVector::NoPermit)?;
        vector.map_err(NoVector::Embed)
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

impl IncidentKeys for Embeddings {
    fn incident_key(&self, record: &Remediation) -> IncidentKey {
        incident_key(&text_of(record))
    }
}

/// What a record's text is made of.
pub(crate) fn text_of(record: &Remediation) -> RecordText<'_> {
    RecordText {
        name: &record.name,
        action_type: &record.action_type,
        target_name: record.target_name.as_deref(),
        phase: record.phase.as_str(),
        status: record.status.as_str(),
        alert_name: record.alert_name.as_deref(),
        severity: record.severity.as_ref().map(storage_models::Severity::as_str),
        error_message: record.error_message.as_deref(),
        metadata: record.metadata.as_ref().map(storage_models::JsonText::as_str),
        alterations: record.alterations.as_ref(),
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

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::{Arc, Mutex};

    use async_trait::async_trait;
    use futures_util::future::poll_immediate;
    use storage_embedding::{
        DEFAULT_TTL, EmbedError, Embedder, EmbeddingService, HashingEmbedder, MemoryCache, ModelIdentity,
    };
    use storage_models::Embedding;
    use tokio::sync::Semaphore;

    use super::{Embeddings, NoVector, QUERIES};
    use crate::store::requester::Requester;

    /// Hashes when it is allowed to, and remembers what it was asked.
    struct Slow {
        hashing: HashingEmbedder,
        turns: Semaphore,
        asked: Mutex<Vec<String>>,
    }

    #[async_trait]
    impl Embedder for Slow {
        fn model(&self) -> &ModelIdentity {
            self.hashing.model()
        }

        async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>, EmbedError> {
            self.asked.lock().unwrap().extend(texts.iter().cloned());
            self.turns.acquire().await.unwrap().forget();
            self.hashing.embed(texts).await
        }
    }

    type Query = Pin<Box<dyn Future<Output = Result<Embedding, NoVector>>>>;

    fn query(embeddings: &Arc<Embeddings>, requester: u8, text: String) -> Query {
        let embeddings = Arc::clone(embeddings);
        let requester = Requester::Address([203, 0, 113, requester].into());
        Box::pin(requester.scope(async move { embeddings.embed_query(&text).await }))
    }

    /// F45: a caller whose searches keep the embedder busy does not keep out another's, and is told when too many wait,
    /// which says nothing of the embedder.
    #[tokio::test(start_paused = true)]
    async fn searches_without_end_leave_another_caller_its_vector() {
        let slow = Arc::new(Slow {
            hashing: HashingEmbedder::new(),
            turns: Semaphore::new(0),
            asked: Mutex::default(),
        });
        let cache = Arc::new(MemoryCache::new(1 << 20, DEFAULT_TTL));
        let embeddings = Arc::new(Embeddings::new(Arc::new(EmbeddingService::new(slow.clone(), cache))));
        let mut greedy: Vec<_> = (0..40).map(|n| query(&embeddings, 1, format!("greedy {n}"))).collect();
        for query in &mut greedy {
            assert!(poll_immediate(query).await.is_none());
        }
        let mut other = query(&embeddings, 2, "another".to_owned());
        assert!(poll_immediate(&mut other).await.is_none());
        assert_eq!(slow.asked.lock().unwrap().len(), QUERIES.places);

        slow.turns.add_permits(1);
        assert!(poll_immediate(&mut greedy[0]).await.unwrap().is_ok());
        for query in greedy[1..].iter_mut().chain([&mut other]) {
            assert!(poll_immediate(query).await.is_none());
        }
        assert_eq!(slow.asked.lock().unwrap()[QUERIES.places..], ["another"]);

        let refused = greedy.pop().unwrap().await;
        assert!(matches!(refused, Err(NoVector::NoPermit)), "{refused:?}");
        assert!(embeddings.is_up());
    }
}
