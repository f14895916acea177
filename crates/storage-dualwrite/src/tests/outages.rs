//! PostgreSQL goes away and comes back.

use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use storage_testkit::{Fault, FaultProxy, TestDatabase};
use tokio::time::Instant;

use super::support::{Bench, patient, remediation, until};
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

/// The sessions of the bench's writer.
const SESSIONS: &str = "SELECT count(*) AS n FROM pg_stat_activity \
    WHERE datname = current_database() AND application_name LIKE 'storage-dualwrite%'";
const END_OLDEST: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
    WHERE datname = current_database() AND application_name LIKE 'storage-dualwrite%' ORDER BY backend_start LIMIT 1";
const END_NEWEST: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
    WHERE datname = current_database() AND application_name LIKE 'storage-dualwrite%' ORDER BY backend_start DESC LIMIT 1";

/// A writer with two connections, of which one is ended; the database takes no further one, but from its owner.
async fn with_one_connection_of_two(end_one: &str) -> Bench {
    let bench = Bench::new().await;
    bench.remediation("first").await;
    // The third made the partition.
    until(&bench, SESSIONS, 2).await;
    limit(&bench, 0).await;
    bench.connect().await.batch_execute(end_one).await.unwrap();
    until(&bench, SESSIONS, 1).await;
    bench
}

async fn limit(bench: &Bench, connections: i32) {
    let statement = format!("ALTER DATABASE {} CONNECTION LIMIT {connections}", bench.database.name());
    bench.connect().await.batch_execute(&statement).await.unwrap();
}

/// F55: one of two writers loses its connection and gets no other. The other writes everything, whichever it is, and no
/// client notices.
#[tokio::test]
async fn a_writer_without_a_connection_leaves_all_records_to_the_other() {
    for end_one in [END_OLDEST, END_NEWEST] {
        let bench = with_one_connection_of_two(end_one).await;
        for round in 0..10 {
            let names: Vec<String> = (0..10).map(|n| format!("{round} {n}")).collect();
            let writes = names.iter().map(|name| bench.write(remediation(name)));
            let outcomes = futures_util::future::join_all(writes).await;
            assert!(outcomes.iter().all(Result::is_ok) && bench.writer.is_up(), "{round}: {outcomes:?}");
        }
        assert_eq!(bench.count("SELECT count(*) AS n FROM remediation_audit").await, 101);
        assert_eq!(bench.count(SESSIONS).await, 1);
        // What stops the other one too is an outage, and ends by itself.
        bench.connect().await.batch_execute(END_OLDEST).await.unwrap();
        assert_eq!(bench.write(remediation("away")).await, Err(WriteError::Unavailable));
        assert!(!bench.writer.is_up());
        limit(&bench, -1).await;
        let mut poll = tokio::time::interval(Duration::from_millis(20));
        while !bench.writer.is_up() {
            poll.tick().await;
        }
        bench.remediation("back").await;
    }
}

/// F16, F55: what is queued when the writer stops is written, also while one of its writers has no connection.
#[tokio::test]
async fn a_stop_writes_what_is_queued_through_the_writer_that_can() {
    for end_one in [END_OLDEST, END_NEWEST] {
        let bench = with_one_connection_of_two(end_one).await;
        bench.remediation("warm").await;
        let names: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        let writes = names.iter().map(|name| bench.write(remediation(name)));
        let stop = async {
            tokio::task::yield_now().await;
            bench.writer.stop(Duration::from_secs(20)).await
        };
        let (outcomes, in_time) = tokio::join!(futures_util::future::join_all(writes), stop);
        assert!(in_time && outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    }
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
