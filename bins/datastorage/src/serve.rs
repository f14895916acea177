//! `datastorage serve`: chooses the embedder and the cache, and hands everything to the server.

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use storage_embedding::{Embedder, EmbeddingService, HashingEmbedder, LocalEmbedder, MemoryCache};
use storage_server::{EmbeddingSettings, Parts, Provider, Server, Settings, telemetry};

use crate::command_line::SettingsArguments;
use crate::failure::Failure;

pub(crate) async fn run(arguments: &SettingsArguments) -> Result<ExitCode, Failure> {
    let settings = Settings::load(&arguments.sources())?;
    telemetry::log::init(&settings.log).context("cannot start the log")?;
    serve(settings).await.map_err(Failure::logged)
}

async fn serve(settings: Settings) -> Result<ExitCode, Failure> {
    let metrics = telemetry::metrics::install().context("cannot start the metrics")?;
    let connectors = settings.database.connectors().map_err(|error| Failure::unusable(&error))?;
    let embedding = Arc::new(embedding(&settings.embedding).await?);
    let ended = Server::run(Parts { settings, connectors, embedding, metrics }).await?;
    Ok(ExitCode::from(ended.exit_code()))
}

async fn embedding(settings: &EmbeddingSettings) -> Result<EmbeddingService, Failure> {
    let embedder: Arc<dyn Embedder> = match settings.provider {
        Provider::Local => Arc::new(local(settings).await?),
        Provider::Hashing => {
            tracing::warn!("the hashing embedder compares words and knows no meaning; searches find less");
            Arc::new(HashingEmbedder::new())
        }
    };
    let cache = MemoryCache::new(settings.cache_bytes.bytes(), settings.cache_ttl);
    Ok(EmbeddingService::new(embedder, Arc::new(cache)))
}

async fn local(settings: &EmbeddingSettings) -> Result<LocalEmbedder, Failure> {
    let directory = settings.model_dir.clone().context("embedding.model_dir is not set")?;
    let threads = NonZeroUsize::new(settings.threads).unwrap_or(NonZeroUsize::MIN);
    let loading = tokio::task::spawn_blocking(move || LocalEmbedder::load(&directory, threads));
    let loaded = loading.await.context("the model could not be loaded")?;
    loaded.map_err(|error| Failure::unusable(&error))
}
