//! The two stages of a projection, each with its dependency away, and what an index refuses.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use diesel_async::SimpleAsyncConnection as _;
use storage_models::{Embedding, Remediation};
use storage_testkit::{QdrantFault, QdrantOperation, QdrantServer, TestQdrant};

use super::support::{
    assert_agree, embedder, guarded, project, qdrant, set, strict, until_both_agree, write,
};
use crate::index::{
    Condition, IndexError, IndexIdentity, MemoryIndex, NearIncident, Neighbour, Point, PointVersion,
    QdrantIndex, VectorIndex,
};
use crate::outbox;
use crate::tests::projector::{EMBEDDED, OUTBOX, Scripted, vector_of};
use crate::tests::support::{Bench, until};
use crate::{EmbedFault, ProjectorSettings};

pub(super) const WAITS_FOR_INDEX: &str = "SELECT count(*) AS n FROM vector_outbox WHERE stage = 2";
/// Which row versions hold the records and what is derived from them: a sum that any write to them changes.
const WRITTEN: &str = "SELECT (SELECT sum(xmin::text::bigint) FROM remediation_audit)::bigint \
    + (SELECT sum(xmin::text::bigint) FROM remediation_words)::bigint \
    + (SELECT sum(xmin::text::bigint) FROM remediation_text)::bigint \
    + (SELECT sum(xmin::text::bigint) FROM remediation_vector)::bigint AS n";

/// BR-STORAGE-002, BR-STORAGE-009: several projectors bring every record into both stores, once.
#[tokio::test(flavor = "multi_thread")]
async fn every_record_reaches_both_stores() {
    let qdrant = TestQdrant::create().unwrap();
    let settings = crate::tests::index::qdrant::settings(&qdrant);
    let indexes: [Arc<dyn VectorIndex>; 2] =
        [Arc::new(QdrantIndex::new(&settings).unwrap()), Arc::new(MemoryIndex::default())];
    for index in indexes {
        let bench = Bench::new().await;
        let index = guarded(&bench, index).await;
        let (embedder, calls) = embedder();
        let settings = ProjectorSettings { workers: 2, ..strict() };
        let one = project(&bench, &index, embedder.clone(), &settings).await;
        let other = project(&bench, &index, embedder, &settings).await;
        write(&bench, 200).await;
        until_both_agree(&bench, &index).await;
        assert_eq!(calls.load(Ordering::Relaxed), 200);
        drop((one, other));
    }
    qdrant.close().await.unwrap();
}

/// BR-STORAGE-006, F08, F09: while Qdrant is away vectors are stored for pgvector; when it is back the second stage
/// follows by itself, and neither the embedder nor the HNSW index is troubled again.
#[tokio::test]
async fn vectors_are_stored_while_the_index_is_away_and_points_follow() {
    let (bench, server) = (Bench::new().await, QdrantServer::start().unwrap());
    let index = guarded(&bench, qdrant(&server)).await;
    server.stop();
    let (embedder, calls) = embedder();
    let _projector = project(&bench, &index, embedder, &strict()).await;
    write(&bench, 50).await;
    until(&bench, WAITS_FOR_INDEX, 50).await;
    assert_eq!((bench.count(EMBEDDED).await, bench.count(OUTBOX).await), (50, 50));
    let written = bench.count(WRITTEN).await;

    server.start_again().unwrap();
    until_both_agree(&bench, &index).await;
    assert_eq!(bench.count(WRITTEN).await, written, "no row was written again");
    assert_eq!(calls.load(Ordering::Relaxed), 50);
}

/// F09: what waits for the index alone is not held up by an embedder that is away.
#[tokio::test]
async fn points_follow_while_the_embedder_is_away() {
    let (bench, server) = (Bench::new().await, QdrantServer::start().unwrap());
    let index = guarded(&bench, qdrant(&server)).await;
    server.stop();
    let is_away = Arc::new(AtomicBool::new(false));
    let away = Arc::clone(&is_away);
    let embedder = Scripted(move |record: &Remediation| {
        if away.load(Ordering::Relaxed) {
            return Err(EmbedFault::Outage { reason: "away".to_owned(), retry_after: None });
        }
        Ok(vector_of(record))
    });
    let _projector = project(&bench, &index, Arc::new(embedder), &strict()).await;
    write(&bench, 10).await;
    until(&bench, WAITS_FOR_INDEX, 10).await;
    is_away.store(true, Ordering::Relaxed);
    write(&bench, 10).await;
    server.start_again().unwrap();
    until(&bench, OUTBOX, 10).await;
    assert_eq!(index.count().await.unwrap(), 10);
    is_away.store(false, Ordering::Relaxed);
    until_both_agree(&bench, &index).await;
}

/// What an update does: the record, then its outbox row.
const UPDATE: &str = "BEGIN; UPDATE remediation_audit SET name = 'a longer name'; \
    INSERT INTO vector_outbox (set_id, record_id, start_time, version) \
        SELECT (SELECT id FROM embedding_set WHERE state = 'active'), id, start_time, updated_at FROM remediation_audit \
    ON CONFLICT (set_id, record_id) DO UPDATE SET version = EXCLUDED.version, stage = 0, lease_owner = NULL, lease_until = NULL, \
        attempts = 0, parked_at = NULL, next_attempt_at = now(); COMMIT";

/// F06, F33: an update between claim and completion reaches both stores, and the older version's point, applied late,
/// does not come back. The same for an update while its first version waits for the index.
#[tokio::test]
async fn an_update_while_its_point_is_under_way_reaches_both_stores() {
    let (bench, server) = (Bench::new().await, QdrantServer::start().unwrap());
    let index = guarded(&bench, qdrant(&server)).await;
    server.next(QdrantOperation::Upsert, 1, QdrantFault::ApplyLate);
    let _projector = project(&bench, &index, embedder().0, &strict()).await;
    bench.remediation("short").await;
    server.wait_for_faults(QdrantOperation::Upsert, 1).await.unwrap();
    bench.connect().await.batch_execute(UPDATE).await.unwrap();
    until_both_agree(&bench, &index).await;
    assert_eq!(server.apply_late(), 1);
    assert_agree(&bench, &index).await;

    server.stop();
    bench.remediation("another").await;
    until(&bench, WAITS_FOR_INDEX, 1).await;
    let update = UPDATE.replace("a longer name", "yet another name");
    bench.connect().await.batch_execute(&update).await.unwrap();
    until(&bench, WAITS_FOR_INDEX, 2).await;
    server.start_again().unwrap();
    until_both_agree(&bench, &index).await;
}

/// An index that refuses points of one name, and panics over those of another.
#[derive(Debug, Default)]
struct Picky {
    inner: MemoryIndex,
    is_cured: AtomicBool,
}

#[async_trait]
impl VectorIndex for Picky {
    async fn prepare(&self, identity: &IndexIdentity) -> Result<(), IndexError> {
        self.inner.prepare(identity).await
    }

    async fn upsert(&self, points: &[Point]) -> Result<(), IndexError> {
        assert!(points.iter().all(|point| point.record.name != "panic"), "asked for");
        let is_poison = points.iter().any(|point| point.record.name == "poison");
        if is_poison && !self.is_cured.load(Ordering::Relaxed) {
            return Err(IndexError::Refused { operation: "store points", reason: "too bitter".to_owned() });
        }
        self.inner.upsert(points).await
    }

    async fn delete(&self, ids: &[i64]) -> Result<(), IndexError> {
        self.inner.delete(ids).await
    }

    async fn search(
        &self,
        v: &Embedding,
        c: &[Condition],
        limit: usize,
    ) -> Result<Vec<Neighbour>, IndexError> {
        self.inner.search(v, c, limit).await
    }

    async fn search_incidents(
        &self,
        v: &Embedding,
        c: &[Condition],
        limit: usize,
    ) -> Result<Vec<NearIncident>, IndexError> {
        self.inner.search_incidents(v, c, limit).await
    }

    async fn page(&self, after: Option<i64>, limit: usize) -> Result<Vec<PointVersion>, IndexError> {
        self.inner.page(after, limit).await
    }

    async fn versions(&self, ids: &[i64]) -> Result<Vec<PointVersion>, IndexError> {
        self.inner.versions(ids).await
    }

    async fn count(&self) -> Result<u64, IndexError> {
        self.inner.count().await
    }
}

/// F15: a point that the index refuses is parked with the index's words; its neighbours go on, its vector is there for
/// pgvector, and an operator can have it tried again.
#[tokio::test]
async fn a_refused_point_is_parked_and_can_be_retried() {
    let bench = Bench::new().await;
    let picky = Arc::new(Picky::default());
    let index = guarded(&bench, picky.clone()).await;
    for name in ["a", "poison", "b"] {
        bench.remediation(name).await;
    }
    let settings = ProjectorSettings { attempts: 3, ..strict() };
    let _projector = project(&bench, &index, embedder().0, &settings).await;
    until(&bench, "SELECT count(*) AS n FROM vector_outbox WHERE parked_at IS NOT NULL", 1).await;
    until(&bench, OUTBOX, 1).await;
    assert_eq!((bench.count(EMBEDDED).await, index.count().await.unwrap()), (3, 2));
    let mut connection = bench.connect().await;
    let parked = outbox::list(&mut connection, 10).await.unwrap();
    assert_eq!(parked[0].attempts, 3);
    assert!(parked[0].last_error.as_deref().unwrap().contains("too bitter"));

    picky.is_cured.store(true, Ordering::Relaxed);
    assert_eq!(outbox::retry(&mut connection, &[]).await.unwrap(), 1);
    until_both_agree(&bench, &index).await;
}

/// F62: a point over which the index's client panics is parked like one that is refused, and its neighbours go on.
#[tokio::test]
async fn a_panic_over_a_point_costs_no_other_record_its_place() {
    let bench = Bench::new().await;
    let index = guarded(&bench, Arc::new(Picky::default())).await;
    for name in ["a", "panic", "b"] {
        bench.remediation(name).await;
    }
    let _projector = project(&bench, &index, embedder().0, &strict()).await;
    until(&bench, "SELECT count(*) AS n FROM vector_outbox WHERE parked_at IS NOT NULL", 1).await;
    until(&bench, OUTBOX, 1).await;
    assert_eq!(index.count().await.unwrap(), 2);
}

/// BR-STORAGE-009: a collection that was replaced by somebody else's during an outage is found out at the first contact
/// afterwards and never written to; records get their vectors all the same, and wait.
#[tokio::test]
async fn a_collection_that_was_replaced_during_an_outage_is_not_written_to() {
    let (bench, server) = (Bench::new().await, QdrantServer::start().unwrap());
    let index = guarded(&bench, qdrant(&server)).await;
    let _projector = project(&bench, &index, embedder().0, &strict()).await;
    write(&bench, 5).await;
    until_both_agree(&bench, &index).await;

    server.stop();
    assert!(index.count().await.is_err(), "the outage is met");
    server.lose_everything();
    server.start_again().unwrap();
    let theirs = qdrant(&server);
    theirs.prepare(&IndexIdentity { installation: uuid::Uuid::nil(), set: set() }).await.unwrap();
    write(&bench, 5).await;
    until(&bench, EMBEDDED, 10).await;
    until(&bench, WAITS_FOR_INDEX, 5).await;
    assert!(!index.is_up());
    assert!(index.mismatch().unwrap().contains("belongs to the installation"), "{:?}", index.mismatch());
    assert_eq!(theirs.count().await.unwrap(), 0);
}
