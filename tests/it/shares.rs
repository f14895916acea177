//! Callers that take all there is of something: the others are served all the same.

use std::collections::VecDeque;

use diesel_async::SimpleAsyncConnection as _;
use futures_util::future::join_all;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::{Answer, Service, WAITING_FOR_LOCKS, count, eventually, neighbour, options};

const LIST: &str = "/api/v1/audit/remediation";

/// Statements of reads that run.
const READING: &str = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() \
    AND application_name = 'datastorage read' AND state = 'active'";

/// Connections for reads, the one included that ends while the next one begins.
const CONNECTED: &str = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() \
    AND application_name = 'datastorage read'";

/// F53: a client that begins slow reads and hangs up, again and again, has no more of them running than there are
/// connections, and PostgreSQL has not many more connections than that.
#[tokio::test]
async fn reads_that_are_abandoned_stay_within_the_connections_for_reads() {
    const CONNECTIONS: i64 = 4;
    let options = options().set("DATASTORAGE__DATABASE__READ_CONNECTIONS", CONNECTIONS.to_string());
    let service = Service::with(options).await;
    let mut blocker = service.database.connect().await.unwrap();
    blocker.batch_execute("BEGIN; LOCK TABLE remediation_audit IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let mut watcher = service.database.connect().await.unwrap();
    let address = service.process.url().trim_start_matches("http://").to_owned();
    let (mut open, mut reading, mut connected) = (VecDeque::new(), 0, 0);
    for _ in 0..200 {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let head = format!("GET {LIST}?limit=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        open.push_back(stream);
        if open.len() > 20 {
            open.pop_front();
        }
        reading = reading.max(count(&mut watcher, READING).await);
        connected = connected.max(count(&mut watcher, CONNECTED).await);
    }
    assert!(reading <= CONNECTIONS, "{reading} reads ran at once");
    assert!(connected <= 2 * CONNECTIONS, "there were {connected} connections");
    drop(open);
    eventually("the reads are over", async || service.count(WAITING_FOR_LOCKS).await == 0).await;
    blocker.batch_execute("ROLLBACK").await.unwrap();
    service.get(&format!("{LIST}?limit=1")).await.expect(200);
}

/// F45: a caller who keeps all connections for reads busy does not keep out another, who is answered although many of
/// the first one's requests came before.
#[tokio::test]
async fn a_caller_who_takes_all_reads_does_not_keep_out_another() {
    let options = options()
        .set("DATASTORAGE__DATABASE__READ_CONNECTIONS", "4")
        .set("DATASTORAGE__DATABASE__ACQUIRE_TIMEOUT", "100ms")
        .set("DATASTORAGE__DATABASE__LOCK_TIMEOUT", "20s")
        .set("DATASTORAGE__DATABASE__STATEMENT_TIMEOUT", "20s")
        .set("DATASTORAGE__SERVER__REQUEST_TIMEOUT", "40s")
        .set("DATASTORAGE__WRITER__STEP_TIMEOUT", "60s")
        .set("DATASTORAGE__PROJECTOR__STEP_TIMEOUT", "60s")
        .set("DATASTORAGE__RECONCILE__GAP", "1h");
    let service = Service::with(options).await;
    let mut blocker = service.database.connect().await.unwrap();
    blocker.batch_execute("BEGIN; LOCK TABLE remediation_audit IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let url = format!("{}{LIST}?limit=1", service.process.url());
    let ask = async |client: &reqwest::Client| Answer::of(client.get(&url).send().await.unwrap()).await;
    let (client, neighbour) = (service.client.clone(), neighbour());
    let greedy = join_all((0..4).map(|_| ask(&client)));
    let others = async {
        eventually("all connections are in use", async || service.count(READING).await == 4).await;
        let mut other = Box::pin(ask(&neighbour));
        // The caller who has a share is refused in the meantime.
        let refused = tokio::select! {
            answer = &mut other => panic!("{answer:?}"),
            refused = join_all((0..20).map(|_| ask(&client))) => refused,
        };
        blocker.batch_execute("ROLLBACK").await.unwrap();
        (refused, other.await)
    };
    let (greedy, (refused, other)) = tokio::join!(greedy, others);
    other.expect(200);
    for answer in greedy {
        answer.expect(200);
    }
    for answer in refused {
        assert_eq!(answer.expect(503).json()["type"], "/problems/overloaded");
    }
}
