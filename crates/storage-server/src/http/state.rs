//! The state that the handlers share.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::Method;
use metrics_exporter_prometheus::PrometheusHandle;
use storage_dualwrite::index::GuardedIndex;
use storage_embedding::RedisCache;
use storage_models::json::ItemLimits;
use storage_validation::Handling;

use super::heavy::HeavyWork;
use crate::auth::{Access, AccessGuard};
use crate::embedder::Embeddings;
use crate::export::Exports;
use crate::health::Health;
use crate::settings::{Consistency, EffectiveSetting, ServerSettings, WriterSection};
use crate::store::budget::SharedBudget;
use crate::store::edge::{AuditReader, AuditWriter};
use crate::store::far_months::FarMonths;
use crate::telemetry::log::LogControl;

/// The state of one server; each of its ports has its own.
#[derive(Clone)]
pub(crate) struct AppState {
    pub(crate) writer: Arc<dyn AuditWriter>,
    pub(crate) reader: Arc<dyn AuditReader>,
    pub(crate) exports: Exports,
    pub(crate) embeddings: Arc<Embeddings>,
    pub(crate) redis: Option<Arc<RedisCache>>,
    /// The outside index; `None` when pgvector is the only one.
    pub(crate) index: Option<Arc<GuardedIndex>>,
    pub(crate) budget: SharedBudget,
    /// For answers that are being sent.
    pub(crate) answers: SharedBudget,
    pub(crate) heavy: HeavyWork,
    pub(crate) health: Arc<Health>,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) log: LogControl,
    /// The settings in force, without secrets.
    pub(crate) settings: Arc<[EffectiveSetting]>,
    pub(crate) guard: Arc<AccessGuard>,
    /// What a request asks of its caller, by the template of its route and its method.
    pub(crate) access: fn(Option<&str>, &Method) -> Access,
    pub(crate) months: Arc<FarMonths>,
    /// Pages that browsers may let use the API.
    pub(crate) cors_origins: Arc<[String]>,
    /// Where the explorer links to from a record.
    pub(crate) grafana_url: Option<Arc<str>>,
    pub(crate) limits: Limits,
    pub(crate) port: Port,
}

/// Which port this is the state of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port {
    /// The API's, whose requests are counted.
    Api,
    /// That of metrics and health. `is_loopback` says whether only this machine can reach it.
    Admin {
        /// Then a foreign Host is refused here too.
        is_loopback: bool,
    },
}

/// The limits of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) request_timeout: Duration,
    /// Of the body of one record or change, in bytes.
    pub(crate) body: u32,
    /// Of the body of a batch, in bytes.
    pub(crate) batch_body: u32,
    /// The default consistency of a write.
    pub(crate) consistency: Consistency,
    /// How strictly records are taken when nothing else is asked for.
    pub(crate) handling: Handling,
}

impl Limits {
    pub(crate) fn of(settings: &ServerSettings, writer: &WriterSection) -> Self {
        Self {
            request_timeout: settings.request_timeout,
            body: settings.body_limit.saturating_u32(),
            batch_body: settings.batch_body_limit.saturating_u32(),
            consistency: writer.consistency,
            handling: writer.handling,
        }
    }

    /// Values that a body of one record or change may hold.
    pub(crate) fn values_of_one(&self) -> usize {
        self.items().values_each
    }

    /// Bytes that the texts of a batch may take as they are stored: twice its body, which escaping alone reaches.
    pub(crate) fn stored_batch(&self) -> usize {
        usize::try_from(self.batch_body).unwrap_or(usize::MAX).saturating_mul(2)
    }

    /// The limits of the records of a batch.
    pub(crate) fn items(&self) -> ItemLimits {
        let bytes = |limit: u32| usize::try_from(limit).unwrap_or(usize::MAX);
        ItemLimits::of_bytes(bytes(self.batch_body), bytes(self.body))
    }
}

impl AppState {
    /// Whether requests count in the metrics.
    pub(crate) fn is_measured(&self) -> bool {
        self.port == Port::Api
    }

    /// Whether only loopback names may be asked for.
    pub(crate) fn checks_host(&self) -> bool {
        match self.port {
            Port::Api => self.guard.is_open(),
            Port::Admin { is_loopback } => is_loopback,
        }
    }
}
