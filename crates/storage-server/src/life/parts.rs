//! What a server is made of.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use storage_dualwrite::index::VectorIndex;
use storage_embedding::{EmbeddingService, RedisCache};

use crate::settings::{Connectors, Settings};
use crate::telemetry::log::LogControl;

/// What a server is made of. The program that runs the server chooses it.
pub struct Parts {
    /// The settings, checked.
    pub settings: Settings,
    /// Where PostgreSQL is; [`crate::DatabaseSettings::connectors`] makes them.
    pub connectors: Connectors,
    /// The embedder behind its cache.
    pub embedding: Arc<EmbeddingService>,
    /// The part of its cache that replicas share, to be watched.
    pub redis: Option<Arc<RedisCache>>,
    /// The outside vector index, which need not be there yet; `None` leaves all to pgvector.
    pub index: Option<Arc<dyn VectorIndex>>,
    /// Where measurements are read from.
    pub metrics: PrometheusHandle,
    /// Changes what is logged.
    pub log: LogControl,
}
