//! Poison, panics, outages, updates in between, and processes that die.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use diesel_async::SimpleAsyncConnection;
use storage_models::{Embedding, Remediation};
use tokio::sync::Notify;

use super::index_support::one_incident;
use super::projector::{EMBEDDED, OUTBOX, Scripted, quick, start, vector_of};
use super::support::{Bench, until};
use crate::{EmbedFault, ProjectorSettings, RecordEmbedder, outbox};

const PARKED: &str = "SELECT count(*) AS n FROM vector_outbox WHERE parked_at IS NOT NULL";

/// F15: a poison record is parked with its reason, the rest goes on, and an operator can have it tried again.
#[tokio::test]
async fn a_poison_record_is_parked_and_can_be_retried() {
    let bench = Bench::new().await;
    let cured = Arc::new(AtomicBool::new(false));
    let is_cured = Arc::clone(&cured);
    let embedder = Scripted(move |r: &Remediation| match r.name.as_str() {
        "poison" if !is_cured.load(Ordering::Relaxed) => Err(EmbedFault::Record("too bitter".to_owned())),
        _ => Ok(vector_of(r)),
    });
    let _projector = start(&bench, Arc::new(embedder), &ProjectorSettings { attempts: 3, ..quick() }).await;
    let poison = bench.remediation("poison").await.id;
    for name in ["a", "b", "c"] {
        bench.remediation(name).await;
    }
    until(&bench, PARKED, 1).await;
    until(&bench, EMBEDDED, 3).await;

    let mut connection = bench.connect().await;
    let parked = outbox::list(&mut connection, 10).await.unwrap();
    assert_eq!(parked.len(), 1);
    assert_eq!((parked[0].record_id, parked[0].attempts), (poison, 3));
    assert_eq!(parked[0].last_error.as_deref(), Some("too bitter"));

    cured.store(true, Ordering::Relaxed);
    assert_eq!(outbox::retry(&mut connection, &[poison + 1]).await.unwrap(), 0);
    assert_eq!(outbox::retry(&mut connection, &[poison]).await.unwrap(), 1);
    until(&bench, OUTBOX, 0).await;
    assert_eq!(bench.count(EMBEDDED).await, 4);
}

/// A panic over one record ends that record's attempt only.
#[tokio::test]
async fn a_panic_costs_no_other_record_its_vector() {
    let bench = Bench::new().await;
    for name in ["a", "panic", "b"] {
        bench.remediation(name).await;
    }
    let embedder = Scripted(|r: &Remediation| {
        assert_ne!(r.name, "panic");
        Ok(vector_of(r))
    });
    let _projector = start(&bench, Arc::new(embedder), &ProjectorSettings { attempts: 2, ..quick() }).await;
    until(&bench, PARKED, 1).await;
    assert_eq!(bench.count(EMBEDDED).await, 2);
}

/// BR-STORAGE-006: an outage of the embedder counts against no record, and all catch up afterwards.
#[tokio::test]
async fn an_outage_counts_against_no_record() {
    let bench = Bench::new().await;
    let tries = Arc::new(AtomicUsize::new(0));
    let tried = Arc::clone(&tries);
    let embedder = Scripted(move |r: &Remediation| {
        if tried.fetch_add(1, Ordering::Relaxed) < 20 {
            return Err(EmbedFault::Outage { reason: "away".to_owned(), retry_after: None });
        }
        Ok(vector_of(r))
    });
    let _projector = start(&bench, Arc::new(embedder), &ProjectorSettings { attempts: 2, ..quick() }).await;
    bench.remediation("a").await;
    until(&bench, EMBEDDED, 1).await;
    assert!(tries.load(Ordering::Relaxed) > 20);
    assert_eq!(bench.count(OUTBOX).await, 0);
}

/// An embedder that stops at a gate, to let something happen between claim and completion.
struct Gated {
    entered: Arc<Notify>,
    gate: Arc<Notify>,
    first: AtomicBool,
}

one_incident!(Gated);

#[async_trait]
impl RecordEmbedder for Gated {
    async fn embed(&self, records: &[Remediation]) -> Vec<Result<Embedding, EmbedFault>> {
        if self.first.swap(false, Ordering::Relaxed) {
            self.entered.notify_one();
            self.gate.notified().await;
        }
        records.iter().map(|record| Ok(vector_of(record))).collect()
    }
}

fn gated() -> (Arc<Gated>, Arc<Notify>, Arc<Notify>) {
    let (entered, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let embedder =
        Gated { entered: Arc::clone(&entered), gate: Arc::clone(&gate), first: AtomicBool::new(true) };
    (Arc::new(embedder), entered, gate)
}

/// What an update does: the record, then its outbox row by upsert with lease, attempts and parking cleared.
const UPDATE: &str = "BEGIN; UPDATE remediation_audit SET name = 'a longer name'; \
    INSERT INTO vector_outbox (set_id, record_id, start_time, version) \
        SELECT (SELECT id FROM embedding_set WHERE state = 'active'), id, start_time, updated_at FROM remediation_audit \
    ON CONFLICT (set_id, record_id) DO UPDATE SET version = EXCLUDED.version, stage = 0, lease_owner = NULL, lease_until = NULL, \
        attempts = 0, parked_at = NULL, next_attempt_at = now(); COMMIT";

/// F33: an update between a claim and its completion is projected; the old version's vector is not left behind.
#[tokio::test]
async fn an_update_between_claim_and_completion_is_not_lost() {
    let bench = Bench::new().await;
    let (embedder, entered, gate) = gated();
    let _projector = start(&bench, embedder, &quick()).await;
    bench.remediation("short").await;
    entered.notified().await;
    bench.connect().await.batch_execute(UPDATE).await.unwrap();
    gate.notify_one();
    until(&bench, OUTBOX, 0).await;
    let of_the_last_version = "SELECT count(*) AS n FROM remediation_audit JOIN remediation_vector ON record_id = id JOIN embedding_vector USING (slot, embedding_id) \
         WHERE (vector::real[])[2] = length('a longer name')";
    assert_eq!(bench.count(of_the_last_version).await, 1);
}

/// F15: what a process held when it was killed is done by another one once its lease has run out.
#[tokio::test]
async fn a_dead_projectors_claims_are_taken_over() {
    let bench = Bench::new().await;
    let settings = ProjectorSettings { lease: Duration::from_millis(300), ..quick() };
    let (embedder, entered, _gate) = gated();
    let dead = start(&bench, embedder, &settings).await;
    bench.remediation("a").await;
    entered.notified().await;
    // The batch never ends, so stopping gives up at once and aborts the task, as a kill would.
    assert!(!dead.stop(Duration::ZERO).await);
    let _heir = start(&bench, Arc::new(Scripted(|r: &Remediation| Ok(vector_of(r)))), &settings).await;
    until(&bench, OUTBOX, 0).await;
    assert_eq!(bench.count(EMBEDDED).await, 1);
}

/// F39: a projector whose embedding set no longer serves stores nothing.
#[tokio::test]
async fn vectors_of_a_set_that_was_replaced_are_not_stored() {
    let bench = Bench::new().await;
    let (embedder, entered, gate) = gated();
    let _projector = start(&bench, embedder, &quick()).await;
    bench.remediation("a").await;
    entered.notified().await;
    bench.connect().await.batch_execute("UPDATE embedding_set SET state = 'retired'").await.unwrap();
    gate.notify_one();
    until(&bench, "SELECT count(*) AS n FROM vector_outbox WHERE lease_owner IS NULL", 1).await;
    assert_eq!(bench.count(EMBEDDED).await, 0);
}

/// An outbox row whose record is gone does not come round for ever.
#[tokio::test]
async fn an_outbox_row_without_a_record_is_removed() {
    let bench = Bench::new().await;
    bench.remediation("a").await;
    bench.connect().await.batch_execute("DELETE FROM remediation_audit").await.unwrap();
    let _projector = start(&bench, Arc::new(Scripted(|r: &Remediation| Ok(vector_of(r)))), &quick()).await;
    until(&bench, OUTBOX, 0).await;
}

/// BR-STORAGE-006: a database that goes away in the middle of a batch is come back to at once, without waiting for
/// the lease to end.
#[tokio::test]
async fn a_lost_connection_is_replaced() {
    let bench = Bench::new().await;
    let (embedder, entered, gate) = gated();
    let settings = ProjectorSettings { lease: Duration::from_secs(3600), ..quick() };
    let _projector = start(&bench, embedder, &settings).await;
    bench.remediation("a").await;
    entered.notified().await;
    bench
        .connect()
        .await
        .batch_execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await
        .unwrap();
    gate.notify_one();
    until(&bench, OUTBOX, 0).await;
    assert_eq!(bench.count(EMBEDDED).await, 1);
}
