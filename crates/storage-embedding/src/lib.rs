//! Text to vectors: the text of a record, the models, and the caches that avoid embedding a text twice.
//!
//! ```
//! use std::sync::Arc;
//! use storage_embedding::{
//!     DEFAULT_TTL, EmbeddingService, HashingEmbedder, MemoryCache, RecordText,
//! };
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let cache = MemoryCache::new(16 << 20, DEFAULT_TTL);
//! let service = EmbeddingService::new(Arc::new(HashingEmbedder::new()), Arc::new(cache));
//!
//! let record = RecordText {
//!     name: "rr-1",
//!     action_type: "restart-pod",
//!     alert_name: Some("KubePodCrashLooping"),
//!     ..RecordText::default()
//! };
//! let vectors = service.embed_records(&[record]).await;
//! assert!(vectors.iter().all(Result::is_ok));
//! let query = service.embed_query("a pod keeps crashing").await?;
//! assert_eq!(query.as_slice().len(), 384);
//! # Ok::<(), storage_embedding::EmbedError>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`compose`] and [`compose_query`] make the text: values that carry meaning, split into words,
//!   without ids, times and generated suffixes. Texts therefore repeat, and most are cache hits.
//! - [`Embedder`] turns texts into vectors of 384 numbers and length 1. [`LocalEmbedder`] runs
//!   all-MiniLM-L6-v2 in this process; [`OpenAiEmbedder`] asks an API;
//!   [`HashingEmbedder`] needs no model and knows no meaning.
//! - [`EmbeddingCache`] remembers vectors by composition, model, dimension and text, so that a
//!   vector of another model is a miss. [`MemoryCache`] is the one of this process, [`RedisCache`] the one that
//!   replicas share, [`TieredCache`] puts the one before the other.
//! - [`EmbeddingService`] joins them: each distinct text once, batches of at most [`MAX_BATCH`], one
//!   bad text never failing its neighbours.
//! - [`EmbeddingSetKey`] stamps a set of vectors; vectors under different stamps are not compared.
//! - [`quality`] measures rankings.
//!
//! Nothing here knows SQL, the service's own HTTP or its settings.

mod cache;
mod composition;
mod embedder;
mod error;
mod guard;
mod hashing;
mod local;
mod openai;
pub mod quality;
mod service;
mod words;

pub use cache::{
    CACHE_LOOKUPS, CacheKey, DEFAULT_TTL, EmbeddingCache, MemoryCache, RedisCache, RedisSettings,
    RedisSettingsError, TieredCache,
};
pub use composition::{COMPOSITION_VERSION, RecordText, compose, compose_query, incident_key};
pub use embedder::{Embedder, EmbeddingSetKey, ModelIdentity};
pub use error::{Cause, EmbedError, Fault, LoadError, Retry};
pub use guard::BREAKER_STATE;
pub use hashing::HashingEmbedder;
pub use local::LocalEmbedder;
pub use openai::{OpenAiEmbedder, OpenAiSettings, OpenAiSettingsError};
pub use service::{CACHE_HITS, CACHE_MISSES, EmbeddingService, GENERATION_DURATION, MAX_BATCH};
pub use words::{split_identifier, split_text};
