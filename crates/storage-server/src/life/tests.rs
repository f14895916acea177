//! A whole server in this process, on a real PostgreSQL.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use diesel_async::SimpleAsyncConnection as _;
use storage_dualwrite::index::{QdrantIndex, QdrantSettings, VectorIndex};
use storage_embedding::{DEFAULT_TTL, EmbeddingService, HashingEmbedder, MemoryCache};
use storage_testkit::{QdrantServer, TestDatabase};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Ended, Parts, RunningServer, Server, StartError};
use crate::settings::{Flag, Settings, Sources};
use crate::telemetry::metrics::detached;

/// Longer than any test should take; a wait that reaches it fails the test.
const PATIENCE: Duration = Duration::from_secs(30);

fn parts(url: &str, more: &[(&'static str, &str)]) -> Parts {
    let fixed = [
        ("database.url", url),
        ("server.addr", "127.0.0.1:0"),
        ("server.admin_addr", "127.0.0.1:0"),
        ("server.workers", "1"),
        ("embedding.provider", "hashing"),
    ];
    let flag = |(key, value): &(&'static str, &str)| Flag { key, name: "test", value: (*value).to_owned() };
    let flags = fixed.iter().chain(more).map(flag).collect();
    let settings = Settings::load(&Sources { flags, ..Sources::default() }).unwrap();
    let cache = MemoryCache::new(1 << 20, DEFAULT_TTL);
    Parts {
        connectors: settings.database.connectors().unwrap(),
        settings,
        embedding: Arc::new(EmbeddingService::new(Arc::new(HashingEmbedder::new()), Arc::new(cache))),
        redis: None,
        index: None,
        metrics: detached().unwrap(),
        log: crate::telemetry::log::detached(),
    }
}

async fn start(url: &str, more: &[(&'static str, &str)]) -> Result<RunningServer, StartError> {
    Server::start(parts(url, more)).await
}

/// Sends a request as it stands and returns the whole answer.
async fn exchange(addr: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let reading = stream.read_to_string(&mut answer);
    tokio::time::timeout(PATIENCE, reading).await.unwrap().unwrap();
    answer
}

async fn get(addr: SocketAddr, path: &str) -> String {
    exchange(addr, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).await
}

fn posting(body: &str) -> String {
    let length = body.len();
    format!(
        "POST /api/v1/audit/remediation HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

const RECORD: &str = r#"{"name":"n","namespace":"default","phase":"processing","action_type":"restart-pod"}"#;

/// BR-STORAGE-001: from the start to the stop; afterwards no session is left in the database.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_serves_and_stops_without_leaving_a_session() {
    let database = TestDatabase::create().await.unwrap();
    let server = start(&database.server_url().unwrap(), &[]).await.unwrap();
    let (addr, admin, stopper) = (server.addr(), server.admin_addr(), server.stopper());
    let running = tokio::spawn(server.run_until_stopped());

    assert!(get(addr, "/ready").await.starts_with("HTTP/1.1 200"), "ready as soon as it is started");
    let stored = exchange(addr, &posting(RECORD)).await;
    assert!(stored.starts_with("HTTP/1.1 201"), "{stored}");
    assert!(stored.contains("\"vector_sync\":\"pending\""), "{stored}");
    let header =
        stored.lines().find_map(|line| line.to_lowercase().strip_prefix("location: ").map(str::to_owned));
    assert!(get(addr, &header.unwrap()).await.starts_with("HTTP/1.1 200"));
    let list = get(addr, "/api/v1/audit/remediation?namespace=default").await;
    assert!(list.contains("\"total\":1"), "{list}");
    assert!(get(admin, "/metrics").await.starts_with("HTTP/1.1 200"));

    stopper.cancel();
    assert_eq!(tokio::time::timeout(PATIENCE, running).await.unwrap().unwrap(), Ended::Stopped);
    assert!(TcpStream::connect(addr).await.is_err());
    database.close().await.unwrap();
}

/// F16: a request that hangs delays the stop by its own bound and keeps no other step from being done.
#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_request_does_not_keep_the_rest_from_stopping() {
    let database = TestDatabase::create().await.unwrap();
    let server = start(&database.server_url().unwrap(), &[("server.drain_timeout", "1s")]).await.unwrap();
    let (addr, stopper, bound) = (server.addr(), server.stopper(), server.settings.stop_time());
    let running = tokio::spawn(server.run_until_stopped());
    let mut stuck = TcpStream::connect(addr).await.unwrap();
    let request = posting(RECORD);
    stuck.write_all(&request.as_bytes()[..request.len() - 5]).await.unwrap();
    assert!(get(addr, "/health").await.starts_with("HTTP/1.1 200"));

    stopper.cancel();
    assert_eq!(tokio::time::timeout(bound, running).await.unwrap().unwrap(), Ended::Stopped);
    database.close().await.unwrap();
}

/// F04: a client that goes away takes its statement along.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_disconnects_ends_its_read_on_the_server() {
    let database = TestDatabase::create().await.unwrap();
    let waits = [("database.lock_timeout", "14s"), ("database.statement_timeout", "14s")];
    let steps = [("writer.step_timeout", "15s"), ("projector.step_timeout", "15s")];
    let server = start(&database.server_url().unwrap(), &[waits, steps].concat()).await.unwrap();
    let mut other = database.connect().await.unwrap();
    other.batch_execute("BEGIN; LOCK TABLE execution_audit IN ACCESS EXCLUSIVE MODE").await.unwrap();

    let mut client = TcpStream::connect(server.addr()).await.unwrap();
    client.write_all(b"GET /api/v1/audit/execution HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    until_reads(&database, true).await;
    drop(client);
    until_reads(&database, false).await;

    other.batch_execute("ROLLBACK").await.unwrap();
    assert!(get(server.addr(), "/api/v1/audit/execution").await.starts_with("HTTP/1.1 200"));
}

/// Waits until a read waits for a lock, or none does. Well below the time-outs that would end it anyway.
async fn until_reads(database: &TestDatabase, wanted: bool) {
    use diesel::sql_types::Bool;
    use diesel_async::RunQueryDsl as _;

    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        waits: bool,
    }
    let query = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() \
                 AND application_name = 'datastorage read' AND wait_event_type = 'Lock') AS waits";
    let mut watcher = database.connect().await.unwrap();
    let mut poll = tokio::time::interval(Duration::from_millis(10));
    let reached = async {
        while diesel::sql_query(query).get_result::<Row>(&mut watcher).await.unwrap().waits != wanted {
            poll.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(7), reached).await.unwrap();
}

/// BR-STORAGE-003: a database without the schema is named for what it lacks, and made when that is asked for.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_schema_ends_the_start_or_is_made() {
    let database = TestDatabase::empty().await.unwrap();
    let error = start(&database.server_url().unwrap(), &[]).await.err().unwrap();
    assert_eq!(error.exit_code(), 78);
    assert!(error.to_string().contains("missing: table remediation_audit"), "{error}");

    let server = start(&database.url(), &[("schema.bootstrap", "true")]).await.unwrap();
    assert!(get(server.addr(), "/ready").await.starts_with("HTTP/1.1 200"));
}

/// F39: with vectors of another embedder in the database, the service does not start.
#[tokio::test(flavor = "multi_thread")]
async fn vectors_of_another_embedder_end_the_start() {
    let database = TestDatabase::create().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    connection
        .batch_execute(
            "INSERT INTO embedding_set (composition, model, dimension, state, slot) VALUES ('1', 'other', 384, 'active', 1); \
             INSERT INTO remediation_vector (slot, record_id, start_time, version, embedding_id, incident_key) \
             VALUES (1, 1, now(), now(), 1, decode(repeat('07', 16), 'hex'))",
        )
        .await
        .unwrap();
    let error = start(&database.server_url().unwrap(), &[]).await.err().unwrap();
    assert_eq!(error.exit_code(), 78);
    let told = crate::telemetry::chain(&error);
    assert!(told.contains("model other") && told.contains("hashing-1"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_ends_the_start_after_its_bound() {
    // Port 1 of loopback: nothing listens there.
    let away = start("postgres://u@127.0.0.1:1/d", &[("database.start_timeout", "300ms")]).await;
    let error = away.err().unwrap();
    assert_eq!(error.exit_code(), 69);
    assert!(matches!(error, StartError::DatabaseAway { .. }), "{error:?}");
}

/// BR-STORAGE-005: a connection that breaks in the middle of the start is made again.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_during_the_start_is_waited_for() {
    let database = TestDatabase::create().await.unwrap();
    let proxy = storage_testkit::FaultProxy::for_postgres(&database.server_url().unwrap()).await.unwrap();
    proxy.cut_after_request("embedding_set");
    let server = start(&proxy.url(&database.server_url().unwrap()), &[]).await.unwrap();
    proxy.wait_for_trigger().await.unwrap();
    server.stopper().cancel();
    server.run_until_stopped().await;
    database.close().await.unwrap();
}

fn qdrant(url: String) -> Option<Arc<dyn VectorIndex>> {
    Some(Arc::new(QdrantIndex::new(&QdrantSettings::new(url)).unwrap()))
}

/// What `/ready` says of Qdrant.
fn qdrant_in(ready: &str) -> String {
    let body = ready.rsplit("\r\n").find(|line| line.starts_with('{')).unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    body["dependencies"]["qdrant"]["state"].as_str().unwrap().to_owned()
}

/// BR-STORAGE-009: a collection that another database's points are in ends the start with a sentence.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_another_installation_ends_the_start() {
    let server = QdrantServer::start().unwrap();
    let (ours, theirs) = (TestDatabase::create().await.unwrap(), TestDatabase::create().await.unwrap());
    let index = || qdrant(server.url());
    let running = Server::start(Parts { index: index(), ..parts(&theirs.url(), &[]) }).await.unwrap();
    running.stopper().cancel();
    running.run_until_stopped().await;
    // Both databases come from one template, and with it from one installation.
    let mut connection = ours.connect().await.unwrap();
    connection.batch_execute("UPDATE installation SET id = gen_random_uuid()").await.unwrap();

    let error = Server::start(Parts { index: index(), ..parts(&ours.url(), &[]) }).await.err().unwrap();
    assert_eq!(error.exit_code(), 78);
    let told = error.to_string();
    assert!(told.contains("belongs to the installation") && told.contains("reconcile --rebuild"), "{told}");
}

/// BR-STORAGE-006: an index that is away at the start is no reason not to start; `/ready` tells it by name.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_away_does_not_end_the_start() {
    let database = TestDatabase::create().await.unwrap();
    let server = QdrantServer::start().unwrap();
    server.stop();
    let running =
        Server::start(Parts { index: qdrant(server.url()), ..parts(&database.server_url().unwrap(), &[]) })
            .await
            .unwrap();
    let ready = get(running.addr(), "/ready").await;
    assert!(ready.starts_with("HTTP/1.1 200") && ready.contains("\"status\":\"degraded\""), "{ready}");
    assert_eq!(qdrant_in(&ready), "down");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_not_configured_is_told_as_such() {
    let database = TestDatabase::create().await.unwrap();
    let server = start(&database.server_url().unwrap(), &[]).await.unwrap();
    let ready = get(server.addr(), "/ready").await;
    assert!(ready.contains("\"status\":\"ready\""), "{ready}");
    assert_eq!(qdrant_in(&ready), "not configured");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_ends_the_start_and_leaves_no_session() {
    let database = TestDatabase::create().await.unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let error = start(&database.server_url().unwrap(), &[("server.addr", &addr)]).await.err().unwrap();
    assert!(crate::telemetry::chain(&error).contains("Address already in use"), "{error}");
    database.close().await.unwrap();
}
