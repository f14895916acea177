//! Cache, batches and single flight, with embedders that count and fail.

use super::{CACHE_HITS, CACHE_MISSES, EmbeddingService, GENERATION_DURATION};
use crate::cache::{CacheKey, DEFAULT_TTL, EmbeddingCache, MemoryCache};
use crate::embedder::{Embedder, EmbeddingSetKey, ModelIdentity};
use crate::error::{EmbedError, Fault, Retry};
use crate::hashing::HashingEmbedder;
use async_trait::async_trait;
use futures_util::future::{join, join_all};
use metrics_exporter_prometheus::PrometheusBuilder;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use storage_models::Embedding;
use tokio::sync::Semaphore;

/// Hashes, and keeps book. Refuses texts with `bad` in them, panics at `panic`, is away for `down`.
struct Recorder {
    hashing: HashingEmbedder,
    calls: Mutex<Vec<Vec<String>>>,
    turns: Semaphore,
}

impl Recorder {
    fn new(turns: usize) -> Arc<Self> {
        Arc::new(Self {
            hashing: HashingEmbedder::new(),
            calls: Mutex::default(),
            turns: Semaphore::new(turns),
        })
    }

    fn calls(&self) -> Vec<Vec<String>> {
        self.calls.lock().unwrap().clone()
    }

    fn model_name(&self) -> String {
        self.hashing.model().name().to_owned()
    }
}

#[async_trait]
impl Embedder for Recorder {
    fn model(&self) -> &ModelIdentity {
        self.hashing.model()
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>, EmbedError> {
        self.calls.lock().unwrap().push(texts.to_vec());
        self.turns.acquire().await.unwrap().forget();
        let any = |part| texts.iter().any(|text| text.contains(part));
        assert!(!any("panic"), "asked to");
        if any("bad") {
            return Err(EmbedError::Text { model: self.model_name(), reason: "bad".to_owned() });
        }
        if any("down") {
            let retry_after = Some(Duration::from_secs(7));
            return Err(EmbedError::Provider {
                model: self.model_name(),
                reason: "429".to_owned(),
                retry_after,
                source: None,
            });
        }
        if any("short") {
            return Ok(Vec::new());
        }
        self.hashing.embed(texts).await
    }
}

fn service(embedder: &Arc<Recorder>) -> EmbeddingService {
    let embedder = Arc::clone(embedder);
    EmbeddingService::new(embedder, Arc::new(MemoryCache::new(1 << 20, DEFAULT_TTL)))
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

async fn expected(text: &str) -> Embedding {
    HashingEmbedder::new().embed(&texts(&[text])).await.unwrap().remove(0)
}

/// BR-STORAGE-007: the same text is embedded once, within a call and from call to call.
#[tokio::test]
async fn each_distinct_text_is_embedded_once_and_answers_keep_their_order() {
    let embedder = Recorder::new(9);
    let service = service(&embedder);
    let answers = service.embed_texts(texts(&["b", "a", "b"])).await;
    let again = service.embed_texts(texts(&["a", "c"])).await;
    assert_eq!(embedder.calls(), [texts(&["b", "a"]), texts(&["c"])]);
    for (answer, text) in answers.iter().chain(&again).zip(["b", "a", "b", "a", "c"]) {
        assert_eq!(answer.as_ref().unwrap(), &expected(text).await, "{text}");
    }
}

/// BR-STORAGE-007: concurrent callers of the same text share one embedding.
#[tokio::test]
async fn concurrent_callers_share_one_flight() {
    let embedder = Recorder::new(0);
    let service = service(&embedder);
    let callers = join_all((0..20).map(|_| service.embed_texts(texts(&["same"]))));
    let release = async { embedder.turns.add_permits(20) };
    let (answers, ()) = join(callers, release).await;
    assert_eq!(embedder.calls(), [texts(&["same"])]);
    assert!(answers.into_iter().flatten().all(|answer| answer.is_ok()));
}

#[tokio::test]
async fn a_caller_who_leaves_does_not_strand_the_one_who_joined() {
    let embedder = Recorder::new(0);
    let service = service(&embedder);
    let mut first = Box::pin(service.embed_texts(texts(&["same"])));
    let second = service.embed_texts(texts(&["same"]));
    assert!(futures_util::poll!(first.as_mut()).is_pending());
    let mut second = Box::pin(second);
    assert!(futures_util::poll!(second.as_mut()).is_pending());
    drop(first);
    embedder.turns.add_permits(1);
    assert!(second.await.remove(0).is_ok());
    assert_eq!(embedder.calls().len(), 1);
}

#[tokio::test]
async fn work_that_everyone_left_is_begun_anew_by_the_next_caller() {
    let embedder = Recorder::new(0);
    let service = service(&embedder);
    let mut first = Box::pin(service.embed_texts(texts(&["same"])));
    assert!(futures_util::poll!(first.as_mut()).is_pending());
    drop(first);
    embedder.turns.add_permits(1);
    assert!(service.embed_texts(texts(&["same"])).await.remove(0).is_ok());
}

#[tokio::test]
async fn no_batch_is_larger_than_32() {
    let embedder = Recorder::new(9);
    let answers =
        service(&embedder).embed_texts((0..70).map(|number| format!("text {number}")).collect()).await;
    assert_eq!(embedder.calls().iter().map(Vec::len).collect::<Vec<_>>(), [32, 32, 6]);
    assert!(answers.iter().all(Result::is_ok));
}

/// F15: one poison text fails alone, whether it is refused or makes the embedder panic.
#[tokio::test]
async fn a_bad_text_does_not_fail_its_neighbours() {
    for poison in ["bad", "panic"] {
        let embedder = Recorder::new(99);
        let mut wanted: Vec<String> = (0..10).map(|number| format!("text {number}")).collect();
        wanted.insert(4, poison.to_owned());
        let answers = service(&embedder).embed_texts(wanted).await;
        let failed: Vec<usize> = (0..11).filter(|index| answers[*index].is_err()).collect();
        assert_eq!(failed, [4], "{poison}");
        let error = answers[4].clone().unwrap_err();
        assert_eq!((error.fault(), error.retry()), (Fault::Text, Retry::Never));
    }
}

/// F24: an outage says when to come back, and is not made worse by asking on.
#[tokio::test]
async fn after_an_outage_nothing_more_is_asked_and_nothing_is_cached() {
    let embedder = Recorder::new(9);
    let service = service(&embedder);
    let mut wanted: Vec<String> = (0..70).map(|number| format!("text {number}")).collect();
    wanted[33] = "down".to_owned();
    let answers = service.embed_texts(wanted).await;
    assert_eq!(embedder.calls().len(), 2);
    assert!(answers[..32].iter().all(Result::is_ok));
    for answer in &answers[32..] {
        assert_eq!(answer.as_ref().unwrap_err().retry(), Retry::After(Duration::from_secs(7)));
    }
    assert!(service.embed_texts(texts(&["text 40"])).await.remove(0).is_ok());
}

#[tokio::test]
async fn an_answer_of_the_wrong_length_is_a_fault_of_the_provider() {
    let answers = service(&Recorder::new(9)).embed_texts(texts(&["short", "other"])).await;
    for answer in answers {
        let error = answer.unwrap_err();
        assert_eq!((error.fault(), error.retry()), (Fault::Provider, Retry::Later));
        assert!(error.to_string().contains("the embedder gave 0 vectors for 2 texts"), "{error}");
    }
}

/// A cache that has lost everything, and answers with too few entries.
struct Broken;

#[async_trait]
impl EmbeddingCache for Broken {
    async fn get_many(&self, _keys: &[CacheKey]) -> Vec<Option<Embedding>> {
        Vec::new()
    }

    async fn put_many(&self, _entries: &[(CacheKey, Embedding)]) {}
}

/// BR-STORAGE-007: a broken cache never fails a write.
#[tokio::test]
async fn a_broken_cache_is_a_slow_one() {
    let service = EmbeddingService::new(Recorder::new(9), Arc::new(Broken));
    let answers = service.embed_texts(texts(&["a", "b"])).await;
    assert!(answers.iter().all(Result::is_ok));
}

/// F26, F39: the stamp names what must be equal, and another stamp is another key.
#[test]
fn keys_differ_by_composition_model_dimension_and_text() {
    let set = EmbeddingSetKey { composition: 1, model: "m".to_owned(), dimension: 384 };
    let sets = [
        set.clone(),
        EmbeddingSetKey { composition: 2, ..set.clone() },
        EmbeddingSetKey { model: "n".to_owned(), ..set.clone() },
        EmbeddingSetKey { dimension: 385, ..set.clone() },
    ];
    let mut keys: Vec<CacheKey> = sets.iter().map(|set| CacheKey::new(set, "text")).collect();
    keys.push(CacheKey::new(&set, "texts"));
    keys.push(CacheKey::new(&EmbeddingSetKey { model: String::new(), ..set.clone() }, "mtext"));
    let distinct: std::collections::HashSet<_> = keys.iter().collect();
    assert_eq!(distinct.len(), keys.len());
    assert_eq!(set.to_string(), "composition 1, model m, dimension 384");
    assert_eq!(service(&Recorder::new(0)).set_key().model, "hashing-1");
}

/// BR-STORAGE-019: hits and misses add up to the texts asked for.
#[tokio::test]
async fn hits_misses_and_durations_are_counted() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let service = service(&Recorder::new(9));
    service.embed_texts(texts(&["a", "b", "a"])).await;
    service.embed_texts(texts(&["a", "c"])).await;
    let rendered = recorder.handle().render();
    for line in
        [format!("{CACHE_HITS} 2"), format!("{CACHE_MISSES} 3"), format!("{GENERATION_DURATION}_count 2")]
    {
        assert!(rendered.contains(&line), "{line} is not in\n{rendered}");
    }
}
