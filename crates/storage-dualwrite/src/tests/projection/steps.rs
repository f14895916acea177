//! A fault at every step of a projection. The outcome is always the same: every record once in both stores, and no
//! record blamed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use storage_models::{Embedding, Remediation};
use storage_testkit::{Fault, FaultProxy, GrpcCode, QdrantFault, QdrantOperation, QdrantServer};
use tokio::sync::Notify;

use super::stages::WAITS_FOR_INDEX;
use super::support::{
    embedder, guarded, project, project_at, qdrant, qdrant_at, strict, until_both_agree, write,
};
use crate::tests::index_support::one_incident;
use crate::tests::projector::{Scripted, vector_of};
use crate::tests::support::{Bench, Loss, until};
use crate::{EmbedFault, ProjectorSettings, RecordEmbedder};

const AWAY: GrpcCode = GrpcCode::Unavailable;

/// F05, F06: points that were refused, stored without an answer, stored late or by halves are stored again, and what
/// comes late changes nothing.
#[tokio::test]
async fn a_fault_of_the_index_at_an_upsert_costs_no_record() {
    for fault in [
        QdrantFault::Fail(AWAY),
        QdrantFault::Fail(GrpcCode::Internal),
        QdrantFault::Overloaded { retry_after_seconds: 1 },
        QdrantFault::Hang,
        QdrantFault::Delay(Duration::from_millis(50)),
        QdrantFault::ApplyThenFail(AWAY),
        QdrantFault::ApplyThenHang,
        QdrantFault::ApplyLate,
        QdrantFault::ApplyHalf(AWAY),
    ] {
        let (bench, server) = (Bench::new().await, QdrantServer::start().unwrap());
        let index = guarded(&bench, qdrant(&server)).await;
        server.next(QdrantOperation::Upsert, 3, fault);
        let (embedder, calls) = embedder();
        write(&bench, 20).await;
        let projector = project(&bench, &index, embedder, &strict()).await;
        until_both_agree(&bench, &index).await;
        server.apply_late();
        until_both_agree(&bench, &index).await;
        assert_eq!(calls.load(Ordering::Relaxed), 20, "{fault:?}: nothing is embedded twice");
        assert!(projector.stop(Duration::from_secs(10)).await);
    }
}

/// BR-STORAGE-006, F05: a network to the index that refuses, swallows or cuts costs no record.
#[tokio::test]
async fn a_lost_network_to_the_index_costs_no_record() {
    for fault in [Fault::Refuse, Fault::Hang] {
        let (bench, server) = (Bench::new().await, QdrantServer::start().unwrap());
        let address = server.url().rsplit('/').next().unwrap().parse().unwrap();
        let proxy = FaultProxy::for_tcp(address).await.unwrap();
        let index = guarded(&bench, qdrant_at(&proxy.url(&server.url()))).await;
        let _projector = project(&bench, &index, embedder().0, &strict()).await;
        write(&bench, 20).await;
        until_both_agree(&bench, &index).await;
        proxy.set(fault);
        write(&bench, 20).await;
        until(&bench, WAITS_FOR_INDEX, 20).await;
        proxy.cut_all();
        proxy.set(Fault::Pass);
        until_both_agree(&bench, &index).await;
    }
}

/// F14: a process that is killed while the index holds its points back leaves everything to the next one.
#[tokio::test]
async fn a_projector_killed_during_an_upsert_is_succeeded() {
    for fault in [QdrantFault::Hang, QdrantFault::ApplyThenHang, QdrantFault::ApplyLate] {
        let (bench, server) = (Bench::new().await, QdrantServer::start().unwrap());
        let index = guarded(&bench, qdrant(&server)).await;
        let settings = ProjectorSettings { lease: Duration::from_millis(300), ..strict() };
        server.next(QdrantOperation::Upsert, 1, fault);
        write(&bench, 20).await;
        let dead = project(&bench, &index, embedder().0, &settings).await;
        server.wait_for_faults(QdrantOperation::Upsert, 1).await.unwrap();
        assert!(!dead.stop(Duration::ZERO).await);
        let _heir = project(&bench, &index, embedder().0, &settings).await;
        until_both_agree(&bench, &index).await;
        server.apply_late();
        until_both_agree(&bench, &index).await;
    }
}

/// An embedder that never answers the first time.
struct Stuck {
    entered: Arc<Notify>,
    is_stuck: AtomicBool,
}

one_incident!(Stuck);

#[async_trait]
impl RecordEmbedder for Stuck {
    async fn embed(&self, records: &[Remediation]) -> Vec<Result<Embedding, EmbedFault>> {
        if self.is_stuck.swap(false, Ordering::Relaxed) {
            self.entered.notify_one();
            std::future::pending::<()>().await;
        }
        records.iter().map(|record| Ok(vector_of(record))).collect()
    }
}

/// F14: killed between the claim and the upsert.
#[tokio::test]
async fn a_projector_killed_while_it_embeds_is_succeeded() {
    let (bench, server) = (Bench::new().await, QdrantServer::start().unwrap());
    let index = guarded(&bench, qdrant(&server)).await;
    let settings = ProjectorSettings { lease: Duration::from_millis(300), ..strict() };
    let entered = Arc::new(Notify::new());
    let stuck = Arc::new(Stuck { entered: Arc::clone(&entered), is_stuck: AtomicBool::new(true) });
    write(&bench, 20).await;
    let dead = project(&bench, &index, stuck, &settings).await;
    entered.notified().await;
    assert!(!dead.stop(Duration::ZERO).await);
    let _heir = project(&bench, &index, embedder().0, &settings).await;
    until_both_agree(&bench, &index).await;
}

/// What a projection asks of PostgreSQL, step by step.
const STEPS: [&str; 10] = [
    "WITH due AS",
    "AS bytes_before FROM remediation_audit",
    "INSERT INTO remediation_words",
    "SELECT digest, embedding_id",
    "INSERT INTO embedding_vector",
    "BEGIN",
    "FROM embedding_set",
    "INSERT INTO remediation_vector",
    "DELETE FROM vector_outbox",
    "COMMIT",
];

/// No long wait for what never comes, nor for the end of leases whose worker was not told of them.
fn impatient() -> ProjectorSettings {
    ProjectorSettings { step_timeout: Duration::from_millis(500), lease: Duration::from_secs(3), ..strict() }
}

/// F05, F14: PostgreSQL lost at each step of a projection, COMMIT among them.
#[tokio::test]
async fn a_connection_lost_at_any_step_costs_no_record() {
    for step in STEPS {
        for loss in Loss::ALL {
            let (bench, server) = (Bench::new().await, QdrantServer::start().unwrap());
            let proxy = FaultProxy::for_postgres(&bench.database.server_url().unwrap()).await.unwrap();
            let index = guarded(&bench, qdrant(&server)).await;
            write(&bench, 20).await;
            loss.arm(&proxy, step);
            let url = proxy.url(&bench.database.server_url().unwrap());
            let _projector = project_at(&bench, &url, &index, embedder().0, &impatient()).await;
            proxy.wait_for_trigger().await.unwrap_or_else(|error| panic!("{step} {loss:?}: {error}"));
            until_both_agree(&bench, &index).await;
        }
    }
}

/// F54: a claim that was not finished in time, one of a sweep or one in order, keeps no other from being made.
#[tokio::test]
async fn claims_go_on_after_a_sweep_that_timed_out() {
    for claim in ["AS tid)", "ORDER BY next_attempt_at, record_id"] {
        let (bench, server) = (Bench::new().await, QdrantServer::start().unwrap());
        let proxy = FaultProxy::for_postgres(&bench.database.server_url().unwrap()).await.unwrap();
        let index = guarded(&bench, qdrant(&server)).await;
        write(&bench, 20).await;
        let url = proxy.url(&bench.database.server_url().unwrap());
        proxy.hang_before_answer(claim);
        let _projector = project_at(&bench, &url, &index, embedder().0, &impatient()).await;
        for _ in 0..3 {
            proxy.wait_for_trigger().await.unwrap_or_else(|error| panic!("{claim}: {error}"));
            proxy.hang_before_answer(claim);
        }
        proxy.wait_for_trigger().await.unwrap_or_else(|error| panic!("{claim}: {error}"));
        until_both_agree(&bench, &index).await;
        write(&bench, 20).await;
        until_both_agree(&bench, &index).await;
    }
}

/// F05, F14: PostgreSQL lost while rows are given back that could not be done: the embedder was away, one record failed,
/// the index was away. A failure is counted once, or the record would be parked.
#[tokio::test]
async fn a_connection_lost_while_rows_are_given_back_costs_no_record() {
    const RELEASE: &str = "lease_until = NULL, next_attempt_at = now(), stage";
    const FAIL: &str = "last_error = (SELECT";
    for step in [RELEASE, FAIL] {
        for loss in Loss::ALL {
            let (bench, server) = (Bench::new().await, QdrantServer::start().unwrap());
            let proxy = FaultProxy::for_postgres(&bench.database.server_url().unwrap()).await.unwrap();
            let index = guarded(&bench, qdrant(&server)).await;
            server.next(QdrantOperation::Upsert, 1, QdrantFault::Fail(AWAY));
            let troubles = AtomicUsize::new(0);
            let embedder =
                Scripted(move |record: &Remediation| match troubles.fetch_add(1, Ordering::Relaxed) {
                    0 => Err(EmbedFault::Outage { reason: "asked for".to_owned(), retry_after: None }),
                    1 => Err(EmbedFault::Record("asked for".to_owned())),
                    _ => Ok(vector_of(record)),
                });
            write(&bench, 20).await;
            loss.arm(&proxy, step);
            let url = proxy.url(&bench.database.server_url().unwrap());
            let settings = ProjectorSettings { attempts: 2, ..impatient() };
            let _projector = project_at(&bench, &url, &index, Arc::new(embedder), &settings).await;
            proxy.wait_for_trigger().await.unwrap_or_else(|error| panic!("{step} {loss:?}: {error}"));
            until_both_agree(&bench, &index).await;
        }
    }
}

/// F14: killed while PostgreSQL's answer is awaited, COMMIT's among them.
#[tokio::test]
async fn a_projector_killed_at_any_step_in_the_database_is_succeeded() {
    for step in STEPS {
        let (bench, server) = (Bench::new().await, QdrantServer::start().unwrap());
        let proxy = FaultProxy::for_postgres(&bench.database.server_url().unwrap()).await.unwrap();
        let index = guarded(&bench, qdrant(&server)).await;
        let settings = ProjectorSettings { lease: Duration::from_millis(300), ..strict() };
        write(&bench, 20).await;
        proxy.hang_before_answer(step);
        let url = proxy.url(&bench.database.server_url().unwrap());
        let dead = project_at(&bench, &url, &index, embedder().0, &settings).await;
        proxy.wait_for_trigger().await.unwrap_or_else(|error| panic!("{step}: {error}"));
        assert!(!dead.stop(Duration::ZERO).await);
        proxy.cut_all();
        let _heir = project(&bench, &index, embedder().0, &settings).await;
        until_both_agree(&bench, &index).await;
    }
}
