//! Each kind of database error, provoked on a real server.

use diesel_async::{AsyncConnection, AsyncPgConnection};
use storage_models::{Embedding, ErrorCode, Remediation};
use storage_query::{CheckedFilter, DatabaseFault, ListQuery, NearestQuery, QueryError, SearchRequest};
use storage_testkit::{FaultProxy, TestDatabase};

use crate::support::{connect, database, execute, number};

async fn list(conn: &mut AsyncPgConnection) -> QueryError {
    ListQuery::<Remediation>::new(CheckedFilter::default()).run(conn).await.expect_err("the list must fail")
}

fn assert_fault(error: &QueryError, expected: DatabaseFault, code: ErrorCode) {
    let QueryError::Database { fault, source, .. } = error else { panic!("{error:?}") };
    assert_eq!((*fault, error.code()), (expected, code), "{source:?}");
    assert!(!error.to_string().contains(&source.to_string()), "{error} repeats its source");
}

/// A transaction that keeps every reader of the table waiting.
async fn lock_table(database: &TestDatabase) -> AsyncPgConnection {
    let mut locker = connect(database).await;
    execute(&mut locker, "BEGIN; LOCK TABLE remediation_audit IN ACCESS EXCLUSIVE MODE").await;
    locker
}

async fn backend_of(conn: &mut AsyncPgConnection) -> i64 {
    number(conn, "SELECT pg_backend_pid()").await
}

/// Runs `sql` on another connection as soon as `backend` waits for a lock.
async fn when_waiting(database: &TestDatabase, backend: i64, sql: &str) {
    let mut other = connect(database).await;
    let waiting = format!("SELECT count(*) FROM pg_locks WHERE pid = {backend} AND NOT granted");
    while number(&mut other, &waiting).await == 0 {}
    execute(&mut other, sql).await;
}

/// BR-STORAGE-017
#[tokio::test]
async fn a_statement_timeout_is_a_passed_deadline() {
    let (database, mut conn) = database().await;
    let _locker = lock_table(&database).await;
    execute(&mut conn, "SET statement_timeout = '20ms'").await;
    assert_fault(&list(&mut conn).await, DatabaseFault::StatementTimeout, ErrorCode::DeadlinePassed);
}

/// BR-STORAGE-017: a search, which is a transaction, ends it when a statement fails.
#[tokio::test]
async fn a_search_that_times_out_leaves_its_connection_usable() {
    let (database, mut conn) = database().await;
    let locker = lock_table(&database).await;
    execute(&mut conn, "SET statement_timeout = '20ms'").await;
    let vector = Embedding::new(vec![0.5; Embedding::DIMENSION]).unwrap();
    let search = NearestQuery::new(vector, CheckedFilter::default(), SearchRequest::default());
    let error = search.run(&mut conn).await.unwrap_err();
    assert_fault(&error, DatabaseFault::StatementTimeout, ErrorCode::DeadlinePassed);
    drop(locker);
    execute(&mut conn, "SET statement_timeout = '60s'").await;
    assert_eq!(search.run(&mut conn).await.unwrap().hits, []);
}

/// BR-STORAGE-017
#[tokio::test]
async fn a_lock_timeout_is_unavailability() {
    let (database, mut conn) = database().await;
    let _locker = lock_table(&database).await;
    execute(&mut conn, "SET lock_timeout = '20ms'").await;
    assert_fault(&list(&mut conn).await, DatabaseFault::LockTimeout, ErrorCode::Unavailable);
}

/// BR-STORAGE-017
#[tokio::test]
async fn a_cancelled_statement_is_told_from_a_timeout_and_the_connection_lives() {
    let (database, mut conn) = database().await;
    let locker = lock_table(&database).await;
    let backend = backend_of(&mut conn).await;
    let cancel = format!("SELECT pg_cancel_backend({backend})");
    let (error, ()) = tokio::join!(list(&mut conn), when_waiting(&database, backend, &cancel));
    assert_fault(&error, DatabaseFault::Cancelled, ErrorCode::DeadlinePassed);
    drop(locker);
    ListQuery::<Remediation>::new(CheckedFilter::default()).run(&mut conn).await.unwrap();
}

/// BR-STORAGE-017
#[tokio::test]
async fn a_session_ended_by_the_server_is_a_shutdown() {
    let (database, mut conn) = database().await;
    let _locker = lock_table(&database).await;
    let backend = backend_of(&mut conn).await;
    let terminate = format!("SELECT pg_terminate_backend({backend})");
    let (error, ()) = tokio::join!(list(&mut conn), when_waiting(&database, backend, &terminate));
    assert_fault(&error, DatabaseFault::ShuttingDown, ErrorCode::Unavailable);
    assert_fault(&list(&mut conn).await, DatabaseFault::ConnectionLost, ErrorCode::Unavailable);
}

/// BR-STORAGE-017
#[tokio::test]
async fn a_cut_connection_is_lost() {
    let (database, _conn) = database().await;
    let proxy = FaultProxy::for_postgres(&database.url()).await.unwrap();
    let mut conn = AsyncPgConnection::establish(&proxy.url(&database.url())).await.unwrap();
    proxy.cut_all();
    assert_fault(&list(&mut conn).await, DatabaseFault::ConnectionLost, ErrorCode::Unavailable);
}

/// BR-STORAGE-017
#[tokio::test]
async fn what_the_server_refuses_otherwise_is_a_defect() {
    let (_database, mut conn) = database().await;
    execute(&mut conn, "ALTER TABLE remediation_audit RENAME COLUMN cluster TO old_cluster").await;
    assert_fault(&list(&mut conn).await, DatabaseFault::Other, ErrorCode::Internal);
}
