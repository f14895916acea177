//! Two caches as one: a near one before a far one.

use super::{CacheKey, EmbeddingCache};
use async_trait::async_trait;
use std::sync::Arc;
use storage_models::Embedding;

/// Asks the near cache, then the far one for the missing keys, and stores their vectors in the near one.
///
/// A vector from the far cache starts its lifetime in the near one again, so a vector may be kept for the sum of both
/// lifetimes. That is harmless, because the vector of a key never changes.
pub struct TieredCache {
    near: Arc<dyn EmbeddingCache>,
    far: Arc<dyn EmbeddingCache>,
}

impl TieredCache {
    /// `near` before `far`.
    #[must_use]
    pub fn new(near: Arc<dyn EmbeddingCache>, far: Arc<dyn EmbeddingCache>) -> Self {
        Self { near, far }
    }
}

#[async_trait]
impl EmbeddingCache for TieredCache {
    async fn get_many(&self, keys: &[CacheKey]) -> Vec<Option<Embedding>> {
        let mut found = self.near.get_many(keys).await;
        found.resize(keys.len(), None);
        let missed = keys.iter().zip(&found).filter(|(_, known)| known.is_none());
        let missed: Vec<CacheKey> = missed.map(|(key, _)| *key).collect();
        if missed.is_empty() {
            return found;
        }
        let known = self.far.get_many(&missed).await;
        let mut learnt = Vec::new();
        let gaps = found.iter_mut().filter(|known| known.is_none());
        for ((gap, key), known) in gaps.zip(missed).zip(known) {
            learnt.extend(known.clone().map(|embedding| (key, embedding)));
            *gap = known;
        }
        self.near.put_many(&learnt).await;
        found
    }

    async fn put_many(&self, entries: &[(CacheKey, Embedding)]) {
        self.near.put_many(entries).await;
        self.far.put_many(entries).await;
    }
}
