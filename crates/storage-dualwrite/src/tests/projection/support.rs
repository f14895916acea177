//! A projector on a writer's database and an index, and the comparison of both stores.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use diesel::{ExpressionMethods as _, QueryDsl as _};
use diesel_async::RunQueryDsl as _;
use storage_breaker::BreakerSettings;
use storage_models::schema::remediation_audit::dsl;
use storage_models::{Remediation, Timestamp};
use storage_testkit::QdrantServer;

use crate::embedding_set::{EmbeddingSet, activate, installation};
use crate::index::{GuardedIndex, IndexIdentity, QdrantIndex, QdrantSettings, VectorIndex};
use crate::tests::projector::{OUTBOX, Scripted, quick, vector_of};
use crate::tests::support::{Bench, connector, remediation, until};
use crate::{Projector, ProjectorSettings, RecordEmbedder};

/// How long an index may take in these tests.
const IMPATIENT: Duration = Duration::from_millis(300);
/// An index that failed twice in a row is left alone for a moment.
const BREAKER: BreakerSettings = BreakerSettings {
    failures: 2,
    first_pause: Duration::from_millis(20),
    longest_pause: Duration::from_millis(50),
};

/// A single counted failure parks a record: where nothing is parked, nothing was counted.
pub(super) fn strict() -> ProjectorSettings {
    ProjectorSettings { attempts: 1, batch: 8, ..quick() }
}

pub(super) fn qdrant(server: &QdrantServer) -> Arc<dyn VectorIndex> {
    qdrant_at(&server.url())
}

/// An index by another URL, such as a proxy's.
pub(super) fn qdrant_at(url: &str) -> Arc<dyn VectorIndex> {
    let settings = QdrantSettings { timeout: IMPATIENT, ..QdrantSettings::new(url) };
    Arc::new(QdrantIndex::new(&settings).unwrap())
}

pub(super) fn set() -> EmbeddingSet {
    EmbeddingSet { composition: "1".to_owned(), model: "scripted".to_owned(), dimension: 384 }
}

/// The index as the database's own.
pub(super) async fn guarded(bench: &Bench, index: Arc<dyn VectorIndex>) -> Arc<GuardedIndex> {
    let installation = installation(&mut bench.connect().await).await.unwrap();
    Arc::new(GuardedIndex::new(index, IndexIdentity { installation, set: set() }, BREAKER))
}

pub(super) async fn project(
    bench: &Bench,
    index: &Arc<GuardedIndex>,
    embedder: Arc<dyn RecordEmbedder>,
    settings: &ProjectorSettings,
) -> Projector {
    project_at(bench, &bench.database.server_url().unwrap(), index, embedder, settings).await
}

/// A projector that reaches the database by another URL, such as a proxy's.
pub(super) async fn project_at(
    bench: &Bench,
    url: &str,
    index: &Arc<GuardedIndex>,
    embedder: Arc<dyn RecordEmbedder>,
    settings: &ProjectorSettings,
) -> Projector {
    let set = activate(&mut bench.connect().await, &set()).await.unwrap();
    Projector::start(&connector(url), &embedder, set, Some(index), settings, &bench.committed)
}

/// An embedder that never fails, and how many records it was given.
pub(super) fn embedder() -> (Arc<dyn RecordEmbedder>, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let embedder = Scripted(move |record: &Remediation| {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(vector_of(record))
    });
    (Arc::new(embedder), calls)
}

pub(super) async fn write(bench: &Bench, count: usize) {
    let names: Vec<String> = (0..count).map(|n| format!("record-{n}")).collect();
    let written =
        futures_util::future::join_all(names.iter().map(|name| bench.write(remediation(name)))).await;
    written.into_iter().for_each(|record| drop(record.unwrap()));
}

/// Waits until nothing is left to do, and compares: every record with its vector in PostgreSQL, and in the index once
/// in the same version.
pub(super) async fn until_both_agree(bench: &Bench, index: &GuardedIndex) {
    until(bench, OUTBOX, 0).await;
    assert_agree(bench, index).await;
}

pub(super) async fn assert_agree(bench: &Bench, index: &GuardedIndex) {
    let rows: Vec<(i64, Timestamp)> = dsl::remediation_audit
        .select((dsl::id, dsl::updated_at))
        .load(&mut bench.connect().await)
        .await
        .unwrap();
    let points = index.page(None, 100_000).await.unwrap();
    let stored: BTreeSet<(i64, Timestamp)> = rows.iter().copied().collect();
    let indexed: BTreeSet<(i64, Timestamp)> =
        points.iter().map(|point| (point.record_id, point.version)).collect();
    assert_eq!((rows.len(), points.len()), (stored.len(), indexed.len()), "nothing is there twice");
    assert_eq!(stored, indexed);
    let wrong = "SELECT count(*) AS n FROM remediation_audit \
                 LEFT JOIN remediation_vector ON record_id = id AND version = updated_at \
                 LEFT JOIN embedding_vector USING (slot, embedding_id) \
                 WHERE (vector::real[])[2] IS DISTINCT FROM length(name)";
    assert_eq!(bench.count(wrong).await, 0);
    let points = dsl::remediation_audit.filter(dsl::id.gt(0)).count();
    let count: i64 = points.get_result(&mut bench.connect().await).await.unwrap();
    assert_eq!(u64::try_from(count).unwrap(), index.count().await.unwrap());
}
