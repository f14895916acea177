//! Strict writes: in both stores or in neither, whatever fails at whatever step.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use storage_models::{Embedding, NewRecord, Record, Remediation};
use storage_testkit::{
    Fault, FaultProxy, GrpcCode, QdrantFault, QdrantOperation, QdrantServer, TestDatabase,
};

use super::idempotency::keyed;
use super::index_support::{identity, one_incident};
use super::projector::{OUTBOX, vector_of};
use super::support::{Bench, Loss, connector, patient, remediation, until};
use crate::embedding_set::{EmbeddingSet, activate};
use crate::idempotency::Written;
use crate::index::{IndexIdentity, MemoryIndex, PointVersion, QdrantIndex, QdrantSettings, VectorIndex};
use crate::reconcile::{Mode, ReconcileSettings, Reconciler};
use crate::{Commits, EmbedFault, RecordEmbedder, StrictParts, StrictWriter, WriteError, WriterSettings};

const RECORDS: &str = "SELECT count(*) AS n FROM remediation_audit";
/// Records with all that is derived from them in PostgreSQL.
const PROJECTED: &str = "SELECT count(*) AS n FROM remediation_audit r \
    JOIN remediation_words w ON w.record_id = r.id AND w.version = r.updated_at AND w.words @@ '=a'::tsquery \
    JOIN remediation_text t ON t.text_key = w.text_key AND t.words @@ 'a'::tsquery \
    JOIN remediation_vector v ON v.record_id = r.id AND v.version = r.updated_at \
        AND v.incident_key = decode(repeat('07', 16), 'hex') \
    JOIN embedding_vector USING (slot, embedding_id)";
/// Transactions of others.
const OPEN_TRANSACTIONS: &str = "SELECT count(*) AS n FROM pg_stat_activity \
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL";

/// How long the index may take to answer in these tests.
const INDEX_TIMEOUT: Duration = Duration::from_millis(400);

/// An embedder that does what a record's name says.
struct Moody;

one_incident!(Moody);

#[async_trait]
impl RecordEmbedder for Moody {
    async fn embed(&self, records: &[Remediation]) -> Vec<Result<Embedding, EmbedFault>> {
        let outage = EmbedFault::Outage { reason: "asked for".to_owned(), retry_after: None };
        match records[0].name.as_str() {
            "outage" => vec![Err(outage)],
            "never" => std::future::pending().await,
            _ => vec![Ok(vector_of(&records[0]))],
        }
    }
}

struct Strict {
    bench: Bench,
    writer: StrictWriter,
}

impl Strict {
    async fn new(bench: Bench, url: &str, index: Option<Arc<dyn VectorIndex>>) -> Self {
        let embedder: Arc<dyn RecordEmbedder> = Arc::new(Moody);
        let IndexIdentity { set, .. } = identity(1);
        let wanted = EmbeddingSet { model: "scripted".to_owned(), ..set };
        let set = activate(&mut bench.connect().await, &wanted).await.unwrap();
        let parts = StrictParts { connector: connector(url), embedder, set, index, places: 2 };
        let writer = StrictWriter::new(&bench.writer, parts);
        Self { bench, writer }
    }

    async fn with(index: Option<Arc<dyn VectorIndex>>) -> Self {
        let bench = Bench::new().await;
        let url = bench.database.server_url().unwrap();
        Self::new(bench, &url, index).await
    }

    /// The ids of the records, in order.
    async fn ids(&self) -> Vec<i64> {
        use diesel::{ExpressionMethods as _, QueryDsl as _};
        use diesel_async::RunQueryDsl as _;
        use storage_models::schema::remediation_audit::dsl::{id, remediation_audit};
        let mut connection = self.bench.connect().await;
        remediation_audit.select(id).order(id.asc()).load(&mut connection).await.unwrap()
    }

    async fn write(&self, record: NewRecord) -> Result<Remediation, WriteError> {
        match self.writer.write(record, None, self.bench.size(), self.bench.deadline()).await? {
            Written::Now(Record::Remediation(record)) => Ok(record),
            other => panic!("{other:?}"),
        }
    }
}

/// An index on the server, prepared.
async fn qdrant(server: &QdrantServer) -> Arc<QdrantIndex> {
    let settings = QdrantSettings { timeout: INDEX_TIMEOUT, ..QdrantSettings::new(server.url()) };
    let index = Arc::new(QdrantIndex::new(&settings).unwrap());
    index.prepare(&identity(1)).await.unwrap();
    index
}

/// BR-STORAGE-002: after the answer the record is in PostgreSQL with its words, its vector and its incident, and this version
/// of it in the index, and nothing is left to project. A slow index is waited for.
#[tokio::test]
async fn a_strict_write_is_in_both_stores() {
    let server = QdrantServer::start().unwrap();
    let index = qdrant(&server).await;
    let strict = Strict::with(Some(index.clone())).await;
    server.next(QdrantOperation::Upsert, 1, QdrantFault::Delay(Duration::from_millis(50)));
    let record = strict.write(remediation("a")).await.unwrap();
    let version = PointVersion { record_id: record.id, version: record.updated_at };
    assert_eq!(index.page(None, 10).await.unwrap(), [version]);
    assert_eq!(strict.bench.count(RECORDS).await, 1);
    assert_eq!(strict.bench.count(PROJECTED).await, 1);
    assert_eq!(strict.bench.count(OUTBOX).await, 0);
}

/// Without an outside index PostgreSQL is the index, and nothing is left to project.
#[tokio::test]
async fn without_an_index_the_vector_is_stored_in_the_transaction() {
    let strict = Strict::with(None).await;
    strict.write(remediation("a")).await.unwrap();
    assert_eq!(strict.bench.count(PROJECTED).await, 1);
    assert_eq!(strict.bench.count(OUTBOX).await, 0);
}

/// F05: whatever the index does with the point, the record is in neither store afterwards, and the next one in both.
#[tokio::test]
async fn a_fault_of_the_index_leaves_the_record_in_neither_store() {
    for fault in [
        QdrantFault::Fail(GrpcCode::Unavailable),
        QdrantFault::Fail(GrpcCode::Internal),
        QdrantFault::Hang,
        QdrantFault::ApplyThenFail(GrpcCode::Internal),
        QdrantFault::ApplyThenHang,
        QdrantFault::ApplyHalf(GrpcCode::Internal),
    ] {
        let server = QdrantServer::start().unwrap();
        let index = qdrant(&server).await;
        let strict = Strict::with(Some(index.clone())).await;
        server.next(QdrantOperation::Upsert, 1, fault);
        let outcome = strict.write(remediation("a")).await;
        assert_eq!(outcome.unwrap_err(), WriteError::IndexUnavailable, "{fault:?}");
        assert_eq!(strict.bench.count(RECORDS).await, 0, "{fault:?}");
        assert_eq!(strict.bench.count(OUTBOX).await, 0, "{fault:?}");
        assert_eq!(index.count().await.unwrap(), 0, "{fault:?}");
        strict.write(remediation("b")).await.unwrap();
        assert_eq!(index.count().await.unwrap(), 1, "{fault:?}");
    }
}

/// F06: a point that the index applies after everything was given up has no record: a phantom, which is the reconciler's to
/// remove.
#[tokio::test]
async fn a_point_applied_late_has_no_record() {
    let server = QdrantServer::start().unwrap();
    let index = qdrant(&server).await;
    let strict = Strict::with(Some(index.clone())).await;
    server.next(QdrantOperation::Upsert, 1, QdrantFault::ApplyLate);
    assert_eq!(strict.write(remediation("a")).await.unwrap_err(), WriteError::IndexUnavailable);
    assert_eq!(server.apply_late(), 1);
    assert_eq!((strict.bench.count(RECORDS).await, index.count().await.unwrap()), (0, 1));
}

/// What the index would refuse for ever is no outage.
#[tokio::test]
async fn a_refused_point_is_told_as_the_record_s_fault() {
    let server = QdrantServer::start().unwrap();
    let strict = Strict::with(Some(qdrant(&server).await)).await;
    server.next(QdrantOperation::Upsert, 1, QdrantFault::Fail(GrpcCode::InvalidArgument));
    assert!(matches!(strict.write(remediation("a")).await.unwrap_err(), WriteError::Refused(_)));
    assert_eq!(strict.bench.count(RECORDS).await, 0);
}

/// BR-STORAGE-006: the embedder away refuses strict writes before anything is begun.
#[tokio::test]
async fn without_an_embedder_nothing_is_begun() {
    let index = Arc::new(MemoryIndex::default());
    let strict = Strict::with(Some(index.clone())).await;
    assert_eq!(strict.write(remediation("outage")).await.unwrap_err(), WriteError::IndexUnavailable);
    assert_eq!((strict.bench.count(RECORDS).await, index.count().await.unwrap()), (0, 0));
}

/// The statements of a strict write with a key, in their order; the point goes into the index before the words.
const STEPS: [&str; 11] = [
    "BEGIN",
    "pg_try_advisory_xact_lock",
    "FROM embedding_set",
    "SAVEPOINT",
    "INSERT INTO remediation_audit",
    "INSERT INTO remediation_words",
    "INSERT INTO remediation_vector",
    "DELETE FROM vector_outbox",
    "INSERT INTO idempotency_key",
    "RELEASE",
    "COMMIT",
];

/// A strict writer behind a proxy.
async fn behind_a_proxy(index: &Arc<MemoryIndex>, settings: WriterSettings) -> (Strict, FaultProxy) {
    let database = TestDatabase::create().await.unwrap();
    let proxy = FaultProxy::for_postgres(&database.server_url().unwrap()).await.unwrap();
    let url = proxy.url(&database.server_url().unwrap());
    let strict = Strict::new(Bench::on(database, &url, settings), &url, Some(index.clone())).await;
    strict.write(remediation("warm")).await.unwrap();
    (strict, proxy)
}

/// F05, F34: PostgreSQL lost at any step: a lost connection costs another try, silence before COMMIT leaves the record in
/// neither store, and after the request was repeated it is in both, once.
#[tokio::test]
async fn a_connection_lost_at_any_step_leaves_the_record_in_both_stores_or_neither() {
    for step in STEPS {
        for loss in Loss::ALL {
            let index = Arc::new(MemoryIndex::default());
            let settings = WriterSettings { step_timeout: loss.step_timeout(), ..patient() };
            let (strict, proxy) = behind_a_proxy(&index, settings).await;
            loss.arm(&proxy, step);
            let write = async || {
                let (size, deadline) = (strict.bench.size(), strict.bench.deadline());
                strict.writer.write(remediation("a"), Some(keyed("k", "body")), size, deadline).await
            };
            let stored = async || (strict.bench.count(RECORDS).await, index.count().await.unwrap());
            let first = write().await;
            proxy.wait_for_trigger().await.unwrap_or_else(|error| panic!("{step} {loss:?}: {error}"));
            if loss == Loss::Silence && step != "COMMIT" {
                assert_eq!(first.unwrap_err(), WriteError::Unavailable, "{step} {loss:?}");
                assert_eq!(stored().await, (1, 1), "{step} {loss:?}");
                // The server notices that its client is gone, and lets the key go.
                until(&strict.bench, OPEN_TRANSACTIONS, 0).await;
                assert!(matches!(write().await, Ok(Written::Now(_))), "{step} {loss:?}");
            } else {
                assert!(matches!(first, Ok(Written::Now(_))), "{step} {loss:?}: {first:?}");
            }
            assert!(matches!(write().await, Ok(Written::Before(_))), "{step} {loss:?}");
            assert_eq!(stored().await, (2, 2), "{step} {loss:?}");
            let points: Vec<i64> =
                index.page(None, 10).await.unwrap().iter().map(|it| it.record_id).collect();
            assert_eq!(strict.ids().await, points, "{step} {loss:?}");
        }
    }
}

/// F05: the point of a record that was not stored stays when the index does not remove it either; the next repair does.
#[tokio::test]
async fn a_point_that_cannot_be_removed_is_left_to_the_reconciler() {
    for fault in [QdrantFault::Fail(GrpcCode::Unavailable), QdrantFault::Hang] {
        let server = QdrantServer::start().unwrap();
        let index = qdrant(&server).await;
        let strict = Strict::with(Some(index.clone())).await;
        server.next(QdrantOperation::Upsert, 1, QdrantFault::ApplyThenFail(GrpcCode::Internal));
        server.next(QdrantOperation::Delete, 1, fault);
        let outcome = strict.write(remediation("a")).await;
        assert_eq!(outcome.unwrap_err(), WriteError::IndexUnavailable, "{fault:?}");
        assert_eq!((strict.bench.count(RECORDS).await, index.count().await.unwrap()), (0, 1), "{fault:?}");

        let url = strict.bench.database.server_url().unwrap();
        let settings = ReconcileSettings { gap: Duration::ZERO, page: 10 };
        let reconciler =
            Reconciler::new(connector(&url), Some(index.clone()), settings, Arc::new(Commits::default()));
        let report = reconciler.run(Mode::Repair { force: false }, &|_| {}).await.unwrap();
        assert_eq!((report.deleted, index.count().await.unwrap()), (1, 0), "{fault:?}");
    }
}

/// F10: a repeated strict write is answered as the first and stores nothing, in neither store.
#[tokio::test]
async fn a_repeated_strict_write_stores_nothing() {
    let index = Arc::new(MemoryIndex::default());
    let strict = Strict::with(Some(index.clone())).await;
    let write = async || {
        let (size, deadline) = (strict.bench.size(), strict.bench.deadline());
        strict.writer.write(remediation("a"), Some(keyed("k", "body")), size, deadline).await.unwrap()
    };
    assert!(matches!(write().await, Written::Now(_)));
    assert!(matches!(write().await, Written::Before(_)));
    assert_eq!((strict.bench.count(RECORDS).await, index.count().await.unwrap()), (1, 1));
}

/// A third strict write is refused at once while two hang, and ordinary writes go on.
#[tokio::test]
async fn strict_writes_never_starve_the_others() {
    let server = QdrantServer::start().unwrap();
    let settings = QdrantSettings { timeout: Duration::from_secs(30), ..QdrantSettings::new(server.url()) };
    let index = Arc::new(QdrantIndex::new(&settings).unwrap());
    index.prepare(&identity(1)).await.unwrap();
    let strict = Strict::with(Some(index.clone())).await;
    server.set(QdrantOperation::Upsert, QdrantFault::Hang);
    let hanging = async { tokio::join!(strict.write(remediation("a")), strict.write(remediation("b"))) };
    let others = async {
        server.wait_for_faults(QdrantOperation::Upsert, 2).await.unwrap();
        assert_eq!(strict.write(remediation("c")).await.unwrap_err(), WriteError::QueueFull);
        strict.bench.write(remediation("d")).await.unwrap();
        server.clear_all();
    };
    let ((a, b), ()) = tokio::join!(hanging, others);
    a.unwrap();
    b.unwrap();
    assert_eq!((strict.bench.count(RECORDS).await, index.count().await.unwrap()), (3, 2));
}

/// F04: a client that goes away after its transaction began leaves the record in both stores, and its place stays taken until
/// then; one that goes away before leaves it in neither.
#[tokio::test]
async fn a_client_that_goes_away_leaves_both_or_neither() {
    let server = QdrantServer::start().unwrap();
    let settings = QdrantSettings { timeout: Duration::from_secs(30), ..QdrantSettings::new(server.url()) };
    let index = Arc::new(QdrantIndex::new(&settings).unwrap());
    index.prepare(&identity(1)).await.unwrap();
    let strict = Strict::with(Some(index.clone())).await;
    server.set(QdrantOperation::Upsert, QdrantFault::Hang);
    for (nth, name) in [(1, "a"), (2, "b")] {
        tokio::select! {
            outcome = strict.write(remediation(name)) => panic!("{outcome:?}"),
            met = server.wait_for_faults(QdrantOperation::Upsert, nth) => met.unwrap(),
        }
    }
    assert_eq!(strict.write(remediation("c")).await.unwrap_err(), WriteError::QueueFull);
    server.clear_all();
    strict.writer.drain().await;
    assert_eq!((strict.bench.count(RECORDS).await, index.count().await.unwrap()), (2, 2));
    assert_eq!(strict.write(remediation("d")).await.unwrap_err(), WriteError::Stopping);

    let index = Arc::new(MemoryIndex::default());
    let strict = Strict::with(Some(index.clone())).await;
    let gone = tokio::time::timeout(Duration::from_millis(100), strict.write(remediation("never")));
    gone.await.unwrap_err();
    strict.writer.drain().await;
    assert_eq!((strict.bench.count(RECORDS).await, index.count().await.unwrap()), (0, 0));
}

/// F34: while it is not known whether the record is stored, its point is not removed: afterwards both are there.
#[tokio::test]
async fn no_point_is_removed_while_the_outcome_is_unknown() {
    let index = Arc::new(MemoryIndex::default());
    let settings = WriterSettings { settle_timeout: Duration::from_millis(300), ..patient() };
    let (strict, proxy) = behind_a_proxy(&index, settings).await;
    // The answer hangs until its connection is closed, and then no other connection can ask.
    proxy.hang_before_answer("COMMIT");
    let lost = async {
        proxy.wait_for_trigger().await.unwrap();
        proxy.set(Fault::Refuse);
    };
    let (outcome, ()) = tokio::join!(strict.write(remediation("a")), lost);
    assert_eq!(outcome.unwrap_err(), WriteError::OutcomeUnknown);
    proxy.set(Fault::Pass);
    assert_eq!((strict.bench.count(RECORDS).await, index.count().await.unwrap()), (2, 2));
}
