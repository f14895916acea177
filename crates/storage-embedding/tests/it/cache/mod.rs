//! What every cache must do, whatever it is.

mod redis;

use crate::support::embed;
use std::sync::Arc;
use std::time::Duration;
use storage_embedding::{
    CacheKey, DEFAULT_TTL, Embedder, EmbeddingCache, EmbeddingSetKey, HashingEmbedder, MemoryCache,
    TieredCache,
};
use storage_models::Embedding;
use storage_testkit::TestRedis;

async fn entries(texts: &[&str]) -> Vec<(CacheKey, Embedding)> {
    let embedder = HashingEmbedder::new();
    let set = EmbeddingSetKey::current(embedder.model());
    let keys = texts.iter().map(|text| CacheKey::new(&set, text));
    keys.zip(embed(&embedder, texts).await).collect()
}

async fn conforms(cache: &dyn EmbeddingCache) {
    let entries = entries(&["a", "b", "c"]).await;
    let [a, b, c] = [&entries[0], &entries[1], &entries[2]];
    assert!(cache.get_many(&[]).await.is_empty());
    assert_eq!(cache.get_many(&[a.0, b.0]).await, [None, None], "what was never put is a miss");

    cache.put_many(&[a.clone(), c.clone()]).await;
    let found = cache.get_many(&[c.0, b.0, a.0, c.0]).await;
    assert_eq!(
        found,
        [Some(c.1.clone()), None, Some(a.1.clone()), Some(c.1.clone())],
        "in the order of the keys"
    );

    cache.put_many(&[(a.0, b.1.clone())]).await;
    assert_eq!(cache.get_many(&[a.0]).await, [Some(b.1.clone())], "the last put wins");
    cache.put_many(&[]).await;
}

/// BR-STORAGE-007, F26: found is exactly what was put under that key.
#[tokio::test]
async fn memory_conforms() {
    conforms(&MemoryCache::new(1 << 20, DEFAULT_TTL)).await;
}

/// BR-STORAGE-007, F26
#[tokio::test]
async fn redis_conforms() {
    let redis = TestRedis::create().await.unwrap();
    conforms(&redis::cache_in(&redis)).await;
}

/// BR-STORAGE-007, F26
#[tokio::test]
async fn memory_before_redis_conforms() {
    let redis = TestRedis::create().await.unwrap();
    let memory = MemoryCache::new(1 << 20, DEFAULT_TTL);
    conforms(&TieredCache::new(Arc::new(memory), Arc::new(redis::cache_in(&redis)))).await;
}

#[tokio::test]
async fn memory_stays_within_its_bytes() {
    let limit = 64 << 10;
    let cache = MemoryCache::new(limit, DEFAULT_TTL);
    let texts: Vec<String> = (0..500).map(|number| format!("text {number}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    cache.put_many(&entries(&texts).await).await;
    assert!((1..=limit).contains(&cache.weight()), "{}", cache.weight());
}

#[tokio::test]
async fn memory_forgets_what_is_older_than_its_time() {
    let cache = MemoryCache::new(1 << 20, Duration::ZERO);
    let entries = entries(&["a"]).await;
    cache.put_many(&entries).await;
    assert_eq!(cache.get_many(&[entries[0].0]).await, [None]);
}
