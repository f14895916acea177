//! Transactions that lose against another one, fail, or wait for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use diesel::sql_types::BigInt;
use diesel::{QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use storage_models::DatabaseFault;
use storage_postgres::{Failed, TRANSACTIONS, Transaction, savepoint};
use storage_testkit::TestDatabase;

const LIMIT: Duration = Duration::from_secs(30);

/// Two rows that transactions can meet at.
const ROWS: &str =
    "CREATE TABLE met (id int PRIMARY KEY, n int NOT NULL); INSERT INTO met VALUES (1, 0), (2, 0)";

async fn rows() -> (TestDatabase, AsyncPgConnection, AsyncPgConnection) {
    let database = TestDatabase::empty().await.unwrap();
    let (mut ours, other) = (database.connect().await.unwrap(), database.connect().await.unwrap());
    ours.batch_execute(ROWS).await.unwrap();
    (database, ours, other)
}

async fn number(connection: &mut AsyncPgConnection, query: &str) -> i64 {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    diesel_async::RunQueryDsl::get_result::<Row>(sql_query(query), connection).await.unwrap().n
}

async fn sum(connection: &mut AsyncPgConnection) -> i64 {
    number(connection, "SELECT sum(n) AS n FROM met").await
}

/// Counts the tries of the transaction `meet` that lost, and those that were committed.
#[derive(Default)]
struct Tally {
    conflicts: Arc<AtomicU64>,
    commits: Arc<AtomicU64>,
}

impl Recorder for Tally {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels: Vec<_> = key.labels().map(|label| (label.key(), label.value())).collect();
        match (key.name(), labels.as_slice()) {
            (TRANSACTIONS, [("name", "meet"), ("outcome", "conflict")]) => {
                Counter::from_arc(Arc::clone(&self.conflicts))
            }
            (TRANSACTIONS, [("name", "meet"), ("outcome", "committed")]) => {
                Counter::from_arc(Arc::clone(&self.commits))
            }
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// 40001: another transaction has changed the row since this one's snapshot.
#[tokio::test]
async fn a_transaction_whose_snapshot_is_too_old_is_run_again_and_counted() {
    let tally = Tally::default();
    let _here = metrics::set_default_local_recorder(&tally);
    let (database, mut ours, other) = rows().await;
    let other = tokio::sync::Mutex::new(other);
    let tries = AtomicUsize::new(0);
    let outcome: QueryResult<()> = Transaction::new("meet", LIMIT)
        .run(&mut ours, async |connection| {
            connection
                .batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT FROM met")
                .await?;
            if tries.fetch_add(1, Ordering::Relaxed) == 0 {
                other.lock().await.batch_execute("UPDATE met SET n = n + 10").await?;
            }
            connection.batch_execute("UPDATE met SET n = n + 1 WHERE id = 1").await
        })
        .await;
    outcome.unwrap();
    assert_eq!(tries.load(Ordering::Relaxed), 2);
    assert_eq!(sum(&mut ours).await, 21, "both transactions, each once");
    let counted = [&tally.conflicts, &tally.commits].map(|count| count.load(Ordering::Relaxed));
    assert_eq!(counted, [1, 1]);
    drop((ours, other));
    database.close().await.unwrap();
}

/// 40P01: each of two transactions waits for the other.
#[tokio::test]
async fn a_transaction_that_ends_a_deadlock_is_run_again() {
    let (database, mut ours, mut other) = rows().await;
    // PostgreSQL ends the transaction that looks for a deadlock first.
    ours.batch_execute("SET deadlock_timeout = '10ms'").await.unwrap();
    other
        .batch_execute("SET deadlock_timeout = '1h'; BEGIN; UPDATE met SET n = n + 10 WHERE id = 2")
        .await
        .unwrap();
    let other = std::sync::Mutex::new(Some(other));
    let waiting = std::sync::Mutex::new(None);
    let tries = AtomicUsize::new(0);
    let outcome: QueryResult<()> = Transaction::new("meet", LIMIT)
        .run(&mut ours, async |connection| {
            connection.batch_execute("UPDATE met SET n = n + 1 WHERE id = 1").await?;
            tries.fetch_add(1, Ordering::Relaxed);
            let taken = other.lock().unwrap().take();
            if let Some(mut other) = taken {
                let task = tokio::spawn(async move {
                    other.batch_execute("UPDATE met SET n = n + 10 WHERE id = 1; COMMIT").await
                });
                *waiting.lock().unwrap() = Some(task);
                while number(connection, "SELECT count(*) AS n FROM pg_locks WHERE NOT granted").await == 0 {}
            }
            connection.batch_execute("UPDATE met SET n = n + 1 WHERE id = 2").await
        })
        .await;
    outcome.unwrap();
    assert_eq!(tries.load(Ordering::Relaxed), 2);
    let waiting = waiting.lock().unwrap().take().unwrap();
    waiting.await.unwrap().unwrap();
    assert_eq!(sum(&mut ours).await, 22, "both transactions, each once");
    drop(ours);
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_transaction_that_never_wins_gives_up() {
    let (database, mut ours, other) = rows().await;
    let other = tokio::sync::Mutex::new(other);
    let tries = AtomicUsize::new(0);
    let outcome: QueryResult<()> = Transaction::new("meet", LIMIT)
        .run(&mut ours, async |connection| {
            connection
                .batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT FROM met")
                .await?;
            tries.fetch_add(1, Ordering::Relaxed);
            other.lock().await.batch_execute("UPDATE met SET n = n + 10").await?;
            connection.batch_execute("UPDATE met SET n = n + 1").await
        })
        .await;
    assert_eq!(DatabaseFault::of(&outcome.unwrap_err()), DatabaseFault::Serialization);
    assert_eq!(tries.load(Ordering::Relaxed), 6);
    drop((ours, other));
    database.close().await.unwrap();
}

/// Another error is the caller's at once, behind whatever error of its own it stands.
#[tokio::test]
async fn what_fails_for_its_own_reasons_is_rolled_back_and_not_run_again() {
    #[derive(Debug, thiserror::Error)]
    #[error("cannot meet")]
    struct Wrapped(#[from] diesel::result::Error);

    let (database, mut ours, other) = rows().await;
    let tries = AtomicUsize::new(0);
    let outcome: Result<(), Wrapped> = Transaction::new("meet", LIMIT)
        .run(&mut ours, async |connection| {
            tries.fetch_add(1, Ordering::Relaxed);
            connection.batch_execute("UPDATE met SET n = n + 1").await?;
            Ok(connection.batch_execute("INSERT INTO met VALUES (1, 0)").await?)
        })
        .await;
    assert_eq!(DatabaseFault::of(&outcome.unwrap_err().0), DatabaseFault::Record);
    assert_eq!(tries.load(Ordering::Relaxed), 1);
    assert_eq!(sum(&mut ours).await, 0);
    drop((ours, other));
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_transaction_that_waits_too_long_is_lost_with_its_connection() {
    let (database, mut ours, mut other) = rows().await;
    other.batch_execute("BEGIN; LOCK TABLE met").await.unwrap();
    let work = async |connection: &mut AsyncPgConnection| connection.batch_execute("SELECT FROM met").await;
    let outcome = Transaction::new("meet", Duration::from_millis(100)).attempt(&mut ours, &work).await;
    assert!(matches!(outcome, Err(Failed::Lost(_))), "{outcome:?}");
    drop((ours, other));
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_failed_savepoint_leaves_the_rest_of_its_transaction() {
    let (database, mut ours, other) = rows().await;
    let outcome: QueryResult<()> = Transaction::new("meet", LIMIT)
        .run(&mut ours, async |connection| {
            connection.batch_execute("UPDATE met SET n = 1 WHERE id = 1").await?;
            let refused: QueryResult<()> = savepoint(connection, async |connection| {
                connection.batch_execute("UPDATE met SET n = 2 WHERE id = 2; SELECT 1 / 0").await
            })
            .await;
            assert!(refused.is_err());
            Ok(())
        })
        .await;
    outcome.unwrap();
    assert_eq!(sum(&mut ours).await, 1);
    drop((ours, other));
    database.close().await.unwrap();
}
