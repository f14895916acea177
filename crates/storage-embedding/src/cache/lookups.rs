//! Counts of look-ups and hits of each tier of the cache.

/// Counts texts looked up in a tier of the cache; labels `tier` and `result`.
pub const CACHE_LOOKUPS: &str = "datastorage_cache_lookups_total";

/// A tier of the cache.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tier {
    Memory,
    Redis,
}

impl Tier {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Redis => "redis",
        }
    }
}

pub(super) fn count_lookups(tier: Tier, hits: usize, misses: usize) {
    for (result, texts) in [("hit", hits), ("miss", misses)] {
        let texts = u64::try_from(texts).unwrap_or(u64::MAX);
        metrics::counter!(CACHE_LOOKUPS, "tier" => tier.as_str(), "result" => result).increment(texts);
    }
}
