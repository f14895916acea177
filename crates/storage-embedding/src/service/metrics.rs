//! The metrics of the service.

/// Counts texts that got their vector without a call of the embedder.
pub const CACHE_HITS: &str = "datastorage_cache_hits_total";
/// Counts texts that were given to the embedder.
pub const CACHE_MISSES: &str = "datastorage_cache_misses_total";
/// Seconds that one call of the embedder took, with up to [`MAX_BATCH`](super::MAX_BATCH) texts.
pub const GENERATION_DURATION: &str = "datastorage_embedding_generation_duration_seconds";

pub(super) fn count_hits(texts: usize) {
    metrics::counter!(CACHE_HITS).increment(u64::try_from(texts).unwrap_or(u64::MAX));
}

pub(super) fn count_misses(texts: usize) {
    metrics::counter!(CACHE_MISSES).increment(u64::try_from(texts).unwrap_or(u64::MAX));
}
