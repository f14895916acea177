//! Vectors that were made before, by what they were made from.

mod lookups;
mod memory;
mod redis;
mod tiered;

use crate::embedder::EmbeddingSetKey;
use async_trait::async_trait;
pub use lookups::CACHE_LOOKUPS;
pub use memory::{DEFAULT_TTL, MemoryCache};
pub use redis::{RedisCache, RedisSettings, RedisSettingsError};
use sha2::{Digest as _, Sha256};
use std::fmt;
use storage_models::Embedding;
pub use tiered::TieredCache;

/// The key of a vector: one SHA-256 of the composition, the model, the dimension and the text.
///
/// A vector of another model or composition is thus never found, only missed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CacheKey([u8; 32]);

impl CacheKey {
    /// The key of `text` within `set`.
    #[must_use]
    pub fn new(set: &EmbeddingSetKey, text: &str) -> Self {
        let mut hasher = Sha256::new();
        for part in [&set.composition.to_string(), &set.dimension.to_string(), &set.model, text] {
            // Each part's length goes first, so that no two lists of parts read the same.
            hasher.update(format!("{}:", part.len()));
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// The 32 bytes, for a store outside this process.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// A store that may forget, be unavailable or hold rubbish, all of which are misses and none an error.
#[async_trait]
pub trait EmbeddingCache: Send + Sync {
    /// The vector of each key, if known, in the order of the keys.
    async fn get_many(&self, keys: &[CacheKey]) -> Vec<Option<Embedding>>;

    /// Remembers the vectors, as far as it can.
    async fn put_many(&self, entries: &[(CacheKey, Embedding)]);
}
