//! The cache that replicas share.

mod exchange;
mod settings;
mod value;

use super::lookups::{Tier, count_lookups};
use super::{CacheKey, EmbeddingCache};
use async_trait::async_trait;
use deadpool_redis::redis::{Pipeline, cmd, pipe};
use exchange::Exchange;
pub use settings::{RedisSettings, RedisSettingsError};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use storage_models::Embedding;

/// How many keys one command carries, which bounds its answer to 400 KB.
const MAX_KEYS: usize = 256;

/// A cache in Redis, shared by all replicas that use the same server and prefix.
///
/// A value is the vector's numbers as little-endian `f32`. An unavailable or slow Redis, or one full of rubbish, is a miss and
/// nothing else: every exchange is bounded, and after a few failures a breaker asks no more until a probe succeeds.
/// Each change is logged once.
pub struct RedisCache {
    exchange: Exchange,
    prefix: Vec<u8>,
    /// In milliseconds.
    ttl: u64,
    /// Of the last exchange that succeeded; 0 before the first.
    latency_micros: AtomicU64,
    holds_rubbish: AtomicBool,
}

impl RedisCache {
    /// A cache that connects when it is first used.
    ///
    /// # Errors
    /// When the settings cannot be used, whatever the server says.
    pub fn new(settings: &RedisSettings) -> Result<Self, RedisSettingsError> {
        Ok(Self {
            exchange: Exchange::new(settings)?,
            prefix: settings.key_prefix.clone().into_bytes(),
            ttl: u64::try_from(settings.ttl.as_millis()).unwrap_or(u64::MAX).max(1),
            latency_micros: AtomicU64::new(0),
            holds_rubbish: AtomicBool::new(false),
        })
    }

    /// Whether it is asked at present; optimistic before the first failure.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.exchange.is_up()
    }

    /// How long the last exchange that succeeded took.
    #[must_use]
    pub fn latency(&self) -> Option<Duration> {
        let micros = self.latency_micros.load(Ordering::Relaxed);
        (micros > 0).then(|| Duration::from_micros(micros))
    }

    /// Pings Redis, so that an outage and its end are noticed even if no request uses the cache.
    pub async fn ping(&self) {
        let mut ping = pipe();
        ping.cmd("PING").ignore();
        let _ = self.run::<()>(&ping).await;
    }

    /// One exchange; `None` when Redis was not asked or did not answer.
    async fn run<T: deadpool_redis::redis::FromRedisValue>(&self, commands: &Pipeline) -> Option<T> {
        let started = Instant::now();
        let answer = self.exchange.run(commands).await?;
        let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
        self.latency_micros.store(micros, Ordering::Relaxed);
        Some(answer)
    }

    fn stored_key(&self, key: &CacheKey) -> Vec<u8> {
        [self.prefix.as_slice(), key.as_bytes()].concat()
    }

    async fn get_some(&self, keys: &[CacheKey]) -> Option<Vec<Option<Embedding>>> {
        let mut wanted = cmd("MGET");
        for key in keys {
            wanted.arg(self.stored_key(key));
        }
        let mut commands = pipe();
        commands.add_command(wanted);
        let (values,): (Vec<Option<Vec<u8>>>,) = self.run(&commands).await?;
        let found: Vec<Option<Embedding>> =
            values.iter().map(|value| value::decode(value.as_deref()?)).collect();
        self.note_rubbish(&values, &found);
        let hits = found.iter().flatten().count();
        count_lookups(Tier::Redis, hits, keys.len().saturating_sub(hits));
        (found.len() == keys.len()).then_some(found)
    }

    /// Logs once that there are values which are no vectors, and once that there are none any more.
    fn note_rubbish(&self, values: &[Option<Vec<u8>>], found: &[Option<Embedding>]) {
        let hits = found.iter().flatten().count();
        let rubbish = values.iter().flatten().count() - hits;
        if rubbish > 0 && !self.holds_rubbish.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                values = rubbish,
                "values under this service's keys in Redis are not vectors; the service ignores and replaces them. \
                 Check whether another program writes to the same keys"
            );
        } else if rubbish == 0 && hits > 0 && self.holds_rubbish.swap(false, Ordering::Relaxed) {
            tracing::info!("the values under this service's keys in Redis are vectors again");
        }
    }
}

#[async_trait]
impl EmbeddingCache for RedisCache {
    async fn get_many(&self, keys: &[CacheKey]) -> Vec<Option<Embedding>> {
        let mut found = Vec::with_capacity(keys.len());
        for some in keys.chunks(MAX_KEYS) {
            let known = self.get_some(some).await;
            found.extend(known.unwrap_or_else(|| vec![None; some.len()]));
        }
        found
    }

    async fn put_many(&self, entries: &[(CacheKey, Embedding)]) {
        for some in entries.chunks(MAX_KEYS) {
            let mut commands = pipe();
            for (key, embedding) in some {
                let mut set = cmd("SET");
                set.arg(self.stored_key(key)).arg(value::encode(embedding)).arg("PX").arg(self.ttl);
                commands.add_command(set).ignore();
            }
            if self.run::<()>(&commands).await.is_none() {
                return;
            }
        }
    }
}
