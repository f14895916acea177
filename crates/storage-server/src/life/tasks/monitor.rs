//! Looks after the service every second: does PostgreSQL answer and take writes, how deep is the outbox, how full the pool.

use std::sync::Arc;
use std::time::Duration;

use diesel_async::AsyncPgConnection;
use metrics_exporter_prometheus::PrometheusHandle;
use storage_dualwrite::index::GuardedIndex;
use storage_dualwrite::outbox::{Depth, DepthCount};
use storage_dualwrite::{Connector, takes_writes};
use storage_postgres::silence;
use tokio::time::{Instant, MissedTickBehavior};

use crate::embedder::Embeddings;
use crate::health::{CountBegin, Health};
use crate::store::pool::{PoolUse, ReadPool};
use crate::telemetry::metrics as names;

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long PostgreSQL may take to answer before it counts as unavailable.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// The part of the time, as one in so many, that counting the outbox may take: a held snapshot makes it slow (F27).
const DEPTH_SHARE: u32 = 20;

/// How often a piece of the outbox is counted at least.
const MAX_DEPTH_INTERVAL: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(in crate::life) struct Monitor {
    pub(in crate::life) connector: Connector,
    pub(in crate::life) health: Arc<Health>,
    /// With the names they have in the metrics.
    pub(in crate::life) pools: [(&'static str, ReadPool); 2],
    pub(in crate::life) embeddings: Arc<Embeddings>,
    pub(in crate::life) index: Option<Arc<GuardedIndex>>,
    pub(in crate::life) metrics: PrometheusHandle,
}

impl Monitor {
    /// Runs until dropped.
    pub(in crate::life) async fn run(self) {
        let mut tick = tokio::time::interval(INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut connection = None;
        let (mut depth, mut begin) = (DepthCount::default(), self.health.begin_count());
        let mut depth_due = Instant::now();
        loop {
            tick.tick().await;
            self.metrics.run_upkeep();
            self.note_pools();
            self.note_fallback();
            connection = self.ping(connection).await;
            if let Some(connection) = connection.as_mut().filter(|_| Instant::now() >= depth_due) {
                if depth.is_at_its_beginning() {
                    begin = self.health.begin_count();
                }
                depth_due = self.sample_depth(connection, &mut depth, begin).await;
            }
        }
    }

    /// Gives the connection back while PostgreSQL answers on it and takes writes.
    async fn ping(&self, connection: Option<AsyncPgConnection>) -> Option<AsyncPgConnection> {
        let mut connection = match connection {
            Some(connection) => Some(connection),
            None => self.connect().await,
        };
        let latency = match &mut connection {
            Some(connection) => answers(connection).await,
            None => None,
        };
        if self.health.note_database(latency) {
            match latency {
                Some(_) => tracing::info!("PostgreSQL answers; the service is ready"),
                None => tracing::error!("PostgreSQL does not answer; the service is not ready"),
            }
        }
        connection.filter(|_| latency.is_some())
    }

    /// Perhaps to another server than before, to which reads go then as well.
    async fn connect(&self) -> Option<AsyncPgConnection> {
        let connection = self.connector.connect().await.ok()?;
        for (_, pool) in &self.pools {
            pool.renew();
        }
        Some(connection)
    }

    /// Counts a piece of the outbox and says when to do so again.
    async fn sample_depth(
        &self,
        connection: &mut AsyncPgConnection,
        count: &mut DepthCount,
        begin: CountBegin,
    ) -> Instant {
        let started = Instant::now();
        match self.connector.answered(count.step(connection)).await {
            Ok(Some(depth)) => self.note_depth(depth, begin),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the outbox could not be counted"),
        }
        let pause = (started.elapsed() * DEPTH_SHARE).clamp(INTERVAL, MAX_DEPTH_INTERVAL);
        Instant::now() + pause
    }

    fn note_depth(&self, depth: Depth, begin: CountBegin) {
        let was_stalled = self.health.stalled().is_some();
        self.health.note_depth(depth, begin);
        set_gauge("waiting", depth.waiting);
        set_gauge("parked", depth.parked);
        let oldest = Duration::from_micros(u64::try_from(depth.oldest_micros).unwrap_or_default());
        metrics::gauge!(names::OUTBOX_OLDEST).set(oldest.as_secs_f64());
        match self.health.stalled() {
            Some(waited) if !was_stalled => {
                let waited_seconds = waited.as_secs();
                tracing::error!(
                    waited_seconds,
                    waiting = depth.waiting,
                    "records wait and are not projected"
                );
            }
            None if was_stalled => tracing::info!("records are projected again"),
            _ => {}
        }
    }

    /// Searches are by words alone without an embedder, and pgvector's while a configured index is unavailable.
    fn note_fallback(&self) {
        let is_index_up = self.index.as_ref().is_none_or(|index| index.is_up());
        let is_falling_back = !(self.embeddings.is_up() && is_index_up);
        metrics::gauge!(names::FALLBACK_MODE).set(if is_falling_back { 1.0 } else { 0.0 });
    }

    fn note_pools(&self) {
        for (name, pool) in &self.pools {
            let PoolUse { in_use, idle } = pool.usage();
            for (state, connections) in [("in_use", in_use), ("idle", idle)] {
                let connections = u32::try_from(connections).unwrap_or(u32::MAX);
                metrics::gauge!(names::DB_CONNECTIONS, "pool" => *name, "state" => state).set(connections);
            }
        }
    }
}

/// How long PostgreSQL took to answer that it takes writes; `None` when it does not.
async fn answers(connection: &mut AsyncPgConnection) -> Option<Duration> {
    let started = Instant::now();
    silence::answered(PING_TIMEOUT, takes_writes(connection)).await.ok()?.then(|| started.elapsed())
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "a count of rows, far below 2^53")]
fn set_gauge(state: &'static str, rows: i64) {
    metrics::gauge!(names::OUTBOX_DEPTH, "state" => state).set(rows as f64);
}
