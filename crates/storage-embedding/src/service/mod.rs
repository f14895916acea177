//! Texts to vectors the economical way: each distinct text once, through the cache, in batches.

mod lookups;
mod metrics;
#[cfg(test)]
mod tests;

use crate::cache::{CacheKey, EmbeddingCache};
use crate::composition::{RecordText, compose, compose_query};
use crate::embedder::{Embedder, EmbeddingSetKey};
use crate::error::EmbedError;
pub use lookups::MAX_BATCH;
pub use metrics::{CACHE_HITS, CACHE_MISSES, GENERATION_DURATION};

use futures_util::future::join_all;
use lookups::{Lookup, Lookups, Purpose, Work};
use metrics::count_hits;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use storage_models::Embedding;

/// An embedder behind a cache.
///
/// Equal texts are embedded once, within one call and across concurrent ones (as long as they live:
/// when every caller that waits for a text has gone, the work for it ends too). A text that cannot
/// be embedded fails alone.
pub struct EmbeddingService {
    set: EmbeddingSetKey,
    embedder: Arc<dyn Embedder>,
    cache: Arc<dyn EmbeddingCache>,
    lookups: Arc<Lookups>,
}

impl EmbeddingService {
    /// Puts `cache` before `embedder`.
    #[must_use]
    pub fn new(embedder: Arc<dyn Embedder>, cache: Arc<dyn EmbeddingCache>) -> Self {
        Self { set: EmbeddingSetKey::current(embedder.model()), embedder, cache, lookups: Arc::default() }
    }

    /// The stamp of the vectors that this service gives.
    #[must_use]
    pub fn set_key(&self) -> &EmbeddingSetKey {
        &self.set
    }

    /// One answer for each record, in order.
    pub async fn embed_records(&self, records: &[RecordText<'_>]) -> Vec<Result<Embedding, EmbedError>> {
        self.embed_texts(records.iter().map(compose).collect()).await
    }

    /// The vector of a search.
    ///
    /// # Errors
    /// When the embedder gave none.
    pub async fn embed_query(&self, query: &str) -> Result<Embedding, EmbedError> {
        let mut answers = self.embedded(vec![compose_query(query)], Purpose::Query).await;
        answers.pop().unwrap_or_else(|| Err(self.lost()))
    }

    /// One answer for each text, in order. The texts are taken as they are, not composed.
    pub async fn embed_texts(&self, texts: Vec<String>) -> Vec<Result<Embedding, EmbedError>> {
        self.embedded(texts, Purpose::Records).await
    }

    async fn embedded(&self, texts: Vec<String>, purpose: Purpose) -> Vec<Result<Embedding, EmbedError>> {
        let keys: Vec<CacheKey> = texts.iter().map(|text| CacheKey::new(&self.set, text)).collect();
        let lookups = self.join_or_start(&keys, texts, purpose);
        let answers_of_lookups = join_all(lookups).await;
        let answers: HashMap<&CacheKey, _> =
            answers_of_lookups.iter().flat_map(|answers| answers.iter()).collect();
        keys.iter()
            .map(|key| answers.get(key).map_or_else(|| Err(self.lost()), |&answer| answer.clone()))
            .collect()
    }

    /// The look-ups that together will answer every key: others' that are under way, and at most one
    /// of our own.
    fn join_or_start(&self, keys: &[CacheKey], texts: Vec<String>, purpose: Purpose) -> Vec<Lookup> {
        let total = texts.len();
        let mut seen = HashSet::new();
        let mut distinct: Vec<(CacheKey, String)> = keys.iter().copied().zip(texts).collect();
        distinct.retain(|(key, _)| seen.insert(*key));
        let (lookups, started) = self.lookups.join_or_start(distinct, |wanted| {
            let (embedder, cache) = (Arc::clone(&self.embedder), Arc::clone(&self.cache));
            Work { wanted, purpose, embedder, cache }.run()
        });
        count_hits(total.saturating_sub(started));
        lookups
    }

    fn lost(&self) -> EmbedError {
        EmbedError::provider(&self.set.model, "the embedder gave no vector for the text")
    }
}
