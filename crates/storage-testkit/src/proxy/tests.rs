//! Tests for the fault proxy, in front of a real server.

use std::time::{Duration, Instant};

use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Fault, FaultProxy};
use crate::TestDatabase;

const DELAY: Duration = Duration::from_millis(50);
const INSERT: &str = "INSERT INTO note VALUES ('first')";

/// A database with the table `note`, and a proxy in front of its server.
async fn stand() -> (TestDatabase, FaultProxy) {
    let database = TestDatabase::empty().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    connection.batch_execute("CREATE TABLE note (text TEXT)").await.unwrap();
    let proxy = FaultProxy::for_postgres(&database.url()).await.unwrap();
    (database, proxy)
}

async fn connect(database: &TestDatabase, proxy: &FaultProxy) -> AsyncPgConnection {
    AsyncPgConnection::establish(&proxy.url(&database.url())).await.unwrap()
}

/// How many notes there are, asked without the proxy.
async fn notes(database: &TestDatabase) -> usize {
    let mut connection = database.connect().await.unwrap();
    diesel::sql_query("SELECT FROM note").execute(&mut connection).await.unwrap()
}

#[tokio::test]
async fn without_a_fault_everything_passes_whatever_its_size() {
    let (database, proxy) = stand().await;
    let mut connection = connect(&database, &proxy).await;
    for size in [0, 1, 20_000, 300_000] {
        let sql = format!("INSERT INTO note VALUES ('{}')", "x".repeat(size));
        connection.batch_execute(&sql).await.unwrap();
    }
    let read = diesel::sql_query("SELECT text FROM note").execute(&mut connection).await.unwrap();
    assert_eq!((read, notes(&database).await), (4, 4));
    assert_eq!((proxy.connections_accepted(), proxy.connections_open()), (1, 1));
    drop(connection);
    proxy.wait_until_unused().await.unwrap();
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_request_that_is_cut_was_never_carried_out() {
    let (database, proxy) = stand().await;
    let mut connection = connect(&database, &proxy).await;
    proxy.cut_after_request("COMMIT");
    connection.batch_execute("BEGIN").await.unwrap();
    connection.batch_execute(INSERT).await.unwrap();
    connection.batch_execute("COMMIT").await.unwrap_err();
    proxy.wait_for_trigger().await.unwrap();
    proxy.wait_until_unused().await.unwrap();
    assert_eq!(notes(&database).await, 0);

    // It was a one-shot: the next session passes.
    let mut connection = connect(&database, &proxy).await;
    connection.batch_execute("BEGIN; COMMIT").await.unwrap();
    drop(connection);
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_trigger_sees_only_the_sessions_it_is_to_meet() {
    let (database, proxy) = stand().await;
    let named = |name: &str| format!("{}?application_name={name}", proxy.url(&database.url()));
    let mut other = AsyncPgConnection::establish(&named("met-too")).await.unwrap();
    let mut met = AsyncPgConnection::establish(&named("met")).await.unwrap();
    proxy.meet_only("met");
    proxy.cut_before_answer("COMMIT");
    other.batch_execute("BEGIN; COMMIT").await.unwrap();
    met.batch_execute("BEGIN; COMMIT").await.unwrap_err();
    proxy.wait_for_trigger().await.unwrap();
    drop(other);
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_request_whose_answer_is_cut_was_carried_out() {
    let (database, proxy) = stand().await;
    let mut connection = connect(&database, &proxy).await;
    proxy.cut_before_answer("COMMIT");
    connection.batch_execute("BEGIN").await.unwrap();
    connection.batch_execute(INSERT).await.unwrap();
    connection.batch_execute("COMMIT").await.unwrap_err();
    proxy.wait_for_trigger().await.unwrap();
    assert_eq!(notes(&database).await, 1);
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_statement_prepared_earlier_is_recognised_by_its_text_when_it_runs() {
    let (database, proxy) = stand().await;
    let mut connection = connect(&database, &proxy).await;
    let insert =
        || diesel::sql_query("INSERT INTO note VALUES ($1)").bind::<diesel::sql_types::Text, _>("bound");
    // Armed before the statement is prepared, and then again when it is known already.
    for needle in ["INTO note", "bound"] {
        proxy.cut_before_answer(needle);
        insert().execute(&mut connection).await.unwrap_err();
        proxy.wait_for_trigger().await.unwrap();
        connection = connect(&database, &proxy).await;
    }
    assert_eq!(notes(&database).await, 2);
    drop(connection);
    database.close().await.unwrap();
}

#[tokio::test]
async fn pipelined_answers_before_the_withheld_one_still_arrive() {
    let (database, proxy) = stand().await;
    let connection = connect(&database, &proxy).await;
    proxy.cut_before_answer("second");
    let run = async |sql: &'static str| diesel::sql_query(sql).execute(&mut &connection).await;
    let (first, second, third) =
        tokio::join!(run("SELECT 'first'"), run("INSERT INTO note VALUES ('second')"), run("SELECT 'third'"));
    assert_eq!(first.unwrap(), 1);
    second.unwrap_err();
    third.unwrap_err();
    proxy.wait_for_trigger().await.unwrap();
    assert_eq!(notes(&database).await, 1);
    drop(connection);
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_withheld_answer_leaves_the_client_waiting_until_it_is_cut() {
    let (database, proxy) = stand().await;
    let mut connection = connect(&database, &proxy).await;
    proxy.hang_before_answer("INSERT");
    let mut waiting = Box::pin(connection.batch_execute(INSERT));
    tokio::select! {
        _ = &mut waiting => panic!("the answer was to be withheld"),
        fired = proxy.wait_for_trigger() => fired.unwrap(),
    }
    assert_eq!(notes(&database).await, 1);
    assert_eq!(proxy.connections_open(), 1);
    proxy.cut_all();
    waiting.await.unwrap_err();
    proxy.wait_until_unused().await.unwrap();
    database.close().await.unwrap();
}

#[tokio::test]
async fn refused_connections_are_closed_open_ones_too_and_passing_again_heals() {
    let (database, proxy) = stand().await;
    let url = proxy.url(&database.url());
    let mut open = connect(&database, &proxy).await;
    proxy.set(Fault::Refuse);
    proxy.wait_until_unused().await.unwrap();
    open.batch_execute("SELECT 1").await.unwrap_err();
    assert!(AsyncPgConnection::establish(&url).await.is_err());
    assert_eq!(proxy.connections_accepted(), 2);
    proxy.set(Fault::Pass);
    connect(&database, &proxy).await.batch_execute("SELECT 1").await.unwrap();
    database.close().await.unwrap();
}

#[tokio::test]
async fn what_hung_goes_on_when_the_fault_is_lifted() {
    let (database, proxy) = stand().await;
    let mut connection = connect(&database, &proxy).await;
    proxy.set(Fault::Hang);
    let mut waiting = Box::pin(connection.batch_execute(INSERT));
    let early = tokio::time::timeout(Duration::from_millis(100), &mut waiting).await;
    assert!(early.is_err(), "nothing passes");
    assert_eq!(notes(&database).await, 0);
    proxy.set(Fault::Pass);
    waiting.await.unwrap();
    assert_eq!(notes(&database).await, 1);
    drop(connection);
    database.close().await.unwrap();
}

#[tokio::test]
async fn requests_are_delayed_by_the_time_asked_for() {
    let echo = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = FaultProxy::for_tcp(echo.local_addr().unwrap()).await.unwrap();
    proxy.set(Fault::Delay(DELAY));
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    let (mut server, _) = echo.accept().await.unwrap();
    let begun = Instant::now();
    client.write_all(b"ping").await.unwrap();
    let mut received = [0; 4];
    server.read_exact(&mut received).await.unwrap();
    assert_eq!(&received, b"ping");
    assert!(begun.elapsed() >= DELAY);
    // Answers are not delayed, and a closed side closes the other.
    server.write_all(b"pong").await.unwrap();
    client.read_exact(&mut received).await.unwrap();
    assert_eq!(&received, b"pong");
    drop(server);
    assert_eq!(client.read(&mut received).await.unwrap(), 0);
}

#[tokio::test]
async fn waiting_for_a_trigger_that_was_never_armed_fails_at_once() {
    let unused = FaultProxy::for_tcp("127.0.0.1:9".parse().unwrap()).await.unwrap();
    let error = unused.wait_for_trigger().await.unwrap_err();
    assert!(error.to_string().contains("armed for"), "{error}");
}
