//! Both stores of one test, and a reconciler of them.

use std::sync::Arc;
use std::time::Duration;

use diesel_async::SimpleAsyncConnection as _;
use storage_models::{Remediation, Timestamp};
use storage_testkit::{FaultProxy, STORE_WORDS};

use crate::index::{Point, PointVersion, QdrantIndex, QdrantSettings, VectorIndex};
use crate::reconcile::{Mode, ReconcileError, ReconcileSettings, Reconciler, Report};
use crate::tests::index_support::{INCIDENT, changed, embedding, identity};
use crate::tests::support::{Bench, connector, impatient_connector};
use crate::{Commits, Connector};

pub(super) const REPAIR: Mode = Mode::Repair { force: false };

pub(super) struct Stores {
    pub(super) bench: Bench,
    pub(super) index: Arc<dyn VectorIndex>,
    pub(super) reconciler: Reconciler,
}

pub(super) fn reconciler(connector: Connector, index: Option<Arc<dyn VectorIndex>>) -> Reconciler {
    // Small pages, so that ranges are cut; no gap, since nothing else writes.
    let settings = ReconcileSettings { gap: Duration::ZERO, page: 3 };
    Reconciler::new(connector, index, settings, Arc::new(Commits::default()))
}

impl Stores {
    pub(super) async fn new(index: Arc<dyn VectorIndex>) -> Self {
        index.prepare(&identity(1)).await.unwrap();
        let bench = Bench::new().await;
        let connector = connector(&bench.database.server_url().unwrap());
        let reconciler = reconciler(connector, Some(index.clone()));
        Self { bench, index, reconciler }
    }

    pub(super) async fn on_qdrant(settings: &QdrantSettings) -> Self {
        Self::new(Arc::new(QdrantIndex::new(settings).unwrap())).await
    }

    /// Another reconciler of the same stores, which reaches PostgreSQL through a proxy.
    pub(super) async fn through_proxy(&self) -> (FaultProxy, Reconciler) {
        let url = self.bench.database.server_url().unwrap();
        let proxy = FaultProxy::for_postgres(&url).await.unwrap();
        let reconciler = reconciler(impatient_connector(&proxy.url(&url)), Some(self.index.clone()));
        (proxy, reconciler)
    }

    /// Records that every store holds.
    pub(super) async fn projected(&self, count: usize) -> Vec<Remediation> {
        let mut records = Vec::new();
        for n in 0..count {
            records.push(self.bench.remediation(&format!("record-{n}")).await);
        }
        let points: Vec<Point> = records.iter().cloned().map(|record| point(record, 1)).collect();
        self.index.upsert(&points).await.unwrap();
        self.execute(
            "INSERT INTO embedding_vector (slot, vector) VALUES (1, array_fill(0.5, ARRAY[384])::vector) ON CONFLICT DO NOTHING; \
             INSERT INTO remediation_vector (slot, record_id, start_time, version, embedding_id, incident_key) \
             SELECT 1, id, start_time, updated_at, (SELECT min(embedding_id) FROM embedding_vector), decode(repeat('07', 16), 'hex') \
             FROM remediation_audit ON CONFLICT DO NOTHING; \
             DELETE FROM vector_outbox",
        )
        .await;
        self.execute(STORE_WORDS).await;
        records
    }

    pub(super) async fn execute(&self, sql: &str) {
        self.bench.connect().await.batch_execute(sql).await.unwrap();
    }

    pub(super) async fn run(&self, mode: Mode) -> Result<Report, ReconcileError> {
        self.reconciler.run(mode, &|_| {}).await
    }

    pub(super) async fn points(&self) -> Vec<PointVersion> {
        self.index.page(None, 10_000).await.unwrap()
    }

    /// The ids that wait in the outbox, in order.
    pub(super) async fn waiting(&self) -> Vec<i64> {
        use diesel::{ExpressionMethods as _, QueryDsl as _};
        use diesel_async::RunQueryDsl as _;
        use storage_models::schema::vector_outbox::dsl::{record_id, vector_outbox};
        let mut connection = self.bench.connect().await;
        vector_outbox.select(record_id).order(record_id.asc()).load(&mut connection).await.unwrap()
    }
}

pub(super) fn point(record: Remediation, seed: u64) -> Point {
    Point { record, embedding: embedding(seed), incident_key: INCIDENT }
}

pub(super) fn shifted(record: &Remediation, micros: i64) -> Remediation {
    let updated_at = Timestamp::from_micros(record.updated_at.micros() + micros).unwrap();
    changed(record.clone(), |it| it.updated_at = updated_at)
}
