//! What the projector does when nothing goes wrong, alone and beside others.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use storage_models::{Embedding, Remediation};
use tokio::sync::Barrier;

use super::index_support::one_incident;
use super::support::{Bench, connector, remediation, until};
use crate::{EmbedFault, Projector, ProjectorSettings, RecordEmbedder};

pub(super) const OUTBOX: &str = "SELECT count(*) AS n FROM vector_outbox";
pub(super) const EMBEDDED: &str = "SELECT count(*) AS n FROM remediation_audit JOIN remediation_vector ON record_id = id AND version = updated_at";

/// An embedder that is a function of the record.
pub(super) struct Scripted<F>(pub(super) F);

one_incident!(Scripted<F>);

#[async_trait]
impl<F> RecordEmbedder for Scripted<F>
where
    F: Fn(&Remediation) -> Result<Embedding, EmbedFault> + Send + Sync + 'static,
{
    async fn embed(&self, records: &[Remediation]) -> Vec<Result<Embedding, EmbedFault>> {
        records.iter().map(&self.0).collect()
    }
}

/// A vector that tells which record, and which of its versions, it was made from.
pub(super) fn vector_of(record: &Remediation) -> Embedding {
    let mut values = vec![0.0; Embedding::DIMENSION];
    values[0] = 1.0;
    values[1] = f32::from(u8::try_from(record.name.len()).unwrap());
    Embedding::new(values).unwrap()
}

pub(super) fn quick() -> ProjectorSettings {
    ProjectorSettings {
        poll: Duration::from_millis(20),
        retry_delay: Duration::from_millis(10),
        outage_pause: Duration::from_millis(20),
        sweep_pause: Duration::from_millis(100),
        // As patient as the sessions, so that a busy machine changes no outcome.
        step_timeout: Duration::from_secs(30),
        ..ProjectorSettings::default()
    }
}

pub(super) async fn start(
    bench: &Bench,
    embedder: Arc<dyn RecordEmbedder>,
    settings: &ProjectorSettings,
) -> Projector {
    let set = bench.set().await;
    Projector::start(
        &connector(&bench.database.server_url().unwrap()),
        &embedder,
        set,
        None,
        settings,
        &bench.committed,
    )
}

async fn write(bench: &Bench, count: usize) {
    let names: Vec<String> = (0..count).map(|n| format!("record-{n}")).collect();
    futures_util::future::join_all(names.iter().map(|name| bench.write(remediation(name)))).await;
}

/// BR-STORAGE-008, F31: every remediation gets its vector, and its version stays what it was.
#[tokio::test]
async fn every_remediation_gets_its_vector() {
    let bench = Bench::new().await;
    let projector = start(&bench, Arc::new(Scripted(|r: &Remediation| Ok(vector_of(r)))), &quick()).await;
    write(&bench, 100).await;
    until(&bench, OUTBOX, 0).await;
    let right = "SELECT count(*) AS n FROM remediation_audit JOIN remediation_vector ON record_id = id JOIN embedding_vector USING (slot, embedding_id) \
                 WHERE (vector::real[])[2] = length(name) AND updated_at = created_at";
    assert_eq!(bench.count(right).await, 100);
    assert!(projector.stop(Duration::from_secs(10)).await);
}

/// The writer wakes the projector: nothing waits for the next poll.
#[tokio::test]
async fn a_commit_wakes_the_projector() {
    let bench = Bench::new().await;
    let settings = ProjectorSettings { poll: Duration::from_secs(3600), ..quick() };
    let _projector = start(&bench, Arc::new(Scripted(|r: &Remediation| Ok(vector_of(r)))), &settings).await;
    bench.remediation("a").await;
    until(&bench, OUTBOX, 0).await;
    bench.remediation("b").await;
    until(&bench, OUTBOX, 0).await;
    assert_eq!(bench.count(EMBEDDED).await, 2);
}

/// An embedder whose calls wait for one another, two by two.
struct TwoByTwo(Barrier);

one_incident!(TwoByTwo);

#[async_trait]
impl RecordEmbedder for TwoByTwo {
    async fn embed(&self, records: &[Remediation]) -> Vec<Result<Embedding, EmbedFault>> {
        self.0.wait().await;
        records.iter().map(|record| Ok(vector_of(record))).collect()
    }
}

/// A second worker helps with what one may not claim at once, at the start and when such a batch comes later. Neither
/// polls, so the one that is woken by the commit has called the other.
#[tokio::test]
async fn a_second_worker_helps_with_more_than_one_may_claim() {
    let bench = Bench::new().await;
    let hour = Duration::from_secs(3600);
    let settings = ProjectorSettings { workers: 2, batch: 8, poll: hour, sweep_pause: hour, ..quick() };
    let sixteen = |name: &str| (0..16).map(|n| remediation(&format!("{name}-{n}"))).collect();
    bench.writer.write_batch(sixteen("early"), None, bench.size(), bench.deadline()).await.unwrap();
    let _projector = start(&bench, Arc::new(TwoByTwo(Barrier::new(2))), &settings).await;
    until(&bench, OUTBOX, 0).await;

    bench.writer.write_batch(sixteen("late"), None, bench.size(), bench.deadline()).await.unwrap();
    until(&bench, OUTBOX, 0).await;
    assert_eq!(bench.count(EMBEDDED).await, 32);
}

/// BR-STORAGE-015: several projectors on one outbox share the work; no record is embedded twice.
#[tokio::test(flavor = "multi_thread")]
async fn projectors_share_one_outbox_without_doing_anything_twice() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let bench = Bench::new().await;
    write(&bench, 300).await;
    let calls = Arc::new(AtomicUsize::new(0));
    let mut projectors = Vec::new();
    for _replica in 0..3 {
        let calls = Arc::clone(&calls);
        let embedder = Scripted(move |r: &Remediation| {
            calls.fetch_add(1, Ordering::Relaxed);
            Ok(vector_of(r))
        });
        projectors.push(start(&bench, Arc::new(embedder), &ProjectorSettings { batch: 7, ..quick() }).await);
    }
    until(&bench, OUTBOX, 0).await;
    assert_eq!(bench.count(EMBEDDED).await, 300);
    assert_eq!(calls.load(Ordering::Relaxed), 300);
}
