//! The pool against a real PostgreSQL: nothing that a request leaves behind reaches the next one.

use std::time::Duration;

use diesel::sql_types::BigInt;
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_dualwrite::{Connector, DatabaseTls, SessionSettings};
use storage_query::{DatabaseFault, QueryError};
use storage_testkit::TestDatabase;
use tokio::time::Instant;

use super::{PoolUse, ReadPool};
use crate::store::edge::ReadError;
use crate::store::fair_semaphore::Limits;
use crate::store::requester::Requester;

/// Longer than any test should take; a wait that reaches it fails the test.
const PATIENCE: Duration = Duration::from_secs(30);

const READERS: &str = "SELECT count(*) AS n FROM pg_stat_activity \
     WHERE datname = current_database() AND application_name = 'read' AND state = 'active'";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

fn pool(database: &TestDatabase, size: usize) -> ReadPool {
    let session = SessionSettings {
        statement_timeout: PATIENCE,
        lock_timeout: PATIENCE,
        ..SessionSettings::new("read")
    };
    let connector =
        Connector::new(database.server_url().unwrap().into(), DatabaseTls::off(), session).unwrap();
    ReadPool::new(connector, limits(size))
}

fn limits(places: usize) -> Limits {
    Limits { places, waiting: 100, patience: Duration::from_millis(200), more_patience: PATIENCE }
}

fn failed(source: diesel::result::Error) -> QueryError {
    QueryError::Database { operation: "test", fault: DatabaseFault::of(&source), source }
}

async fn number(connection: &mut AsyncPgConnection, query: &'static str) -> Result<i64, QueryError> {
    sql_query(query).get_result::<Row>(connection).await.map(|row| row.n).map_err(failed)
}

async fn ask(pool: &ReadPool, query: &'static str, limit: Duration) -> Result<i64, ReadError> {
    pool.read("test", Instant::now() + limit, async |connection| number(connection, query).await).await
}

const SLEEP: &str = "SELECT count(*) AS n FROM pg_sleep(20)";

/// Waits until so many statements of the pool run.
async fn until_running(database: &TestDatabase, wanted: i64) {
    let mut watcher = database.connect().await.unwrap();
    let mut poll = tokio::time::interval(Duration::from_millis(10));
    let reached = async {
        while number(&mut watcher, READERS).await.unwrap() != wanted {
            poll.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE / 3, reached).await.unwrap();
}

/// Waits until so many places are taken.
async fn until_in_use(pool: &ReadPool, wanted: usize) {
    let mut poll = tokio::time::interval(Duration::from_millis(10));
    let reached = async {
        while pool.usage().in_use != wanted {
            poll.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.unwrap();
}

/// F04: a deadline ends the statement on the server, and its connection serves no other request.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_out_of_time_is_cancelled_and_the_pool_goes_on() {
    let database = TestDatabase::create().await.unwrap();
    let pool = pool(&database, 1);
    let late = ask(&pool, SLEEP, Duration::from_millis(300)).await;
    assert!(matches!(late, Err(ReadError::DeadlinePassed)), "{late:?}");
    until_running(&database, 0).await;
    until_in_use(&pool, 0).await;
    assert_eq!(pool.usage(), PoolUse { in_use: 0, idle: 0 });
    assert_eq!(ask(&pool, "SELECT 5::bigint AS n", PATIENCE).await.unwrap(), 5);
    pool.close();
    database.close().await.unwrap();
}

/// F04: so does a request that is dropped.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_is_dropped_is_cancelled() {
    let database = TestDatabase::create().await.unwrap();
    let pool = pool(&database, 1);
    {
        let read = ask(&pool, SLEEP, PATIENCE);
        tokio::pin!(read);
        tokio::select! {
            outcome = &mut read => panic!("{outcome:?}"),
            () = until_running(&database, 1) => {}
        }
    }
    until_running(&database, 0).await;
    assert_eq!(ask(&pool, "SELECT 5::bigint AS n", PATIENCE).await.unwrap(), 5);
    pool.close();
    database.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lost_while_idle_costs_no_read_its_answer() {
    let database = TestDatabase::create().await.unwrap();
    let pool = pool(&database, 2);
    ask(&pool, "SELECT 1::bigint AS n", PATIENCE).await.unwrap();
    let mut other = database.connect().await.unwrap();
    let kill = "SELECT count(pg_terminate_backend(pid, 5000)) AS n FROM pg_stat_activity \
                WHERE datname = current_database() AND application_name = 'read'";
    assert_eq!(number(&mut other, kill).await.unwrap(), 1);
    assert_eq!(ask(&pool, "SELECT 5::bigint AS n", PATIENCE).await.unwrap(), 5);
}

/// F56: once another server may serve, no connection from before is used again.
#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_pool_uses_no_connection_from_before() {
    const SESSION: &str = "SELECT pg_backend_pid()::bigint AS n";
    let database = TestDatabase::create().await.unwrap();
    let pool = pool(&database, 1);
    let first = ask(&pool, SESSION, PATIENCE).await.unwrap();
    assert_eq!(ask(&pool, SESSION, PATIENCE).await.unwrap(), first);
    pool.renew();
    assert_eq!(pool.usage(), PoolUse { in_use: 0, idle: 0 });
    let second = ask(&pool, SESSION, PATIENCE).await.unwrap();
    assert_ne!(second, first);
    assert_eq!(ask(&pool, SESSION, PATIENCE).await.unwrap(), second);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_finds_no_connection_free_is_refused_soon() {
    let database = TestDatabase::create().await.unwrap();
    let pool = pool(&database, 1);
    let holding = ask(&pool, SLEEP, PATIENCE);
    tokio::pin!(holding);
    let refused = async {
        until_running(&database, 1).await;
        ask(&pool, "SELECT 1::bigint AS n", PATIENCE).await
    };
    tokio::select! {
        outcome = &mut holding => panic!("{outcome:?}"),
        outcome = refused => assert!(matches!(outcome, Err(ReadError::Busy)), "{outcome:?}"),
    }
    pool.close();
    let closed = ask(&pool, "SELECT 1::bigint AS n", PATIENCE).await;
    assert!(matches!(closed, Err(ReadError::Stopping)), "{closed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_told_apart() {
    let session = SessionSettings::new("read");
    // Port 1 of loopback: nothing listens there.
    let connector = Connector::new("postgres://u@127.0.0.1:1/d".into(), DatabaseTls::off(), session).unwrap();
    let pool = ReadPool::new(connector, limits(1));
    let away = ask(&pool, "SELECT 1::bigint AS n", PATIENCE).await;
    assert!(matches!(away, Err(ReadError::Connect(_))), "{away:?}");
}

fn requester(last: u8) -> Requester {
    Requester::Address([203, 0, 113, last].into())
}

/// F53: reads that are begun and dropped without end run no more statements than there are places: a place is free only
/// when its statement is over.
#[tokio::test(flavor = "multi_thread")]
async fn reads_that_are_dropped_stay_within_the_pool() {
    const PLACES: usize = 3;
    let database = TestDatabase::create().await.unwrap();
    let pool = pool(&database, PLACES);
    let mut watcher = database.connect().await.unwrap();
    let mut most = 0;
    for _ in 0..150 {
        {
            let reads = futures_util::future::join_all((0..PLACES).map(|_| ask(&pool, SLEEP, PATIENCE)));
            tokio::pin!(reads);
            tokio::select! {
                outcome = &mut reads => panic!("{outcome:?}"),
                () = tokio::task::yield_now() => {}
            }
        }
        most = most.max(number(&mut watcher, READERS).await.unwrap());
    }
    drop(watcher);
    assert!(most <= i64::try_from(PLACES).unwrap(), "{most} statements ran at once");
    until_in_use(&pool, 0).await;
    assert_eq!(ask(&pool, "SELECT 5::bigint AS n", PATIENCE).await.unwrap(), 5);
    pool.close();
    database.close().await.unwrap();
}

/// Waits for as long as the test wants.
const LOCKED: &str = "SELECT count(*) AS n FROM (SELECT pg_advisory_lock_shared(7)) AS locked";

/// F45: one who asks takes all connections; another who comes is served next, before the first one's others.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_takes_all_connections_does_not_keep_out_another() {
    let database = TestDatabase::create().await.unwrap();
    let pool = pool(&database, 4);
    let mut holder = database.connect().await.unwrap();
    number(&mut holder, "SELECT count(*) AS n FROM (SELECT pg_advisory_lock(7)) AS held").await.unwrap();
    let greedy = async {
        let reads = (0..4).map(|_| ask(&pool, LOCKED, PATIENCE));
        requester(1).scope(futures_util::future::join_all(reads)).await
    };
    let others = async {
        until_running(&database, 4).await;
        let mut other = Box::pin(requester(2).scope(ask(&pool, "SELECT 5::bigint AS n", PATIENCE)));
        let more = tokio::select! {
            outcome = &mut other => panic!("{outcome:?}"),
            more = requester(1).scope(ask(&pool, "SELECT 6::bigint AS n", PATIENCE)) => more,
        };
        // With its session the lock ends.
        drop(holder);
        (more, other.await)
    };
    let (greedy, (more, other)) = tokio::join!(greedy, others);
    assert!(matches!(more, Err(ReadError::Busy)), "{more:?}");
    assert_eq!(other.unwrap(), 5);
    assert!(greedy.into_iter().all(|read| read.is_ok()));
    pool.close();
    database.close().await.unwrap();
}
