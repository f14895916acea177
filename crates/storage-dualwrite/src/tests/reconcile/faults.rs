//! A repair that meets a fault: it says so, and the next one completes it.

use std::sync::Arc;
use std::time::Duration;

use storage_models::Remediation;
use storage_testkit::{Fault, GrpcCode, QdrantFault, QdrantOperation, QdrantServer};

use super::support::{REPAIR, Stores, point, shifted};
use crate::index::{MemoryIndex, Point, QdrantSettings};
use crate::reconcile::{Drift, Mode, ReconcileError};
use crate::tests::index_support::changed;
use crate::tests::projector::OUTBOX;
use crate::tests::support::{Loss, count, until};

/// An index that gives up soon.
fn impatient(server: &QdrantServer) -> QdrantSettings {
    QdrantSettings { timeout: Duration::from_secs(1), ..QdrantSettings::new(server.url()) }
}

/// The locks that sessions hold in the database of the test.
const LOCKS: &str = "SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' \
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// PostgreSQL notices that a connection was lost, and lets its lock go.
async fn until_unlocked(stores: &Stores) {
    until(&stores.bench, LOCKS, 0).await;
}

/// Eight records whose stores differ in three: the first two are to be enqueued, two points to be deleted.
struct Drifted {
    stores: Stores,
    enqueued: Vec<Remediation>,
    deleted: [i64; 2],
}

impl Drifted {
    async fn new(stores: Stores) -> Self {
        let records = stores.projected(8).await;
        let [lost, ahead, ..] = records.as_slice() else { panic!() };
        stores.index.delete(&[lost.id, ahead.id]).await.unwrap();
        let phantom = changed(lost.clone(), |it| it.id = 1_000_000);
        stores.index.upsert(&[point(shifted(ahead, 5), 2), point(phantom, 3)]).await.unwrap();
        Self { deleted: [ahead.id, 1_000_000], enqueued: records[..2].to_vec(), stores }
    }

    /// After a run that failed: the next one completes, and everything is mended or on its way.
    async fn assert_mended_by_the_next_run(&self, what: &str) {
        until_unlocked(&self.stores).await;
        self.stores.run(REPAIR).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        let enqueued: Vec<i64> = self.enqueued.iter().map(|record| record.id).collect();
        assert_eq!(self.stores.waiting().await, enqueued, "{what}");
        let points = self.stores.points().await;
        assert_eq!(points.len(), 6, "{what}: {points:?}");
        assert!(!points.iter().any(|it| self.deleted.contains(&it.record_id)), "{what}: {points:?}");
        assert_eq!(self.stores.run(Mode::DryRun).await.unwrap().drift, Drift::default(), "{what}");
    }
}

/// F06: what the index applies after its sender gave up becomes a phantom, and the next run removes it.
#[tokio::test]
async fn a_late_apply_is_healed() {
    let server = QdrantServer::start().unwrap();
    let stores = Stores::on_qdrant(&impatient(&server)).await;
    let records = stores.projected(1).await;
    server.next(QdrantOperation::Upsert, 1, QdrantFault::ApplyLate);
    let never_stored = changed(records[0].clone(), |it| it.id += 1);
    stores.index.upsert(&[point(never_stored, 2)]).await.unwrap_err();
    assert_eq!(server.apply_late(), 1);
    assert_eq!(stores.points().await.len(), 2);
    assert_eq!(stores.run(REPAIR).await.unwrap().deleted, 1);
    assert_eq!(stores.points().await.len(), 1);
}

/// The index fails while it is read, or PostgreSQL does: nothing is repaired on half a picture, and the next run completes.
#[tokio::test]
async fn a_fault_in_the_middle_repairs_nothing() {
    let server = QdrantServer::start().unwrap();
    let stores = Stores::on_qdrant(&QdrantSettings::new(server.url())).await;
    let records = stores.projected(10).await;
    stores.index.delete(&[records[9].id]).await.unwrap();
    server.next(QdrantOperation::Scroll, 1, QdrantFault::Fail(GrpcCode::Unavailable));
    assert!(matches!(stores.run(REPAIR).await, Err(ReconcileError::Index(_))));

    let (proxy, cut) = stores.through_proxy().await;
    proxy.cut_before_answer(" AND record_id = ANY(");
    assert!(matches!(cut.run(REPAIR, &|_| {}).await, Err(ReconcileError::Database(_))));
    proxy.wait_for_trigger().await.unwrap();
    proxy.set(Fault::Refuse);
    assert!(matches!(cut.run(REPAIR, &|_| {}).await, Err(ReconcileError::Connect(_))));

    until_unlocked(&stores).await;
    assert_eq!((stores.bench.count(OUTBOX).await, stores.points().await.len()), (0, 9));
    assert_eq!(stores.run(REPAIR).await.unwrap().enqueued, 1);
}

/// F08: whatever the index does at the last look or with a deletion, the run says so, and the next one completes it.
#[tokio::test]
async fn a_fault_of_the_index_during_a_repair_is_mended_by_the_next_run() {
    use QdrantOperation::{Delete, Get};
    let unavailable = QdrantFault::Fail(GrpcCode::Unavailable);
    for (operation, fault) in [
        (Get, unavailable),
        (Get, QdrantFault::Hang),
        (Delete, unavailable),
        (Delete, QdrantFault::Hang),
        (Delete, QdrantFault::Overloaded { retry_after_seconds: 1 }),
        (Delete, QdrantFault::ApplyThenFail(GrpcCode::Internal)),
        (Delete, QdrantFault::ApplyThenHang),
        (Delete, QdrantFault::ApplyHalf(GrpcCode::Internal)),
    ] {
        let server = QdrantServer::start().unwrap();
        let drifted = Drifted::new(Stores::on_qdrant(&impatient(&server)).await).await;
        server.next(operation, 1, fault);
        let outcome = drifted.stores.run(REPAIR).await;
        assert!(matches!(outcome, Err(ReconcileError::Index(_))), "{operation:?} {fault:?}: {outcome:?}");
        // Nothing is enqueued beside a point of which it is not known that it is gone.
        assert_eq!(drifted.stores.waiting().await, [0; 0], "{operation:?} {fault:?}");
        drifted.assert_mended_by_the_next_run(&format!("{operation:?} {fault:?}")).await;
    }
}

/// F06: a deletion that the index applies late, when the right point has come, takes that one away; the next run has it
/// brought back.
#[tokio::test]
async fn a_deletion_applied_late_is_mended_by_the_next_run() {
    let server = QdrantServer::start().unwrap();
    let drifted = Drifted::new(Stores::on_qdrant(&impatient(&server)).await).await;
    server.next(QdrantOperation::Delete, 1, QdrantFault::ApplyLate);
    drifted.stores.run(REPAIR).await.unwrap_err();
    drifted.assert_mended_by_the_next_run("late").await;

    // As the projector does with what waits.
    let Drifted { stores, enqueued, deleted, .. } = drifted;
    let points: Vec<Point> = enqueued.into_iter().map(|record| point(record, 1)).collect();
    stores.index.upsert(&points).await.unwrap();
    stores.execute("DELETE FROM vector_outbox").await;
    assert_eq!(server.apply_late(), 1);
    let report = stores.run(REPAIR).await.unwrap();
    assert_eq!((report.drift, report.deleted), (Drift { missing: 1, ..Drift::default() }, 0));
    assert_eq!(stores.waiting().await, deleted[..1]);
}

/// F34: a connection lost at a statement of a repair ends the run; the next one completes it and enqueues nothing twice.
#[tokio::test]
async fn a_connection_lost_during_a_repair_is_mended_by_the_next_run() {
    const LOOK: &str = "FROM remediation_audit r WHERE id = ANY";
    const ENQUEUE: &str = "INSERT INTO vector_outbox";
    use Loss::{CutAfter, CutBefore, Silence};
    for (statement, loss, enqueued) in [
        (LOOK, CutBefore, 0),
        (LOOK, CutAfter, 0),
        (LOOK, Silence, 0),
        (ENQUEUE, CutBefore, 0),
        (ENQUEUE, CutAfter, 2),
        (ENQUEUE, Silence, 2),
    ] {
        let drifted = Drifted::new(Stores::new(Arc::new(MemoryIndex::default())).await).await;
        let (proxy, cut) = drifted.stores.through_proxy().await;
        loss.arm(&proxy, statement);
        let outcome = cut.run(REPAIR, &|_| {}).await;
        assert!(matches!(outcome, Err(ReconcileError::Database(_))), "{statement} {loss:?}: {outcome:?}");
        proxy.wait_for_trigger().await.unwrap();
        assert_eq!(drifted.stores.waiting().await.len(), enqueued, "{statement} {loss:?}");
        drifted.assert_mended_by_the_next_run(&format!("{statement} {loss:?}")).await;
    }
}

/// F14: a run that is ended, as its process would be, with its deletion or its statement under way, leaves the lock and the
/// rest of the work to the next one.
#[tokio::test]
async fn a_repair_that_is_ended_at_any_step_is_succeeded() {
    for operation in [Some(QdrantOperation::Get), Some(QdrantOperation::Delete), None] {
        let server = QdrantServer::start().unwrap();
        let drifted = Drifted::new(Stores::on_qdrant(&QdrantSettings::new(server.url())).await).await;
        let (proxy, ended) = drifted.stores.through_proxy().await;
        match operation {
            Some(operation) => server.set(operation, QdrantFault::Hang),
            None => proxy.hang_before_answer("INSERT INTO vector_outbox"),
        }
        let reached = async {
            match operation {
                Some(operation) => server.wait_for_faults(operation, 1).await.unwrap(),
                None => proxy.wait_for_trigger().await.unwrap(),
            }
        };
        tokio::select! {
            outcome = ended.run(REPAIR, &|_| {}) => panic!("{operation:?}: {outcome:?}"),
            () = reached => {}
        }
        server.clear_all();
        drifted.assert_mended_by_the_next_run(&format!("{operation:?}")).await;
    }
}

/// The lock ends with a run, and not with its connection, whose end reaches the server later: the next run may follow at once.
#[tokio::test]
async fn a_run_gives_its_lock_back_before_it_answers() {
    let stores = Stores::new(Arc::new(MemoryIndex::default())).await;
    stores.projected(4).await;
    let (proxy, late) = stores.through_proxy().await;
    proxy.set(Fault::Delay(Duration::from_millis(50)));
    let mut connection = stores.bench.connect().await;
    late.run(REPAIR, &|_| {}).await.unwrap();
    assert_eq!(count(&mut connection, LOCKS).await, 0);
    late.rebuild(&|_| {}).await.unwrap();
    assert_eq!(count(&mut connection, LOCKS).await, 0);
}

/// F08: a rebuild that failed is completed by running it again; what was copied stays.
#[tokio::test]
async fn a_rebuild_that_failed_is_completed_by_the_next() {
    let server = QdrantServer::start().unwrap();
    let stores = Stores::on_qdrant(&QdrantSettings::new(server.url())).await;
    let records = stores.projected(9).await;
    let ids: Vec<i64> = records.iter().map(|record| record.id).collect();
    stores.index.delete(&ids).await.unwrap();
    stores.execute(&format!("DELETE FROM remediation_vector WHERE record_id = {}", ids[4])).await;

    server.next(QdrantOperation::Upsert, 1, QdrantFault::ApplyHalf(GrpcCode::Internal));
    assert!(matches!(stores.reconciler.rebuild(&|_| {}).await, Err(ReconcileError::Index(_))));
    assert_eq!(stores.points().await.len(), 1);
    let (proxy, cut) = stores.through_proxy().await;
    proxy.cut_after_request("INSERT INTO vector_outbox");
    assert!(matches!(cut.rebuild(&|_| {}).await, Err(ReconcileError::Database(_))));
    until_unlocked(&stores).await;
    assert_eq!((stores.points().await.len(), stores.waiting().await), (5, vec![]));
    proxy.cut_before_answer("INSERT INTO vector_outbox");
    assert!(matches!(cut.rebuild(&|_| {}).await, Err(ReconcileError::Database(_))));
    until_unlocked(&stores).await;
    assert_eq!((stores.points().await.len(), stores.waiting().await), (5, vec![ids[4]]));

    stores.reconciler.rebuild(&|_| {}).await.unwrap();
    assert_eq!((stores.points().await.len(), stores.waiting().await), (8, vec![ids[4]]));
}
