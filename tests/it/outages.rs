//! PostgreSQL goes away; the service is killed; clients go away.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;
use storage_testkit::{Fault, FaultProxy, ServiceProcess, TestDatabase};

use crate::support::{
    Answer, Service, WAITING_FOR_LOCKS, WITHOUT_VECTOR, client, eventually, options, remediation,
};

/// BR-STORAGE-006, BR-STORAGE-017, F18: PostgreSQL away is a 503 at once, without a word of its internals; readiness
/// says so; and everything works again when it is back, without a restart.
#[tokio::test]
async fn an_outage_of_postgresql_is_said_at_once_and_ends_by_itself() {
    let database = TestDatabase::create().await.unwrap();
    let proxy = FaultProxy::for_postgres(&database.server_url().unwrap()).await.unwrap();
    let url = proxy.url(&database.server_url().unwrap());
    let service = Service::reaching(database, &url).await;
    service.remediation("before").await;

    proxy.set(Fault::Refuse);
    proxy.cut_all();
    for path in ["/api/v1/audit/remediation", "/api/v1/audit/remediation/1"] {
        let started = Instant::now();
        let answer = service.get(path).await.expect(503);
        assert!(started.elapsed() < Duration::from_secs(5), "{path}: {:?}", started.elapsed());
        is_free_of_internals(&answer.text);
    }
    let started = Instant::now();
    let answer = service.post("remediation", &remediation("away")).await.expect(503);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(answer.header("Retry-After").parse::<u32>().unwrap() >= 1);
    assert_eq!(answer.header("Content-Type"), "application/problem+json");
    is_free_of_internals(&answer.text);
    service.get("/ready").await.expect(503);
    service.get("/health").await.expect(200);

    proxy.set(Fault::Pass);
    eventually("ready again", async || service.get("/ready").await.status == 200).await;
    eventually("writable again", async || {
        service.post("remediation", &remediation("after")).await.status == 201
    })
    .await;
    service.get("/api/v1/audit/remediation").await.expect(200);
    service.embedded().await;
}

/// BR-STORAGE-006: an answer that never comes stops neither the counters nor the sweep of keys: they ask again.
#[tokio::test(flavor = "multi_thread")]
async fn a_silence_of_postgresql_stops_nothing_in_the_background() {
    let database = TestDatabase::create().await.unwrap();
    let proxy = FaultProxy::for_postgres(&database.server_url().unwrap()).await.unwrap();
    let url = proxy.url(&database.server_url().unwrap());
    let impatient = options()
        .set("DATASTORAGE__DATABASE__LOCK_TIMEOUT", "800ms")
        .set("DATASTORAGE__DATABASE__STATEMENT_TIMEOUT", "1s")
        .set("DATASTORAGE__IDEMPOTENCY__SWEEP_INTERVAL", "1s");
    let process = ServiceProcess::start(&url, impatient).await.unwrap();
    let service = Service { process, client: client(), database };
    for (what, statement) in [
        ("counters are folded", "DELETE FROM remediation_count_delta"),
        ("keys are swept", "DELETE FROM idempotency_key"),
    ] {
        for _before_and_after in 0..2 {
            proxy.hang_before_answer(statement);
            proxy.wait_for_trigger().await.unwrap_or_else(|error| panic!("{what}: {error}"));
        }
    }
    service.get("/ready").await.expect(200);
}

fn is_free_of_internals(text: &str) {
    for word in ["postgres://", "tokio", "diesel", "os error", "127.0.0.1", "SELECT", "connection refused"] {
        assert!(!text.to_lowercase().contains(&word.to_lowercase()), "{word}: {text}");
    }
}

/// F14, BR-STORAGE-002, BR-STORAGE-005: whatever was acknowledged before a kill is there afterwards, once, and gets
/// its vector.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_during_writes_loses_nothing_that_was_acknowledged() {
    let mut service = Service::with(short_lease()).await;
    let acknowledged: Mutex<HashSet<i64>> = Mutex::default();
    let url = format!("{}/api/v1/audit/remediation", service.process.url());
    let client = async |client: usize| {
        for n in 0.. {
            let body = remediation(&format!("c{client}-{n}")).to_string();
            let request = service.client.post(&url).header("Content-Type", "application/json").body(body);
            let Ok(response) = request.send().await else { return };
            let Ok(record) = response.json::<Value>().await else { return };
            acknowledged.lock().unwrap().insert(record["id"].as_i64().unwrap());
        }
    };
    let identity = service.process.process().unwrap();
    let kill = async {
        eventually("enough is written", async || acknowledged.lock().unwrap().len() > 500).await;
        identity.kill9().unwrap();
    };
    tokio::join!(futures_util::future::join_all((0..16).map(client)), kill);

    service.process =
        ServiceProcess::start(&service.database.server_url().unwrap(), short_lease()).await.unwrap();
    let acknowledged = acknowledged.into_inner().unwrap();
    for id in &acknowledged {
        service.get(&format!("/api/v1/audit/remediation/{id}")).await.expect(200);
    }
    let total = service.count("SELECT count(*) AS n FROM remediation_audit").await;
    let distinct = service.count("SELECT count(DISTINCT name) AS n FROM remediation_audit").await;
    assert_eq!(total, distinct);
    // Those whose answer the kill cut off may be there as well: at most one a client.
    assert!(total >= i64::try_from(acknowledged.len()).unwrap());
    assert!(total <= i64::try_from(acknowledged.len()).unwrap() + 16);
    service.embedded().await;
    assert_eq!(service.count(WITHOUT_VECTOR).await, 0);
}

/// What a killed process had claimed is taken over after this long instead of half a minute.
fn short_lease() -> storage_testkit::ServiceOptions {
    options().set("DATASTORAGE__PROJECTOR__LEASE", "1s")
}

/// F34: the answer to COMMIT is lost between PostgreSQL and the service; the client is answered, the record is there
/// once.
#[tokio::test]
async fn a_lost_commit_answer_is_settled() {
    let database = TestDatabase::create().await.unwrap();
    let proxy = FaultProxy::for_postgres(&database.server_url().unwrap()).await.unwrap();
    let url = proxy.url(&database.server_url().unwrap());
    let service = Service::reaching(database, &url).await;
    service.remediation("warm").await;
    service.embedded().await;
    proxy.cut_before_answer("COMMIT");
    service.remediation("settled").await;
    assert_eq!(service.count("SELECT count(*) AS n FROM remediation_audit WHERE name = 'settled'").await, 1);
}

/// F04: a client that disconnects while its record is queued leaves no row, and the pool gets its connection back
/// from a client that disconnects while reading.
#[tokio::test]
async fn a_client_that_disconnects_leaves_no_row_and_holds_no_connection() {
    use diesel_async::SimpleAsyncConnection as _;
    let service = Service::with(options().set("DATASTORAGE__WRITER__WRITERS", "1")).await;
    service.remediation("warm").await;
    service.embedded().await;
    let mut blocker = service.database.connect().await.unwrap();
    blocker.batch_execute("BEGIN; LOCK TABLE remediation_audit IN ACCESS EXCLUSIVE MODE").await.unwrap();

    let impatient = reqwest::Client::builder().timeout(Duration::from_millis(300)).build().unwrap();
    let post = |name: &str| {
        let url = format!("{}/api/v1/audit/remediation", service.process.url());
        let body = remediation(name).to_string();
        impatient.post(url).header("Content-Type", "application/json").body(body).send()
    };
    let list = |_: usize| impatient.get(format!("{}/api/v1/audit/remediation", service.process.url())).send();
    let (begun, queued) = tokio::join!(post("begun"), async {
        eventually("a writer waits", async || service.count(WAITING_FOR_LOCKS).await > 0).await;
        post("queued").await
    });
    assert!(begun.is_err() && queued.is_err());
    let reads = futures_util::future::join_all((0..20).map(list)).await;
    assert!(reads.iter().all(Result::is_err));
    eventually("the readers' statements are gone", async || service.count(WAITING_FOR_LOCKS).await <= 1)
        .await;
    blocker.batch_execute("ROLLBACK").await.unwrap();

    service.remediation("after").await;
    service.get("/api/v1/audit/remediation").await.expect(200);
    let queued = "SELECT count(*) AS n FROM remediation_audit WHERE name = 'queued'";
    assert_eq!(service.count(queued).await, 0);
    assert!(service.count("SELECT count(*) AS n FROM remediation_audit WHERE name = 'begun'").await <= 1);
}

/// F04: so it is with a batch and with a change: the one that waits for its connection is never made, the one that has
/// begun is made as a whole or not at all.
#[tokio::test]
async fn a_batch_or_change_whose_client_is_gone_is_made_as_a_whole_or_not_at_all() {
    use diesel_async::SimpleAsyncConnection as _;
    let one_each = ["BATCH", "UPDATE"].map(|kind| format!("DATASTORAGE__WRITER__{kind}_CONNECTIONS"));
    let service =
        Service::with(one_each.iter().fold(options(), |options, name| options.set(name, "1"))).await;
    let (first, second) = (
        service.post("remediation", &remediation("first")).await.expect(201),
        service.post("remediation", &remediation("second")).await.expect(201),
    );
    service.embedded().await;
    let mut blocker = service.database.connect().await.unwrap();
    blocker.batch_execute("BEGIN; LOCK TABLE remediation_audit IN ACCESS EXCLUSIVE MODE").await.unwrap();

    let impatient = reqwest::Client::builder().timeout(Duration::from_millis(300)).build().unwrap();
    let url = |path: &str| format!("{}/api/v1/audit/remediation{path}", service.process.url());
    let batch = |name: &str| {
        let records: Vec<_> = (0..10).map(|_| remediation(name)).collect();
        impatient.post(url("/batch")).json(&records).send()
    };
    let change = |stored: &Answer| {
        let request = impatient.patch(url(&format!("/{}", stored.json()["id"])));
        let change = serde_json::json!({ "status": "failed", "phase": "failed" });
        request.header("If-Match", stored.header("ETag")).json(&change).send()
    };
    let waiting = async |number: i64| {
        eventually("they wait for the table", async || service.count(WAITING_FOR_LOCKS).await >= number)
            .await;
    };
    let (begun, changing, queued) = tokio::join!(batch("begun"), change(&first), async {
        waiting(2).await;
        tokio::join!(batch("queued"), change(&second))
    });
    assert!(begun.is_err() && changing.is_err() && queued.0.is_err() && queued.1.is_err());
    blocker.batch_execute("ROLLBACK").await.unwrap();

    let records = serde_json::json!([remediation("after")]);
    service.post("remediation/batch", &records).await.expect(201);
    let named = async |condition: &str| {
        let path = format!("/api/v1/audit/remediation?limit=1&{condition}");
        service.get(&path).await.expect(200).json()["pagination"]["total"].as_u64().unwrap()
    };
    assert_eq!((named("name=queued").await, named("name=after").await), (0, 1));
    assert!(matches!(named("name=begun").await, 0 | 10));
    assert_eq!(named("name=second&phase=processing").await, 1);
}
