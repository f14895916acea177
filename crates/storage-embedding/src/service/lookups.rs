//! Look-ups under way: a caller that wants a text that is being looked up waits for the same answer.

use super::metrics::{GENERATION_DURATION, count_hits, count_misses};
use crate::cache::{CacheKey, EmbeddingCache};
use crate::embedder::Embedder;
use crate::error::{EmbedError, Fault};
use futures_util::future::{BoxFuture, FutureExt as _, Shared, WeakShared};
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use storage_models::Embedding;

/// The most texts of one call of the embedder.
pub const MAX_BATCH: usize = 32;

/// The answers of one look-up.
pub(super) type Answers = Arc<HashMap<CacheKey, Result<Embedding, EmbedError>>>;

/// A look-up under way. Runs while anyone polls it, ends when everyone has dropped it.
pub(super) type Lookup = Shared<BoxFuture<'static, Answers>>;

/// The look-ups under way, by what they will answer.
#[derive(Default)]
pub(super) struct Lookups {
    lookups: Mutex<HashMap<CacheKey, WeakShared<BoxFuture<'static, Answers>>>>,
}

impl Lookups {
    /// Joins the look-ups that carry some of `wanted`, starts one for the rest, and says for how
    /// many texts it was started.
    pub(super) fn join_or_start<F>(
        self: &Arc<Self>,
        wanted: Vec<(CacheKey, String)>,
        start: impl FnOnce(Vec<(CacheKey, String)>) -> F,
    ) -> (Vec<Lookup>, usize)
    where
        F: Future<Output = Answers> + Send + 'static,
    {
        let mut active = self.lock();
        let mut lookups: Vec<Lookup> = Vec::new();
        let mut rest = Vec::new();
        for (key, text) in wanted {
            match active.get(&key).and_then(WeakShared::upgrade) {
                Some(lookup) if lookups.iter().any(|known| known.ptr_eq(&lookup)) => {}
                Some(lookup) => lookups.push(lookup),
                None => rest.push((key, text)),
            }
        }
        let started = rest.len();
        if started > 0 {
            let keys: Vec<CacheKey> = rest.iter().map(|(key, _)| *key).collect();
            let remove_on_drop = RemoveOnDrop { lookups: Arc::clone(self), keys: keys.clone() };
            let work = start(rest);
            let lookup = async move {
                let _remove_on_drop = remove_on_drop;
                work.await
            };
            let lookup = lookup.boxed().shared();
            active.extend(keys.into_iter().filter_map(|key| Some((key, lookup.downgrade()?))));
            lookups.push(lookup);
        }
        (lookups, started)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CacheKey, WeakShared<BoxFuture<'static, Answers>>>> {
        self.lookups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes a look-up when it has ended or was abandoned.
struct RemoveOnDrop {
    lookups: Arc<Lookups>,
    keys: Vec<CacheKey>,
}

impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        let mut active = self.lookups.lock();
        for key in &self.keys {
            active.remove(key);
        }
    }
}

/// The purpose of an embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A search, whose caller waits.
    Query,
    /// Records, which are embedded behind the scenes.
    Records,
}

/// What one look-up does: asks the cache, embeds what it did not have, tells the cache.
pub(super) struct Work {
    pub(super) wanted: Vec<(CacheKey, String)>,
    pub(super) purpose: Purpose,
    pub(super) embedder: Arc<dyn Embedder>,
    pub(super) cache: Arc<dyn EmbeddingCache>,
}

impl Work {
    pub(super) async fn run(self) -> Answers {
        let keys: Vec<CacheKey> = self.wanted.iter().map(|(key, _)| *key).collect();
        let known = self.cache.get_many(&keys).await;
        let mut answers = HashMap::new();
        let mut missing = Vec::new();
        let known = known.into_iter().chain(std::iter::repeat(None));
        for ((key, text), known) in self.wanted.iter().zip(known) {
            match known {
                Some(embedding) => drop(answers.insert(*key, Ok(embedding))),
                None => missing.push((*key, text.clone())),
            }
        }
        count_hits(answers.len());
        count_misses(missing.len());
        answers.extend(self.embed(&missing).await);
        Arc::new(answers)
    }

    /// Embeds in batches. A batch with a text at fault is halved until that one stands alone; after
    /// a fault of the provider nothing more is asked of it.
    async fn embed(&self, missing: &[(CacheKey, String)]) -> Vec<(CacheKey, Result<Embedding, EmbedError>)> {
        let mut answers = Vec::with_capacity(missing.len());
        let mut waiting: Vec<_> = missing.chunks(MAX_BATCH).rev().collect();
        while let Some(part) = waiting.pop() {
            match self.call(part).await {
                Ok(embeddings) => {
                    let entries: Vec<_> = part.iter().map(|(key, _)| *key).zip(embeddings).collect();
                    self.cache.put_many(&entries).await;
                    answers.extend(entries.into_iter().map(|(key, embedding)| (key, Ok(embedding))));
                }
                Err(error) if error.fault() == Fault::Text && part.len() > 1 => {
                    let (left, right) = part.split_at(part.len() / 2);
                    waiting.extend([right, left]);
                }
                Err(error) => {
                    let failed =
                        if error.fault() == Fault::Provider { std::mem::take(&mut waiting) } else { vec![] };
                    let failed = failed.into_iter().chain([part]).flatten();
                    answers.extend(failed.map(|(key, _)| (*key, Err(error.clone()))));
                }
            }
        }
        answers
    }

    /// One call of the embedder, which must not end the look-up: a panic becomes an error.
    async fn call(&self, part: &[(CacheKey, String)]) -> Result<Vec<Embedding>, EmbedError> {
        let model = self.embedder.model().name();
        let texts: Vec<String> = part.iter().map(|(_, text)| text.clone()).collect();
        let begun = Instant::now();
        let embedding = match self.purpose {
            Purpose::Query => self.embedder.embed_query(&texts),
            Purpose::Records => self.embedder.embed(&texts),
        };
        let answer = AssertUnwindSafe(embedding).catch_unwind().await;
        metrics::histogram!(GENERATION_DURATION).record(begun.elapsed().as_secs_f64());
        match answer {
            Ok(Ok(embeddings)) if embeddings.len() != texts.len() => {
                let reason =
                    format!("the embedder gave {} vectors for {} texts", embeddings.len(), texts.len());
                Err(EmbedError::provider(model, reason))
            }
            Ok(answer) => answer,
            Err(_panic) => {
                Err(EmbedError::Text { model: model.to_owned(), reason: "the embedder panicked".into() })
            }
        }
    }
}
