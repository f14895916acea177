//! What a client may ask for beyond the commit: to wait for the index, or both stores or neither.

use std::time::Duration;

use serde_json::{Value, json};
use storage_testkit::{GrpcCode, QdrantFault, QdrantOperation, QdrantServer, TestQdrant};

use crate::support::{Answer, Service, WITH_VECTOR, eventually, on_qdrant, options, points, remediation};

const RECORDS: &str = "SELECT count(*) AS n FROM remediation_audit";
/// Transactions of others.
const OPEN_TRANSACTIONS: &str = "SELECT count(*) AS n FROM pg_stat_activity \
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL";

/// A service with an outside index.
async fn with_index(url: &str, collection: &str) -> Service {
    Service::with(on_qdrant(options(), url, collection)).await
}

async fn post(service: &Service, path: &str, prefer: Option<&str>, body: &Value) -> Answer {
    let url = format!("{}/api/v1/audit/{path}", service.process.url());
    let mut request = service.client.post(url).json(body);
    if let Some(prefer) = prefer {
        request = request.header("Prefer", prefer);
    }
    Answer::of(request.send().await.unwrap()).await
}

/// BR-STORAGE-002: a client that waits is told `synced` once every store holds its records: one, a batch, a change.
#[tokio::test]
async fn a_wait_is_answered_when_the_stores_hold_the_records() {
    let qdrant = TestQdrant::create().unwrap();
    let service = with_index(qdrant.url(), qdrant.collection()).await;
    let answer = post(&service, "remediation", Some("wait=10"), &remediation("a")).await.expect(201);
    assert_eq!(
        (&answer.json()["vector_sync"], answer.header("Preference-Applied")),
        (&json!("synced"), "wait=10")
    );
    assert_eq!(points(qdrant.url(), qdrant.collection()).await, 1);

    let batch: Value = (0..100).map(|n| remediation(&format!("n{n}"))).collect();
    let stored = post(&service, "remediation/batch", Some("wait=10"), &batch).await.expect(201);
    assert_eq!(
        (&stored.json()["vector_sync"], points(qdrant.url(), qdrant.collection()).await),
        (&json!("synced"), 101)
    );

    let url = format!("{}/api/v1/audit/remediation/{}", service.process.url(), answer.json()["id"]);
    let change =
        service.client.patch(url).header("If-Match", answer.header("ETag")).header("Prefer", "wait=10");
    let changed = change.json(&json!({ "status": "failed", "phase": "failed" })).send().await.unwrap();
    let changed = Answer::of(changed).await.expect(200);
    assert_eq!(
        (&changed.json()["vector_sync"], changed.header("Preference-Applied")),
        (&json!("synced"), "wait=10")
    );
    qdrant.close().await.unwrap();
}

/// F10, BR-STORAGE-004: the answer to a request that waited is repeated byte for byte, whatever became known after the commit.
#[tokio::test]
async fn a_waited_answer_is_repeated_byte_for_byte() {
    let service = Service::start().await;
    let batch = json!([remediation("b"), remediation("c")]);
    for (path, body) in [("remediation", remediation("a")), ("remediation/batch", batch)] {
        let send = async || {
            let url = format!("{}/api/v1/audit/{path}", service.process.url());
            let request = service.client.post(url).header("Prefer", "wait=10").header("Idempotency-Key", "k");
            Answer::of(request.json(&body).send().await.unwrap()).await.expect(201)
        };
        let (first, again) = (send().await, send().await);
        assert_eq!(first.json()["vector_sync"], "synced", "{path}");
        assert_eq!((&first.text, again.header("Idempotent-Replayed")), (&again.text, "true"), "{path}");
    }
    assert_eq!(service.count(RECORDS).await, 3);
}

/// A wait that is not met is still a 201, and no connection is held by those who wait.
#[tokio::test]
async fn a_wait_that_is_not_met_is_pending() {
    let server = QdrantServer::start().unwrap();
    let service = with_index(&server.url(), "audit").await;
    server.set_all(QdrantFault::Fail(GrpcCode::Unavailable));
    let waiting = (0..50).map(|n| {
        let (service, body) = (&service, remediation(&format!("n{n}")));
        async move { post(service, "remediation", Some("wait=3"), &body).await.expect(201) }
    });
    let answered = std::cell::Cell::new(false);
    let answers = async {
        let answers = futures_util::future::join_all(waiting).await;
        answered.set(true);
        answers
    };
    let watch = async {
        eventually("all are stored", async || service.count(RECORDS).await == 50).await;
        eventually("no transaction is open", async || service.count(OPEN_TRANSACTIONS).await == 0).await;
        assert!(!answered.get(), "seen while all of them wait");
    };
    let (answers, ()) = tokio::join!(answers, watch);
    for answer in answers {
        assert_eq!(
            (&answer.json()["vector_sync"], answer.header("Preference-Applied")),
            (&json!("pending"), "wait=3")
        );
    }
    let answer = post(&service, "remediation", None, &remediation("b")).await.expect(201);
    assert!(answer.headers.get("Preference-Applied").is_none());
    // A longer wait than the request may take is cut to what is left of it.
    server.clear_all();
    let answer = post(&service, "remediation", Some("wait=1000"), &remediation("c")).await.expect(201);
    let granted: u64 = answer.header("Preference-Applied").strip_prefix("wait=").unwrap().parse().unwrap();
    assert!(granted <= 15, "{granted}");
}

/// F16: a stop answers those who wait at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_answers_those_who_wait() {
    let server = QdrantServer::start().unwrap();
    let service = with_index(&server.url(), "audit").await;
    server.set_all(QdrantFault::Fail(GrpcCode::Unavailable));
    let body = remediation("a");
    let waiting = post(&service, "remediation", Some("wait=14"), &body);
    let stop = async {
        eventually("it is stored", async || service.count(RECORDS).await == 1).await;
        service.process.process().unwrap().terminate().unwrap();
    };
    let began = std::time::Instant::now();
    let (answer, ()) = tokio::join!(waiting, stop);
    assert_eq!(answer.expect(201).json()["vector_sync"], "pending");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

/// BR-STORAGE-002, F05: strict is synced at once, or stored in neither store, with Retry-After.
#[tokio::test]
async fn strict_is_both_or_neither() {
    let server = QdrantServer::start().unwrap();
    let service = with_index(&server.url(), "audit").await;
    let strict = "remediation?consistency=strict";
    let answer = post(&service, strict, None, &remediation("a")).await.expect(201);
    assert_eq!(answer.json()["vector_sync"], "synced");

    server.next(QdrantOperation::Upsert, 1, QdrantFault::ApplyThenFail(GrpcCode::Internal));
    service.embedded().await;
    let refused = loop {
        // The projector may meet the fault first; then this one is stored.
        let answer = post(&service, strict, None, &remediation("b")).await;
        if answer.status == 503 {
            break answer;
        }
        server.next(QdrantOperation::Upsert, 1, QdrantFault::ApplyThenFail(GrpcCode::Internal));
    };
    assert_eq!(
        (refused.header("Retry-After"), &refused.json()["type"]),
        ("2", &json!("/problems/index-unavailable"))
    );
    service.embedded().await;
    let points = points(&server.url(), "audit").await;
    assert_eq!(i64::try_from(points).unwrap(), service.count(RECORDS).await);
}

/// Without an outside index PostgreSQL is the index: strict stores the vector there.
#[tokio::test]
async fn strict_without_an_index_fills_the_column() {
    let service = Service::start().await;
    let answer = post(&service, "remediation?consistency=strict", None, &remediation("a")).await.expect(201);
    assert_eq!(answer.json()["vector_sync"], "synced");
    assert_eq!(service.count(WITH_VECTOR).await, 1);
    let parent = &answer.json()["id"];
    let execution =
        json!({ "remediation_id": parent, "action_type": "a", "target_kind": "k", "target_name": "n" });
    let answer = post(&service, "execution?consistency=strict", None, &execution).await.expect(201);
    assert_eq!(answer.json()["vector_sync"], "not_indexed");
}

/// F19: a consistency that does not exist, or not here, is refused by name.
#[tokio::test]
async fn an_unknown_consistency_is_refused_by_name() {
    let service = Service::start().await;
    for (path, body) in [
        ("remediation?consistency=eventual", remediation("a")),
        ("remediation?consistency=", remediation("a")),
        ("remediation?consistency=strict&consistency=strict", remediation("a")),
        ("remediation/batch?consistency=strict", json!([remediation("a")])),
    ] {
        let answer = post(&service, path, None, &body).await.expect(400);
        assert_eq!(answer.json()["errors"][0]["parameter"], "consistency", "{path}");
    }
    let url = format!("{}/api/v1/audit/remediation/1?consistency=strict", service.process.url());
    let change = service.client.patch(url).header("If-Match", "\"1\"").json(&json!({ "status": "failed" }));
    let answer = Answer::of(change.send().await.unwrap()).await.expect(400);
    assert_eq!(answer.json()["errors"][0]["parameter"], "consistency");
    post(&service, "remediation?consistency=deferred", None, &remediation("a")).await.expect(201);
    assert_eq!(service.count(RECORDS).await, 1);
}
