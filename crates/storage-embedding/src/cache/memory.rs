//! The cache of this process.

use super::lookups::{Tier, count_lookups};
use super::{CacheKey, EmbeddingCache};
use async_trait::async_trait;
use moka::sync::Cache;
use std::time::Duration;
use storage_models::Embedding;

/// How long a vector is remembered by default.
pub const DEFAULT_TTL: Duration = Duration::from_secs(5 * 60);

/// The bytes of one entry: the numbers, the key, and the cache's overhead.
const ENTRY_BYTES: u32 = 384 * 4 + 32 + 200;

/// An in-process cache, bounded by bytes and by age.
#[derive(Clone)]
pub struct MemoryCache {
    entries: Cache<CacheKey, Embedding>,
}

impl MemoryCache {
    /// A cache of at most about `max_bytes` bytes, whose entries live for `ttl` (see [`DEFAULT_TTL`]).
    #[must_use]
    pub fn new(max_bytes: u64, ttl: Duration) -> Self {
        let entries = Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|_: &CacheKey, _: &Embedding| ENTRY_BYTES)
            .time_to_live(ttl)
            .build();
        Self { entries }
    }

    /// The weight of the entries in bytes, after the evictions that are due.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.entries.run_pending_tasks();
        self.entries.weighted_size()
    }
}

#[async_trait]
impl EmbeddingCache for MemoryCache {
    async fn get_many(&self, keys: &[CacheKey]) -> Vec<Option<Embedding>> {
        let found: Vec<_> = keys.iter().map(|key| self.entries.get(key)).collect();
        let hits = found.iter().flatten().count();
        count_lookups(Tier::Memory, hits, keys.len().saturating_sub(hits));
        found
    }

    async fn put_many(&self, entries: &[(CacheKey, Embedding)]) {
        for (key, embedding) in entries {
            self.entries.insert(*key, embedding.clone());
        }
    }
}
