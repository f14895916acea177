//! `datastorage serve`: chooses the embedder, the cache and the index, and hands everything to the server.

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use storage_dualwrite::index::{QdrantIndex, VectorIndex};
use storage_embedding::{
    Embedder, EmbeddingCache, EmbeddingService, HashingEmbedder, LocalEmbedder, MemoryCache, OpenAiEmbedder,
    RedisCache, TieredCache,
};
use storage_server::telemetry::log::LogControl;
use storage_server::{EmbeddingSettings, Parts, Provider, Server, Settings, telemetry};

use crate::command_line::SettingsArguments;
use crate::failure::Failure;

pub(crate) async fn run(arguments: &SettingsArguments) -> Result<ExitCode, Failure> {
    let settings = Settings::load(&arguments.sources())?;
    let log =
        telemetry::log::init(settings.log.format, &settings.log.level).context("cannot start the log")?;
    Box::pin(serve(settings, log)).await.map_err(Failure::logged)
}

async fn serve(settings: Settings, log: LogControl) -> Result<ExitCode, Failure> {
    let metrics = telemetry::metrics::install().context("cannot start the metrics")?;
    let connectors = settings.database.connectors().map_err(|error| Failure::unusable(&error))?;
    let redis = redis(&settings)?;
    let embedder = embedder(&settings).await?;
    let embedding = Arc::new(EmbeddingService::new(embedder, cache(&settings.embedding, redis.as_ref())));
    let index = index(&settings)?;
    let ended =
        Box::pin(Server::run(Parts { settings, connectors, embedding, redis, index, metrics, log })).await?;
    Ok(ExitCode::from(ended.exit_code()))
}

async fn embedder(settings: &Settings) -> Result<Arc<dyn Embedder>, Failure> {
    Ok(match settings.embedding.provider {
        Provider::Local => Arc::new(local(&settings.embedding).await?),
        Provider::OpenAi => {
            let api = settings.openai.to_embedder().map_err(|error| Failure::unusable(&error))?;
            Arc::new(OpenAiEmbedder::new(&api).map_err(|error| Failure::unusable(&error))?)
        }
        Provider::Hashing => {
            tracing::warn!("the hashing embedder compares words and knows no meaning; searches find less");
            Arc::new(HashingEmbedder::new())
        }
    })
}

/// The memory of this process, before Redis when there is one.
fn cache(settings: &EmbeddingSettings, redis: Option<&Arc<RedisCache>>) -> Arc<dyn EmbeddingCache> {
    let memory = Arc::new(MemoryCache::new(settings.cache_bytes.bytes(), settings.cache_ttl));
    match redis {
        Some(redis) => Arc::new(TieredCache::new(memory, redis.clone())),
        None => memory,
    }
}

/// Redis, which need not be there yet.
fn redis(settings: &Settings) -> Result<Option<Arc<RedisCache>>, Failure> {
    let redis =
        settings.redis.to_cache(settings.embedding.cache_ttl).map_err(|error| Failure::unusable(&error))?;
    let cache = redis.map(|redis| RedisCache::new(&redis)).transpose();
    Ok(cache.map_err(|error| Failure::unusable(&error))?.map(Arc::new))
}

/// Qdrant, which need not be there yet.
fn index(settings: &Settings) -> Result<Option<Arc<dyn VectorIndex>>, Failure> {
    let Some(qdrant) = settings.qdrant.to_index().map_err(|error| Failure::unusable(&error))? else {
        return Ok(None);
    };
    let index = QdrantIndex::new(&qdrant).map_err(|error| Failure::unusable(&error))?;
    Ok(Some(Arc::new(index)))
}

async fn local(settings: &EmbeddingSettings) -> Result<LocalEmbedder, Failure> {
    let directory = settings.model_dir.clone().context("embedding.model_dir is not set")?;
    let threads = NonZeroUsize::new(settings.threads).unwrap_or(NonZeroUsize::MIN);
    let loading = tokio::task::spawn_blocking(move || LocalEmbedder::load(&directory, threads));
    let loaded = loading.await.context("the model could not be loaded")?;
    loaded.map_err(|error| Failure::unusable(&error))
}
