//! Replicas wake one another, and fresh records do not wait for the end of a backlog.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use diesel_async::SimpleAsyncConnection as _;
use futures_util::{FutureExt as _, StreamExt as _};
use storage_models::Remediation;
use tokio::sync::Notify;

use super::support::{set, strict, write};
use crate::embedding_set::activate;
use crate::tests::index_support::one_incident;
use crate::tests::projector::{OUTBOX, Scripted, start, vector_of};
use crate::tests::support::{Bench, connector, remediation, until};
use crate::{Commits, EmbedFault, Projector, ProjectorSettings};

const LISTENERS: &str = "SELECT count(*) AS n FROM pg_stat_activity \
    WHERE datname = current_database() AND query = 'LISTEN datastorage_outbox'";

fn never_polls() -> ProjectorSettings {
    ProjectorSettings { poll: Duration::from_secs(3600), sweep_pause: Duration::from_secs(3600), ..strict() }
}

/// BR-STORAGE-006: what one replica commits wakes the others; a connection that is lost is made again.
#[tokio::test]
async fn a_commit_of_another_replica_wakes_the_projector() {
    let bench = Bench::new().await;
    // The writing replica's embedder wants to be left alone for an hour, so that the other one has to do it all.
    let away =
        |_: &Remediation| Err(EmbedFault::Outage { reason: "away".to_owned(), retry_after: Some(HOUR) });
    let writing = start(&bench, Arc::new(Scripted(away)), &never_polls()).await;
    bench.remediation("first").await;
    until(&bench, "SELECT count(*) AS n FROM vector_outbox WHERE lease_owner IS NULL", 1).await;
    until(&bench, LISTENERS, 1).await;

    let id = activate(&mut bench.connect().await, &set()).await.unwrap();
    let embedder: Arc<dyn crate::RecordEmbedder> =
        Arc::new(Scripted(|record: &Remediation| Ok(vector_of(record))));
    let committed_there = Arc::new(Commits::default());
    let connector = connector(&bench.database.server_url().unwrap());
    let other = Projector::start(&connector, &embedder, id, None, &never_polls(), &committed_there);
    until(&bench, LISTENERS, 2).await;
    until(&bench, OUTBOX, 0).await;
    bench.remediation("second").await;
    until(&bench, OUTBOX, 0).await;

    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE datname = current_database() AND query LIKE 'LISTEN%' AND pid <> pg_backend_pid()";
    bench.connect().await.batch_execute(kill).await.unwrap();
    until(&bench, LISTENERS, 2).await;
    bench.remediation("third").await;
    until(&bench, OUTBOX, 0).await;
    drop((writing, other));
}

const HOUR: Duration = Duration::from_secs(3600);

/// However many commits there are, a notification is sent at most every 20 ms.
#[tokio::test]
async fn notifications_are_few() {
    let bench = Bench::new().await;
    let mut ear = bench.connect().await;
    ear.batch_execute("LISTEN datastorage_outbox").await.unwrap();
    let embedder = Scripted(|record: &Remediation| Ok(vector_of(record)));
    let _projector = start(&bench, Arc::new(embedder), &never_polls()).await;
    let started = Instant::now();
    for n in 0..100 {
        bench.write(remediation(&format!("record-{n}"))).await.unwrap();
    }
    until(&bench, OUTBOX, 0).await;
    let mut heard = pin!(ear.notifications_stream());
    assert!(heard.next().await.unwrap().is_ok());
    let mut count = 1;
    while let Some(Some(Ok(_))) = heard.next().now_or_never() {
        count += 1;
    }
    let most = started.elapsed().as_millis() / 20 + 1;
    assert!(count <= most, "{count} notifications, at most {most} expected");
}

/// A backlog does not keep fresh records waiting for its end.
#[tokio::test]
async fn a_fresh_record_does_not_wait_for_the_backlogs_end() {
    let bench = Bench::new().await;
    write(&bench, 400).await;
    let age = "UPDATE vector_outbox SET next_attempt_at = now() - interval '1 hour'";
    bench.connect().await.batch_execute(age).await.unwrap();

    let (seen, reached, gate) =
        (Arc::new(Mutex::new(Vec::new())), Arc::new(Notify::new()), Arc::new(Notify::new()));
    let embedder = Logged { seen: Arc::clone(&seen), reached: Arc::clone(&reached), gate: Arc::clone(&gate) };
    let settings = ProjectorSettings { sweep_pause: HOUR, ..strict() };
    let _projector = start(&bench, Arc::new(embedder), &settings).await;
    reached.notified().await;
    bench.remediation("fresh").await;
    gate.notify_one();
    until(&bench, OUTBOX, 0).await;
    let seen = seen.lock().unwrap();
    let place = seen.iter().position(|name| name == "fresh").unwrap();
    assert!(place < 100, "of 401 records the fresh one was the {place}th");
    assert_eq!(seen.len(), 401);
}

/// An embedder that writes down what it is given, and stops once at a gate.
struct Logged {
    seen: Arc<Mutex<Vec<String>>>,
    reached: Arc<Notify>,
    gate: Arc<Notify>,
}

one_incident!(Logged);

#[async_trait::async_trait]
impl crate::RecordEmbedder for Logged {
    async fn embed(&self, records: &[Remediation]) -> Vec<Result<storage_models::Embedding, EmbedFault>> {
        let is_first = {
            let mut seen = self.seen.lock().unwrap();
            let is_first = seen.is_empty();
            seen.extend(records.iter().map(|record| record.name.clone()));
            is_first
        };
        if is_first {
            self.reached.notify_one();
            self.gate.notified().await;
        }
        records.iter().map(|record| Ok(vector_of(record))).collect()
    }
}
