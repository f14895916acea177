//! From settings to a running server, and from a signal to its end.

mod auth;
mod error;
mod parts;
mod places;
mod prepare;
mod signals;
mod stop;
mod tasks;
mod tls;

#[cfg(test)]
mod tests;

pub use error::StartError;
pub use parts::Parts;
pub use stop::Ended;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use storage_dualwrite::idempotency::KeptAnswers;
use storage_dualwrite::index::{GuardedIndex, VectorIndex};
use storage_dualwrite::reconcile::Reconciler;
use storage_dualwrite::{
    Commits, ProjectionWaits, Projector, RecordEmbedder, ServingSet, StrictParts, StrictWriter, Writer,
};
use tasks::turns::Turns;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::AccessGuard;
use crate::embedder::Embeddings;
use crate::export::{ExportTimes, Exports};
use crate::health::Health;
use crate::http::heavy::HeavyWork;
use crate::http::ports::{self, BindError, HttpPort, Routes};
use crate::http::state::{AppState, Limits, Port};
use crate::routes;
use crate::settings::Settings;
use crate::settings::stop::CLOSE_TIMEOUT;
use crate::store::WritePath;
use crate::store::budget::SharedBudget;
use crate::store::far_months::FarMonths;
use crate::store::pool::ReadPool;
use crate::telemetry::millis;

/// The service.
#[derive(Debug)]
pub struct Server;

/// A server that is ready.
pub struct RunningServer {
    addr: SocketAddr,
    admin_addr: SocketAddr,
    settings: Settings,
    stopping: CancellationToken,
    health: Arc<Health>,
    api: HttpPort,
    admin: HttpPort,
    writes: WritePath,
    projector: Projector,
    pool: ReadPool,
    exports: Exports,
    tasks: TaskTracker,
    tasks_stopping: CancellationToken,
}

/// What is behind the ports.
struct Core {
    writes: WritePath,
    projector: Projector,
    pool: ReadPool,
    exports: Exports,
    export_pool: ReadPool,
    health: Arc<Health>,
    embeddings: Arc<Embeddings>,
    index: Option<Arc<GuardedIndex>>,
    committed: Arc<Commits>,
    guard: Arc<AccessGuard>,
    tasks: TaskTracker,
    tasks_stopping: CancellationToken,
}

impl Server {
    /// Prepares the database, starts everything, and returns when the ports are open and the service is ready.
    ///
    /// An unavailable PostgreSQL is waited for up to `database.start_timeout`. Needs a multi-thread tokio runtime.
    ///
    /// # Errors
    /// See [`StartError`]; nothing is left running.
    pub async fn start(parts: Parts) -> Result<RunningServer, StartError> {
        let started = Instant::now();
        if parts.settings.database.is_readable_on_the_way() {
            tracing::warn!(
                "records cross the network readable on their way to PostgreSQL; database.tls = \"verify-full\" protects them"
            );
        }
        let embeddings = Arc::new(Embeddings::new(Arc::clone(&parts.embedding)));
        let prepared = prepare::database(&parts, &embeddings).await?;
        let index = prepare::index(&parts, &prepared).await?;
        let verifier = auth::verifier(&parts.settings).await?;
        let tls = tls::open(&parts.settings)?;
        let speaks = tls.as_ref().map(|tls| tls::spoken(tls, &parts.settings)).transpose()?;
        let core = Core::start(&parts, embeddings, prepared.set, index, verifier)?;
        let routes = Routes { api: routes::api, admin: routes::admin };
        let opened = ports::open(&parts.settings.server, core.state(&parts), speaks, routes);
        let (api, admin) = match opened {
            Ok(ports) => ports,
            Err(BindError { addr, source }) => {
                core.abandon().await;
                return Err(StartError::Bind { addr, source });
            }
        };
        let scheme = if tls.is_some() { "https" } else { "http" };
        if let Some(tls) = tls {
            core.spawn("tls_files", move || Arc::clone(&tls).watch());
        }
        tracing::info!(
            version = crate::VERSION,
            api = format!("{scheme}://{}", api.addr()),
            admin = format!("http://{}", admin.addr()),
            model = core.embeddings.model(),
            ready_after_ms = millis(started.elapsed()),
            "ready"
        );
        Ok(core.running(parts.settings, api, admin))
    }
}

impl Core {
    fn start(
        parts: &Parts,
        embeddings: Arc<Embeddings>,
        set: ServingSet,
        index: Option<Arc<GuardedIndex>>,
        verifier: auth::Verifier,
    ) -> Result<Self, StartError> {
        let Parts { settings, connectors, .. } = parts;
        let pool = ReadPool::new(connectors.read.clone(), places::of_reads(settings));
        let export_pool = ReadPool::new(connectors.export.clone(), places::of_exports(settings));
        let (tasks, tasks_stopping) = (TaskTracker::new(), CancellationToken::new());
        let times = ExportTimes { whole: settings.export.timeout, stall: settings.export.stall_timeout };
        let exports = Exports::new(export_pool.clone(), times, tasks.clone());
        let guard = auth::guard(verifier, settings, &tasks, &tasks_stopping);
        let committed = Arc::new(Commits::default());
        let writer =
            Writer::start(connectors.write.clone(), settings.writer.to_writer(), Arc::clone(&committed));
        let embedder: Arc<dyn RecordEmbedder> = embeddings.clone();
        let projector = Projector::start(
            &connectors.projector,
            &embedder,
            set,
            index.as_ref(),
            &settings.projector.to_projector(),
            &committed,
        );
        let writes = write_path(parts, writer, &embedder, set, index.as_ref());
        let core = Self {
            writes,
            projector,
            pool,
            exports,
            export_pool,
            health: Arc::new(Health::of(Arc::clone(&committed))),
            embeddings,
            index,
            committed,
            guard,
            tasks,
            tasks_stopping,
        };
        core.health.note_database(Some(Duration::ZERO));
        core.spawn_tasks(parts);
        Ok(core)
    }

    fn spawn_tasks(&self, parts: &Parts) {
        let monitor = tasks::monitor::Monitor {
            connector: parts.connectors.maintenance.clone(),
            health: Arc::clone(&self.health),
            pools: [("read", self.pool.clone()), ("export", self.export_pool.clone())],
            embeddings: Arc::clone(&self.embeddings),
            index: self.index.clone(),
            metrics: parts.metrics.clone(),
        };
        self.spawn("monitor", move || monitor.clone().run());
        if let Some(index) = self.index.clone() {
            self.spawn("index", move || tasks::index::watch(Arc::clone(&index)));
        }
        if let Some(redis) = parts.redis.clone() {
            self.spawn("redis", move || tasks::redis::watch(Arc::clone(&redis)));
        }
        let turns = Turns::default();
        let occasional = || (parts.connectors.maintenance.clone(), turns.clone());
        let (connector, turns) = occasional();
        self.spawn("partitions", move || tasks::partitions::keep(connector.clone(), turns.clone()));
        let (connector, turns) = occasional();
        self.spawn("statistics", move || tasks::statistics::keep(connector.clone(), turns.clone()));
        let (connector, turns) = occasional();
        self.spawn("tables", move || tasks::tables::keep(connector.clone(), turns.clone()));
        if parts.settings.reconcile.enabled {
            let (reconciler, settings) = (self.reconciler(parts), parts.settings.reconcile.clone());
            let health = Arc::clone(&self.health);
            self.spawn("reconcile", move || {
                tasks::reconcile::keep(reconciler.clone(), settings.clone(), Arc::clone(&health))
            });
        }
        let (connector, turns) = occasional();
        self.spawn("threshold", move || tasks::threshold::keep(connector.clone(), turns.clone()));
        let connector = parts.connectors.maintenance.clone();
        self.spawn("counters", move || tasks::counters::keep(connector.clone()));
        let ((connector, turns), settings) = (occasional(), parts.settings.idempotency.clone());
        self.spawn("keys", move || tasks::keys::keep(connector.clone(), turns.clone(), settings.clone()));
    }

    /// Runs a task beside the requests until the stop, and anew when it panics.
    fn spawn<T>(&self, task: &'static str, begin: impl FnMut() -> T + Send + 'static)
    where
        T: Future<Output = ()> + Send + 'static,
    {
        tasks::spawn(&self.tasks, &self.tasks_stopping, task, begin);
    }

    fn reconciler(&self, parts: &Parts) -> Reconciler {
        let index = self.index.clone().map(|index| -> Arc<dyn VectorIndex> { index });
        let settings = parts.settings.reconcile.to_reconciler();
        Reconciler::new(parts.connectors.maintenance.clone(), index, settings, Arc::clone(&self.committed))
    }

    fn state(&self, parts: &Parts) -> AppState {
        AppState {
            writer: Arc::new(self.writes.clone()),
            reader: Arc::new(self.pool.clone()),
            exports: self.exports.clone(),
            embeddings: Arc::clone(&self.embeddings),
            redis: parts.redis.clone(),
            index: self.index.clone(),
            budget: SharedBudget::new(parts.settings.writer.byte_budget.saturating_u32()),
            answers: SharedBudget::new(parts.settings.server.answer_budget.saturating_u32()),
            heavy: HeavyWork::new(),
            health: Arc::clone(&self.health),
            metrics: parts.metrics.clone(),
            log: parts.log.clone(),
            settings: parts.settings.effective.clone().into(),
            guard: Arc::clone(&self.guard),
            access: routes::access::of,
            months: Arc::new(FarMonths::new(parts.settings.limits.far_months)),
            cors_origins: parts.settings.server.cors_origins.0.clone().into(),
            grafana_url: parts.settings.server.grafana_url.as_ref().map(|link| link.0.as_str().into()),
            limits: Limits::of(&parts.settings.server, &parts.settings.writer),
            port: Port::Api,
        }
    }

    fn running(self, settings: Settings, api: HttpPort, admin: HttpPort) -> RunningServer {
        RunningServer {
            addr: api.addr(),
            admin_addr: admin.addr(),
            settings,
            stopping: CancellationToken::new(),
            health: self.health,
            api,
            admin,
            writes: self.writes,
            projector: self.projector,
            pool: self.pool,
            exports: self.exports,
            tasks: self.tasks,
            tasks_stopping: self.tasks_stopping,
        }
    }

    /// Ends what was started when the ports could not be opened.
    async fn abandon(self) {
        self.tasks_stopping.cancel();
        self.writes.writer.stop(CLOSE_TIMEOUT).await;
        self.projector.stop(CLOSE_TIMEOUT).await;
        self.exports.stop();
        self.pool.close();
    }
}

/// The writers that the routes use.
fn write_path(
    parts: &Parts,
    writer: Writer,
    embedder: &Arc<dyn RecordEmbedder>,
    set: ServingSet,
    index: Option<&Arc<GuardedIndex>>,
) -> WritePath {
    let Parts { settings, connectors, .. } = parts;
    let strict = StrictParts {
        connector: connectors.write.clone().with_idle_in_transaction_timeout(settings.server.request_timeout),
        embedder: Arc::clone(embedder),
        set,
        index: index.cloned().map(|index| -> Arc<dyn VectorIndex> { index }),
        places: settings.writer.strict_connections,
    };
    let strict = StrictWriter::new(&writer, strict);
    let waits = Arc::new(ProjectionWaits::start(connectors.maintenance.clone()));
    let kept = Arc::new(KeptAnswers::new(connectors.maintenance.clone()));
    WritePath { writer, strict, waits, kept }
}

impl RunningServer {
    /// Where the API listens; the port that was found when the settings said 0.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where metrics and health listen.
    #[must_use]
    pub const fn admin_addr(&self) -> SocketAddr {
        self.admin_addr
    }

    /// Cancelled, it stops the server as SIGTERM does.
    #[must_use]
    pub fn stopper(&self) -> CancellationToken {
        self.stopping.clone()
    }
}
