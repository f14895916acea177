//! Claims of the largest records that can be stored.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use diesel_async::SimpleAsyncConnection as _;
use storage_models::{JsonText, Remediation};
use uuid::Uuid;

use crate::index::MemoryIndex;
use crate::outbox::{self, Holder, Horizon, Lease, PORTION_BYTES, Stage, Wanted};
use crate::reconcile::{ReconcileSettings, Reconciler};
use crate::tests::projector::{EMBEDDED, OUTBOX, Scripted, quick, start, vector_of};
use crate::tests::support::{Bench, connector, until};
use crate::{Commits, ProjectorSettings};

/// Bytes of the largest metadata and error message.
const LARGEST: usize = (256 + 5 * 64) * 1024;

/// Stores 256 records of the largest metadata and error message.
async fn write_largest(bench: &Bench) {
    let insert = "INSERT INTO remediation_audit \
            (name, namespace, phase, action_type, start_time, error_message, metadata) \
        SELECT 'n' || n, 'ns', 'pending', 'scale', now(), repeat('e', 5 * 64 * 1024), \
            jsonb_build_object('a', repeat('m', 256 * 1024 - 9)) FROM generate_series(1, 256) AS n; \
        INSERT INTO vector_outbox (set_id, record_id, start_time, version) \
        SELECT (SELECT id FROM embedding_set WHERE state = 'active'), id, start_time, updated_at FROM remediation_audit";
    bench.connect().await.batch_execute(insert).await.unwrap();
}

fn bytes_of(record: &Remediation) -> usize {
    let metadata = record.metadata.as_ref().map_or(0, |json: &JsonText| json.as_str().len());
    metadata + record.error_message.as_ref().map_or(0, String::len)
}

/// F41: however large the records of a claim are, no more than 8 MiB of them and one record are in memory at once; each is
/// read once, and all are projected.
#[tokio::test]
async fn a_claim_of_the_largest_records_is_read_in_portions() {
    let bench = Bench::new().await;
    write_largest(&bench).await;
    let mut connection = bench.connect().await;
    outbox::set_up(&mut connection).await.unwrap();
    let window = Horizon::new(Duration::ZERO).next(Wanted::ALL, Instant::now());
    let holder = Holder { owner: Uuid::new_v4(), set: bench.set().await };
    let lease = Duration::from_secs(30);
    let claim = outbox::take(&mut connection, holder, 256, lease, window).await.unwrap();
    let mut left: Vec<Lease> = claim.leases.clone();
    let (mut read, mut portions) = (Vec::new(), 0);
    while !left.is_empty() {
        let portion = outbox::read(&mut connection, 1, &mut left, PORTION_BYTES).await.unwrap();
        let bytes: usize = portion.records.iter().map(|it| bytes_of(&it.record)).sum();
        assert!(bytes <= usize::try_from(PORTION_BYTES).unwrap() + LARGEST, "{bytes} bytes at once");
        read.extend(portion.records.into_iter().map(|it| it.lease.record_id));
        portions += 1;
    }
    let mut claimed: Vec<i64> = claim.leases.iter().map(|lease| lease.record_id).collect();
    read.sort_unstable();
    claimed.sort_unstable();
    assert_eq!((read, portions), (claimed, 18));
    let all: Vec<&Lease> = claim.leases.iter().collect();
    outbox::release(&mut connection, holder, &all, Stage::Enqueued).await.unwrap();

    let settings = ProjectorSettings { batch: 256, ..quick() };
    let _projector = start(&bench, Arc::new(Scripted(|r: &Remediation| Ok(vector_of(r)))), &settings).await;
    until(&bench, OUTBOX, 0).await;
    assert_eq!(bench.count(EMBEDDED).await, 256);
}

/// F41: a page of a rebuild is bounded in bytes as well as in records.
#[tokio::test]
async fn a_rebuild_copies_the_largest_records_in_small_pages() {
    let bench = Bench::new().await;
    write_largest(&bench).await;
    bench.connect().await.batch_execute("DELETE FROM vector_outbox").await.unwrap();
    let settings = ReconcileSettings { gap: Duration::ZERO, page: 1_000 };
    let connector = connector(&bench.database.server_url().unwrap());
    let reconciler = Reconciler::new(
        connector,
        Some(Arc::new(MemoryIndex::default())),
        settings,
        Arc::new(Commits::default()),
    );
    let copied = Mutex::new(vec![0]);
    let report = reconciler.rebuild(&|records| copied.lock().unwrap().push(records)).await.unwrap();
    assert_eq!((report.records, report.enqueued), (256, 256));
    let copied = copied.into_inner().unwrap();
    assert!(copied.windows(2).all(|page| page[1] - page[0] <= 27), "{copied:?}");
}
