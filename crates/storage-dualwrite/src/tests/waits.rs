//! Waiting for what was written to reach every store.

use std::sync::Arc;
use std::time::Duration;

use storage_models::{Remediation, Timestamp};
use storage_testkit::{Fault, FaultProxy};
use tokio::time::Instant;

use super::projector::{Scripted, quick, start, vector_of};
use super::support::{Bench, connector, impatient_connector};
use crate::ProjectionWaits;

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(150)
}

fn waits(bench: &Bench) -> ProjectionWaits {
    ProjectionWaits::start(connector(&bench.database.server_url().unwrap()))
}

/// A wait ends when the record's row is gone, not before; and many wait with one connection.
#[tokio::test]
async fn a_wait_ends_when_the_outbox_row_is_gone() {
    let bench = Bench::new().await;
    let waits = waits(&bench);
    let (a, b) = (bench.remediation("a").await, bench.remediation("b").await);
    assert!(!waits.wait([(a.id, a.updated_at)], soon()).await);
    let projector = start(&bench, Arc::new(Scripted(|it: &Remediation| Ok(vector_of(it)))), &quick()).await;
    let all = (0..200).map(|_| waits.wait([(a.id, a.updated_at), (b.id, b.updated_at)], bench.deadline()));
    assert!(futures_util::future::join_all(all).await.into_iter().all(|is_synced| is_synced));
    assert!(projector.stop(Duration::from_secs(10)).await);
}

/// A newer version that still waits is not in the stores either; nor is one whose version is not known.
#[tokio::test]
async fn a_newer_version_in_the_outbox_is_waited_for() {
    let bench = Bench::new().await;
    let waits = waits(&bench);
    let record = bench.remediation("a").await;
    let older = Timestamp::from_micros(record.updated_at.micros() - 1).unwrap();
    let newer = Timestamp::from_micros(record.updated_at.micros() + 1).unwrap();
    assert!(!waits.wait([(record.id, older)], soon()).await);
    assert!(waits.wait([(record.id, newer)], bench.deadline()).await);
    assert!(waits.wait([(record.id + 1, older)], bench.deadline()).await);
    assert!(waits.wait([], soon()).await);
}

/// A stop ends waits at once.
#[tokio::test]
async fn a_stop_ends_every_wait() {
    let bench = Bench::new().await;
    let waits = waits(&bench);
    let record = bench.remediation("a").await;
    let version = (record.id, record.updated_at);
    let stop = async { waits.stop() };
    let (is_synced, ()) = tokio::join!(waits.wait([version], bench.deadline()), stop);
    assert!(!is_synced);
    assert!(!waits.wait([version], bench.deadline()).await);
}

/// While PostgreSQL is unavailable no wait ends as if the record were there; afterwards waits go on.
#[tokio::test]
async fn an_outage_of_postgresql_tells_nobody_anything() {
    let bench = Bench::new().await;
    let proxy = FaultProxy::for_postgres(&bench.database.server_url().unwrap()).await.unwrap();
    let waits = ProjectionWaits::start(connector(&proxy.url(&bench.database.server_url().unwrap())));
    let record = bench.remediation("a").await;
    let newer = (record.id, Timestamp::from_micros(record.updated_at.micros() + 1).unwrap());
    assert!(waits.wait([newer], bench.deadline()).await);
    proxy.set(Fault::Refuse);
    proxy.cut_all();
    assert!(!waits.wait([newer], soon()).await);
    proxy.set(Fault::Pass);
    assert!(waits.wait([newer], bench.deadline()).await);
}

/// An answer that never comes costs those who wait for it some seconds, and those after them nothing.
#[tokio::test]
async fn a_silence_of_postgresql_ends_by_itself() {
    let bench = Bench::new().await;
    let proxy = FaultProxy::for_postgres(&bench.database.server_url().unwrap()).await.unwrap();
    let waits =
        ProjectionWaits::start(impatient_connector(&proxy.url(&bench.database.server_url().unwrap())));
    let record = bench.remediation("a").await;
    let newer = (record.id, Timestamp::from_micros(record.updated_at.micros() + 1).unwrap());
    proxy.hang_before_answer("vector_outbox");
    assert!(waits.wait([newer], bench.deadline()).await);
    proxy.wait_for_trigger().await.unwrap();
}
