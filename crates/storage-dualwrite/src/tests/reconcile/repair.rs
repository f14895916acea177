//! Drift of each kind, made by hand and mended; and what must not be touched.

use std::sync::Arc;

use storage_testkit::{QdrantFault, QdrantOperation, QdrantServer};

use super::support::{REPAIR, Stores, point, reconciler, shifted};
use crate::index::{MemoryIndex, Point, PointVersion, QdrantIndex, QdrantSettings, VectorIndex};
use crate::reconcile::{Drift, Mode, ReconcileError};
use crate::tests::index_support::changed;
use crate::tests::projector::OUTBOX;
use crate::tests::support::connector;

/// Both real indexes' conformance is proven elsewhere; the repair goes through one over the wire and one in memory.
fn each_index() -> Vec<(Arc<dyn VectorIndex>, Option<QdrantServer>)> {
    let server = QdrantServer::start().unwrap();
    let qdrant = QdrantIndex::new(&QdrantSettings::new(server.url())).unwrap();
    vec![(Arc::new(MemoryIndex::default()), None), (Arc::new(qdrant), Some(server))]
}

/// F08, F09, BR-STORAGE-006: every kind of drift is found, told and mended: a point lost, a point stale, a point ahead of its
/// record, a point without a record, and a record without its vector; what agrees is left alone.
#[tokio::test]
async fn every_kind_of_drift_is_mended() {
    for (index, _server) in each_index() {
        let stores = Stores::new(index).await;
        let records = stores.projected(12).await;
        let [lost, stale, ahead, hollow, ..] = records.as_slice() else { panic!() };
        stores.index.delete(&[lost.id, stale.id, ahead.id]).await.unwrap();
        let phantom = changed(lost.clone(), |it| it.id = 1_000_000);
        let wrong = [point(shifted(stale, -5), 2), point(shifted(ahead, 5), 3), point(phantom, 4)];
        stores.index.upsert(&wrong).await.unwrap();
        stores.execute(&format!("DELETE FROM remediation_vector WHERE record_id = {}", hollow.id)).await;

        let drift = Drift { missing: 2, phantom: 1, stale: 2 };
        let report = stores.run(Mode::DryRun).await.unwrap();
        assert_eq!((report.records, report.points, report.drift), (12, 12, drift));
        assert_eq!((report.enqueued, report.deleted, stores.bench.count(OUTBOX).await), (0, 0, 0));

        let report = stores.run(REPAIR).await.unwrap();
        assert_eq!((report.drift, report.enqueued, report.deleted), (drift, 4, 2));
        let mut expected = vec![lost.id, stale.id, ahead.id, hollow.id];
        expected.sort_unstable();
        assert_eq!(stores.waiting().await, expected);
        let ids: Vec<i64> = stores.points().await.iter().map(|it| it.record_id).collect();
        assert!(!ids.contains(&1_000_000) && !ids.contains(&ahead.id), "{ids:?}");
        // What is being mended is no drift any more.
        let report = stores.run(REPAIR).await.unwrap();
        assert_eq!((report.drift, report.enqueued, report.deleted), (Drift::default(), 0, 0));
    }
}

/// F09: without an outside index PostgreSQL alone is compared.
#[tokio::test]
async fn without_an_index_the_records_without_vector_are_found() {
    let stores = Stores::new(Arc::new(MemoryIndex::default())).await;
    let records = stores.projected(5).await;
    stores.execute(&format!("DELETE FROM remediation_vector WHERE record_id = {}", records[2].id)).await;
    let report = reconciler(connector(&stores.bench.database.server_url().unwrap()), None)
        .run(REPAIR, &|_| {})
        .await
        .unwrap();
    assert_eq!((report.drift.missing, report.points), (1, 0));
    assert_eq!(stores.waiting().await, [records[2].id]);
}

/// Shared words that are gone are drift of all records that have them.
#[tokio::test]
async fn records_whose_shared_words_are_gone_are_found() {
    let stores = Stores::new(Arc::new(MemoryIndex::default())).await;
    let records = stores.projected(3).await;
    stores.execute("DELETE FROM remediation_text").await;
    let report = stores.run(REPAIR).await.unwrap();
    assert_eq!((report.drift.missing, report.enqueued), (3, 3));
    assert_eq!(stores.waiting().await, records.iter().map(|record| record.id).collect::<Vec<_>>());
}

/// Records on their way, and those that are parked, are no drift; the parked are told apart.
#[tokio::test]
async fn what_waits_in_the_outbox_is_left_alone() {
    let stores = Stores::new(Arc::new(MemoryIndex::default())).await;
    let records = stores.projected(2).await;
    stores.bench.remediation("on-its-way").await;
    let parked = stores.bench.remediation("parked").await;
    stores
        .execute(&format!(
            "UPDATE vector_outbox SET parked_at = now(), last_error = 'x', attempts = 5 WHERE record_id = {}",
            parked.id
        ))
        .await;
    // A point of a record that waits in a newer version is stale, and on its way as well.
    stores.execute(&format!(
        "INSERT INTO vector_outbox (set_id, record_id, start_time, version) SELECT (SELECT id FROM embedding_set WHERE state = 'active'), id, start_time, updated_at + interval '1 s' \
         FROM remediation_audit WHERE id = {}", records[0].id)).await;
    stores.index.delete(&[records[0].id]).await.unwrap();
    let report = stores.run(REPAIR).await.unwrap();
    assert_eq!((report.drift, report.parked, report.enqueued), (Drift::default(), 1, 0));
    assert_eq!(
        stores.bench.count("SELECT count(*) AS n FROM vector_outbox WHERE parked_at IS NOT NULL").await,
        1
    );
}

/// F36: a database that is empty beside more than a handful of points stops the run before any is deleted; only an
/// operator's word empties the index.
#[tokio::test]
async fn an_empty_database_never_empties_the_index_by_itself() {
    let stores = Stores::new(Arc::new(MemoryIndex::default())).await;
    let template = stores.bench.remediation("template").await;
    let points: Vec<Point> =
        (1..=1_200).map(|n| point(changed(template.clone(), |it| it.id = (1 << 40) + n), 1)).collect();
    stores.index.upsert(&points).await.unwrap();
    stores.execute("DELETE FROM remediation_audit; DELETE FROM vector_outbox").await;
    let stopped = stores.run(REPAIR).await.unwrap_err();
    assert!(matches!(stopped, ReconcileError::TooManyDeletions(_)), "{stopped}");
    assert_eq!(stores.points().await.len(), 1_200);
    let report = stores.run(Mode::Repair { force: true }).await.unwrap();
    assert_eq!((report.deleted, stores.points().await.len()), (1_200, 0));
}

/// F59: an index so large that the run cannot remember what differs is not emptied either, and what is missing is put back
/// nevertheless where nothing would be deleted.
#[tokio::test]
async fn differences_that_are_not_remembered_count() {
    let stores = Stores::new(Arc::new(MemoryIndex::default())).await;
    let records = stores.projected(10).await;
    let ids: Vec<i64> = records.iter().map(|record| record.id).collect();
    stores.index.delete(&ids).await.unwrap();
    let url = stores.bench.database.server_url().unwrap();
    let forgetful = reconciler(connector(&url), Some(stores.index.clone())).remembering(6);
    let report = forgetful.run(REPAIR, &|_| {}).await.unwrap();
    assert_eq!((report.drift.missing, report.unremembered, report.enqueued), (6, 4, 6));

    let template = stores.bench.remediation("template").await;
    let phantoms: Vec<Point> =
        (1..=20).map(|n| point(changed(template.clone(), |it| it.id = (1 << 40) + n), 1)).collect();
    stores.index.upsert(&phantoms).await.unwrap();
    let stopped = forgetful.run(REPAIR, &|_| {}).await.unwrap_err();
    let ReconcileError::TooManyDeletions(stopped) = stopped else { panic!("{stopped}") };
    assert_eq!((stopped.deletions, stopped.allowed, stopped.unremembered), (20, 0, 18));
    assert_eq!(stores.points().await.len(), 20);
    let report = forgetful.run(Mode::Repair { force: true }, &|_| {}).await.unwrap();
    assert_eq!((report.deleted, report.enqueued), (2, 4));
}

/// One at a time, whatever the replica; the lock goes with its connection.
#[tokio::test]
async fn one_reconciler_works_at_a_time() {
    let server = QdrantServer::start().unwrap();
    let stores = Stores::on_qdrant(&QdrantSettings::new(server.url())).await;
    stores.projected(4).await;
    server.set(QdrantOperation::Scroll, QdrantFault::Hang);
    let other =
        reconciler(connector(&stores.bench.database.server_url().unwrap()), Some(stores.index.clone()));
    let second = async {
        server.wait_for_faults(QdrantOperation::Scroll, 1).await.unwrap();
        let outcome = other.run(REPAIR, &|_| {}).await;
        server.clear_all();
        outcome
    };
    let (first, second) = tokio::join!(stores.run(REPAIR), second);
    assert!(matches!(second, Err(ReconcileError::Busy)), "{second:?}");
    assert_eq!(first.unwrap().records, 4);
    other.run(REPAIR, &|_| {}).await.unwrap();
}

/// A rebuild copies the vectors that are there and enqueues the records without; run again, it changes nothing.
#[tokio::test]
async fn a_rebuild_fills_an_empty_index() {
    for (index, _server) in each_index() {
        let stores = Stores::new(index).await;
        let records = stores.projected(11).await;
        let ids: Vec<i64> = records.iter().map(|record| record.id).collect();
        stores.index.delete(&ids).await.unwrap();
        stores.execute(&format!("DELETE FROM remediation_vector WHERE record_id = {}", ids[4])).await;
        let report = stores.reconciler.rebuild(&|_| {}).await.unwrap();
        assert_eq!((report.records, report.points, report.enqueued), (11, 10, 1));
        let found: Vec<PointVersion> = stores.points().await;
        let expected = records.iter().filter(|record| record.id != ids[4]);
        let expected = expected.map(|it| PointVersion { record_id: it.id, version: it.updated_at });
        assert_eq!(found, expected.collect::<Vec<_>>());
        let report = stores.reconciler.rebuild(&|_| {}).await.unwrap();
        assert_eq!((report.points, report.enqueued, stores.points().await.len()), (10, 0, 10));
    }
}
