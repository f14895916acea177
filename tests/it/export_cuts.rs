//! Exports that do not reach their end: their clients know, and nothing of them stays behind.

use std::time::{Duration, Instant};

use diesel_async::SimpleAsyncConnection as _;
use reqwest::Response;
use storage_testkit::ServiceOptions;

use crate::support::{Answer, Service, WAITING_FOR_LOCKS, eventually, neighbour, options, remediation};

const EXPORT: &str = "/api/v1/audit/remediation/export";

/// Connections of exports that are doing something.
const EXPORTING: &str = "SELECT count(*) AS n FROM pg_stat_activity \
    WHERE datname = current_database() AND application_name = 'datastorage export'";

/// 50 MB of records: several times the buffers between the service and a client that does not read.
const LARGE: &str = "
    SELECT ensure_audit_partition('remediation_audit', '2026-01-01');
    INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time, error_message)
    SELECT 'r-' || n, 'ns', 'failed', 'restart-pod', '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 s',
        repeat('x', 10000)
    FROM generate_series(1, 5000) AS n";

async fn large(options: ServiceOptions) -> Service {
    let service = Service::with(options).await;
    service.database.connect().await.unwrap().batch_execute(LARGE).await.unwrap();
    service
}

impl Service {
    /// Begins an export that its client does not read on, once its first bytes are there.
    async fn begun(&self, parameters: &str) -> Response {
        let url = format!("{}{EXPORT}?{parameters}", self.process.url());
        let request = self.client.get(url).header("Accept-Encoding", "identity");
        let mut response = request.send().await.unwrap().error_for_status().unwrap();
        assert!(response.chunk().await.unwrap().is_some());
        response
    }

    async fn execute(&self, sql: &str) {
        self.database.connect().await.unwrap().batch_execute(sql).await.unwrap();
    }

    /// Waits until so many exports have ended so.
    async fn ended(&self, outcome: &str, count: u32) {
        let line = format!(
            "datastorage_exports_total{{type=\"remediation\",format=\"ndjson\",outcome=\"{outcome}\"}} {count}"
        );
        let url = format!("{}/metrics", self.process.admin_url());
        eventually(&line, async || {
            let text = Answer::of(self.client.get(&url).send().await.unwrap()).await.text;
            text.lines().any(|found| found == line)
        })
        .await;
    }
}

/// Whether a body comes to its proper end.
async fn ends_well(mut response: Response) -> bool {
    loop {
        match response.chunk().await {
            Ok(Some(_)) => (),
            Ok(None) => return true,
            Err(_cut) => return false,
        }
    }
}

/// F18: what the database cuts in the middle, the client sees cut: a part never passes for the whole.
#[tokio::test]
async fn an_export_that_fails_midway_is_cut_where_its_client_sees_it() {
    let service = large(options()).await;
    assert!(ends_well(service.begun("").await).await);
    for round in 1..=2 {
        let response = service.begun("").await;
        service
            .execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
                 WHERE datname = current_database() AND application_name = 'datastorage export'",
            )
            .await;
        assert!(!ends_well(response).await);
        service.ended("failed", round).await;
    }
    // What was lost is replaced.
    assert!(ends_well(service.begun("namespace=ns").await).await);
}

/// F04: a client that goes away ends its statement, and its connection is the next one's.
#[tokio::test]
async fn a_client_that_goes_away_ends_its_export_on_the_server() {
    // Nothing but the cancelling may end the statement that waits.
    let options = options()
        .set("DATASTORAGE__EXPORT__CONNECTIONS", "1")
        .set("DATASTORAGE__DATABASE__LOCK_TIMEOUT", "10m")
        .set("DATASTORAGE__DATABASE__STATEMENT_TIMEOUT", "10m")
        .set("DATASTORAGE__SERVER__REQUEST_TIMEOUT", "11m")
        .set("DATASTORAGE__WRITER__STEP_TIMEOUT", "11m")
        .set("DATASTORAGE__PROJECTOR__STEP_TIMEOUT", "11m")
        .set("DATASTORAGE__RECONCILE__GAP", "2h");
    let service = large(options).await;
    let mut response = service.begun("").await;
    let mut blocker = service.database.connect().await.unwrap();
    blocker.batch_execute("BEGIN; LOCK TABLE remediation_audit IN ACCESS EXCLUSIVE MODE").await.unwrap();
    tokio::select! {
        biased;
        () = eventually("the next chunk waits for the lock", async || {
            service.count(WAITING_FOR_LOCKS).await == 1
        }) => (),
        () = async { while let Ok(Some(_)) = response.chunk().await {} } => panic!("it ended"),
    }
    drop(response);
    eventually("its statement is gone", async || service.count(WAITING_FOR_LOCKS).await == 0).await;
    service.ended("client_gone", 1).await;
    blocker.batch_execute("ROLLBACK").await.unwrap();
    assert!(ends_well(service.begun("").await).await, "there is one connection for exports, and it is free");
    assert_eq!(service.count(EXPORTING).await, 1);
}

/// Slow readers hold their own connections and no other reader's; one export more is refused and told when to come back.
#[tokio::test]
async fn slow_readers_of_exports_hold_up_no_other_caller() {
    let options = options()
        .set("DATASTORAGE__EXPORT__CONNECTIONS", "2")
        .set("DATASTORAGE__DATABASE__READ_CONNECTIONS", "1");
    let service = large(options).await;
    let slow = [service.begun("").await, service.begun("format=csv").await];
    let started = Instant::now();
    for _ in 0..20 {
        service.get("/api/v1/audit/remediation?limit=1").await.expect(200);
        service.post("remediation", &remediation("beside")).await.expect(201);
    }
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    let refused = service.get(EXPORT).await.expect(503);
    assert_eq!(refused.json()["type"], "/problems/overloaded");
    assert!(refused.header("Retry-After").parse::<u32>().unwrap() >= 1);
    for response in slow {
        assert!(ends_well(response).await);
    }
    service.get(&format!("{EXPORT}?name=beside")).await.expect(200);
}

/// F45: a caller who holds all places for exports loses the newest to another who has none, and sees it cut; a caller who
/// has a share takes none from others.
#[tokio::test]
async fn a_caller_who_takes_all_exports_does_not_keep_out_another() {
    let service = large(options().set("DATASTORAGE__EXPORT__CONNECTIONS", "2")).await;
    let (older, newer) = (service.begun("").await, service.begun("").await);
    let url = format!("{}{EXPORT}", service.process.url());
    let neighbour = neighbour();
    let other = neighbour.get(&url).header("Accept-Encoding", "identity").send().await.unwrap();
    let other = other.error_for_status().unwrap();
    service.ended("recalled", 1).await;
    assert!(!ends_well(newer).await);
    let refused = Answer::of(neighbour.get(&url).send().await.unwrap()).await.expect(503);
    assert_eq!(refused.json()["type"], "/problems/overloaded");
    assert!(ends_well(older).await && ends_well(other).await);
}

/// What takes too long is cut, by a slow client or as a whole; and a stop waits for neither.
#[tokio::test]
async fn an_export_without_end_is_ended() {
    let stall = options().set("DATASTORAGE__EXPORT__STALL_TIMEOUT", "200ms");
    let service = large(stall).await;
    let response = service.begun("").await;
    service.ended("stalled", 1).await;
    assert!(!ends_well(response).await);

    let limit = options().set("DATASTORAGE__EXPORT__TIMEOUT", "300ms");
    let service = large(limit).await;
    let response = service.begun("").await;
    service.ended("deadline", 1).await;
    assert!(!ends_well(response).await);
}

#[tokio::test]
async fn a_stop_cuts_what_is_under_way() {
    let mut service = large(options()).await;
    let response = service.begun("").await;
    service.process.terminate().unwrap();
    let started = Instant::now();
    assert!(service.process.wait_exit(Duration::from_secs(20)).await.unwrap().success());
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert!(!ends_well(response).await);
}
