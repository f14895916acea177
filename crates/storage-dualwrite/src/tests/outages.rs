//! PostgreSQL goes away and comes back.

use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use storage_testkit::{Fault, FaultProxy, TestDatabase};
use tokio::time::Instant;

use super::support::{Bench, patient, remediation};
use crate::{WriteError, WriterSettings};

/// BR-STORAGE-006: while PostgreSQL is away writes fail at once, and they succeed when it is back, without a restart.
#[tokio::test]
async fn writes_fail_at_once_while_the_database_is_away_and_recover() {
    let database = TestDatabase::create().await.unwrap();
    let proxy = FaultProxy::for_postgres(&database.server_url().unwrap()).await.unwrap();
    let url = proxy.url(&database.server_url().unwrap());
    let bench = Bench::on(database, &url, WriterSettings::default());
    bench.remediation("before").await;

    proxy.set(Fault::Refuse);
    proxy.cut_all();
    assert_eq!(bench.write(remediation("away")).await, Err(WriteError::Unavailable));
    assert!(!bench.writer.is_up());
    let started = Instant::now();
    assert_eq!(bench.write(remediation("still away")).await, Err(WriteError::Unavailable));
    assert!(started.elapsed() < Duration::from_secs(1), "refused after {:?}", started.elapsed());

    proxy.set(Fault::Pass);
    let mut poll = tokio::time::interval(Duration::from_millis(20));
    while !bench.writer.is_up() {
        poll.tick().await;
    }
    bench.remediation("after").await;
    assert_eq!(bench.count("SELECT count(*) AS n FROM remediation_audit").await, 2);
}

/// BR-STORAGE-006: a batch that finds PostgreSQL away says nothing about it to the others, who would never learn from it
/// that it is back. Found by a soak: the service refused every write for good.
#[tokio::test]
async fn an_outage_that_only_a_batch_has_met_ends_by_itself() {
    let database = TestDatabase::create().await.unwrap();
    let proxy = FaultProxy::for_postgres(&database.server_url().unwrap()).await.unwrap();
    let url = proxy.url(&database.server_url().unwrap());
    let bench = Bench::on(database, &url, patient());
    let batch = async |name: &str| {
        let (records, deadline) = (vec![remediation(name)], bench.deadline());
        bench.writer.write_batch(records, None, bench.size(), deadline).await
    };
    // Both writers have their connections, and wait for records.
    bench.remediation("before").await;
    batch("before").await.unwrap();
    proxy.set(Fault::Refuse);
    proxy.cut_all();
    assert_eq!(batch("away").await.unwrap_err(), WriteError::Unavailable);
    proxy.set(Fault::Pass);
    let mut poll = tokio::time::interval(Duration::from_millis(20));
    let back = async {
        while bench.write(remediation("after")).await.is_err() {
            poll.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), back).await.unwrap();
    batch("after").await.unwrap();
}

/// A connection that died while nothing was written costs no client an error.
#[tokio::test]
async fn a_connection_that_died_idle_is_replaced_unseen() {
    let bench = Bench::new().await;
    bench.remediation("before").await;
    bench
        .connect()
        .await
        .batch_execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await
        .unwrap();
    bench.remediation("after").await;
}
