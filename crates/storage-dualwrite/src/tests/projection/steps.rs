//! A fault at every step of a projection. The outcome is always the same: every record once in both stores, and no
//! record blamed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use storage_models::{Embedding, Remediation};
use storage_testkit::{FaultProxy, GrpcCode, QdrantFault, QdrantOperation, QdrantServer};
use tokio::sync::Notify;

use super::support::{embedder, guarded, project, project_at, qdrant, strict, until_both_agree, write};
use crate::tests::projector::vector_of;
use crate::tests::support::Bench;
use crate::{EmbedFault, ProjectorSettings, RecordEmbedder};

const AWAY: GrpcCode = GrpcCode::Unavailable;

/// F05, F06: points that were refused, stored without an answer, stored late or by halves are stored again, and what
/// comes late changes nothing.
#[tokio::test]
async fn a_fault_of_the_index_at_an_upsert_costs_no_record() {
    for fault in [
        QdrantFault::Fail(AWAY),
        QdrantFault::Fail(GrpcCode::Internal),
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
const STEPS: [&str; 8] = [
    "WITH due AS",
    "FROM \"remediation_audit\"",
    "SELECT digest, embedding_id",
    "INSERT INTO embedding_vector",
    "FROM embedding_set",
    "SET embedding_id = v.embedding_id",
    "DELETE FROM vector_outbox",
    "COMMIT",
];

/// F05, F14: PostgreSQL lost before each step, and after it with its answer lost, COMMIT's among them.
#[tokio::test]
async fn a_connection_lost_at_any_step_costs_no_record() {
    for step in STEPS {
        for is_carried_out in [false, true] {
            let (bench, server) = (Bench::new().await, QdrantServer::start().unwrap());
            let proxy = FaultProxy::for_postgres(&bench.database.server_url().unwrap()).await.unwrap();
            let index = guarded(&bench, qdrant(&server)).await;
            write(&bench, 20).await;
            if is_carried_out {
                proxy.cut_before_answer(step);
            } else {
                proxy.cut_after_request(step);
            }
            let url = proxy.url(&bench.database.server_url().unwrap());
            let _projector = project_at(&bench, &url, &index, embedder().0, &strict()).await;
            proxy.wait_for_trigger().await.unwrap_or_else(|error| panic!("{step}: {error}"));
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
