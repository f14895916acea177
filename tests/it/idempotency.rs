//! Requests repeated with their Idempotency-Key.

use std::time::Duration;

use serde_json::{Value, json};
use storage_testkit::ServiceProcess;

use crate::support::{Answer, Service, client, eventually, options, remediation};

const RECORDS: &str = "SELECT count(*) AS n FROM remediation_audit";

/// A request with a key, to any replica.
pub(crate) async fn keyed(
    process: &ServiceProcess,
    path: &str,
    key: &str,
    body: &str,
) -> Result<Answer, reqwest::Error> {
    let request = client()
        .post(format!("{}{path}", process.url()))
        .header("Content-Type", "application/json")
        .header("Idempotency-Key", key)
        .body(body.to_owned());
    Ok(Answer::of(request.send().await?).await)
}

const PATH: &str = "/api/v1/audit/remediation";

async fn post(service: &Service, key: &str, body: &str) -> Answer {
    keyed(&service.process, PATH, key, body).await.unwrap()
}

fn is_replayed(answer: &Answer) -> bool {
    answer.headers.get("Idempotent-Replayed").is_some_and(|value| value == "true")
}

/// The same answer: status, body byte for byte, and the headers about the record.
fn assert_same(first: &Answer, again: &Answer) {
    assert!(!is_replayed(first) && is_replayed(again), "{again:?}");
    assert_eq!((first.status, &first.text), (again.status, &again.text));
    for header in ["Location", "ETag", "Content-Type"] {
        assert_eq!(first.headers.get(header), again.headers.get(header), "{header}");
    }
}

/// F10, BR-STORAGE-004: a repeated request is answered byte for byte as the first, by any replica and after a restart,
/// and stores nothing.
#[tokio::test]
async fn a_repeated_request_is_answered_byte_for_byte() {
    let mut service = Service::start().await;
    let replica = ServiceProcess::start(&service.database.server_url().unwrap(), options()).await.unwrap();
    let mut body = remediation("  padded  ");
    body["metadata"] = json!({ "b": 1, "a": [1.0, "x"] });
    let first = post(&service, "k", &body.to_string()).await.expect(201);
    assert_same(&first, &post(&service, "k", &body.to_string()).await);
    // Another spelling of the same JSON is the same request.
    let text = r#" {"action_type":"restart-pod", "phase":"processing","metadata":{"a":[1, "x"],"b":1.0},
        "namespace":"default","name":"\u0020 padded  "}"#;
    assert_same(&first, &keyed(&replica, PATH, "k", text).await.unwrap());
    service.process =
        ServiceProcess::start(&service.database.server_url().unwrap(), options()).await.unwrap();
    assert_same(&first, &post(&service, "k", &body.to_string()).await);
    assert_eq!(service.count(RECORDS).await, 1);
}

/// F11: another body under the same key is refused, also when it is invalid; the same key on another route is another.
#[tokio::test]
async fn another_body_under_the_same_key_is_refused() {
    let service = Service::start().await;
    let id = post(&service, "k", &remediation("a").to_string()).await.expect(201).json()["id"].clone();
    for body in [remediation("b"), json!({}), json!({ "name": 9_007_199_254_740_993_u64 })] {
        let answer = post(&service, "k", &body.to_string()).await.expect(422);
        assert_eq!(answer.json()["type"], "/problems/idempotency-key-reused");
    }
    assert_eq!(service.count(RECORDS).await, 1);
    let analysis = json!({ "remediation_id": id, "analysis_type": "t", "confidence": 1, "recommendation": "r",
                           "model": "m" });
    let path = "/api/v1/audit/aianalysis";
    keyed(&service.process, path, "k", &analysis.to_string()).await.unwrap().expect(201);
}

/// F11: integers that floating point cannot tell apart are different requests.
#[tokio::test]
async fn numbers_beyond_floating_point_tell_requests_apart() {
    let service = Service::start().await;
    let body = |number: u64| {
        let mut body = remediation("a");
        body["metadata"] = json!({ "n": number });
        body.to_string()
    };
    post(&service, "k", &body(9_007_199_254_740_992)).await.expect(201);
    post(&service, "k", &body(9_007_199_254_740_993)).await.expect(422);
}

/// A refused request leaves its key free: what is corrected may be sent with it.
#[tokio::test]
async fn a_refused_request_is_not_kept() {
    let service = Service::start().await;
    post(&service, "k", "{}").await.expect(400);
    let answer = post(&service, "k", &remediation("a").to_string()).await.expect(201);
    assert!(!is_replayed(&answer));
}

/// The answer is given again although the same request would by now be refused: its time lies outside the window, or
/// its key's record can no longer be made.
#[tokio::test]
async fn a_replay_does_not_depend_on_the_clock() {
    let service = Service::start().await;
    let mut body = remediation("a");
    let soon = chrono::Utc::now() - chrono::Months::new(120) + chrono::TimeDelta::seconds(2);
    body["start_time"] = json!(soon.to_rfc3339());
    let first = post(&service, "k", &body.to_string()).await.expect(201);
    eventually("the time is out of range", async || service.post("remediation", &body).await.status == 400)
        .await;
    assert_same(&first, &post(&service, "k", &body.to_string()).await);
    assert_eq!(post(&service, "k2", &body.to_string()).await.errors()[0].0, "/start_time");
}

#[tokio::test]
async fn a_malformed_key_is_refused() {
    let service = Service::start().await;
    for key in ["a b", "", &"x".repeat(256), "\u{e9}"] {
        let answer = post(&service, key, &remediation("a").to_string()).await.expect(400);
        assert!(answer.text.contains("Idempotency-Key"), "{}", answer.text);
    }
    post(&service, &"x".repeat(255), &remediation("a").to_string()).await.expect(201);
    assert_eq!(service.count(RECORDS).await, 1);
}

/// F10, F34: the service is killed while keyed writes run; a client without an answer repeats its request with the key until
/// it is answered, and every key has exactly one record.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_and_a_retry_with_the_key_store_each_record_once() {
    const REQUESTS: usize = 400;
    let service = Service::start().await;
    let replica = ServiceProcess::start(&service.database.server_url().unwrap(), options()).await.unwrap();
    let until_answered = async |n: usize| {
        let (key, body) = (format!("key-{n}"), remediation(&format!("name-{n}")).to_string());
        let mut process = &service.process;
        loop {
            match keyed(process, PATH, &key, &body).await {
                Ok(answer) if answer.status == 201 => return answer.json()["id"].as_i64().unwrap(),
                Ok(answer) => assert!([409, 503].contains(&answer.status.as_u16()), "{answer:?}"),
                Err(_) => {}
            }
            process = &replica;
        }
    };
    let kill = async {
        eventually("some are written", async || service.count(RECORDS).await > 40).await;
        service.process.process().unwrap().kill9().unwrap();
    };
    let all = futures_util::future::join_all((0..REQUESTS).map(until_answered));
    let (ids, ()) =
        tokio::time::timeout(Duration::from_secs(120), async { tokio::join!(all, kill) }).await.unwrap();
    let distinct: std::collections::HashSet<i64> = ids.iter().copied().collect();
    assert_eq!(distinct.len(), REQUESTS);
    assert_eq!(service.count(RECORDS).await, 400);
    assert_eq!(service.count("SELECT count(DISTINCT name) AS n FROM remediation_audit").await, 400);
}

/// F35: the same keys at once through two replicas: no deadlock reaches a client, and each key has one record.
#[tokio::test(flavor = "multi_thread")]
async fn replicas_share_their_keys() {
    let service = Service::start().await;
    let replica = ServiceProcess::start(&service.database.server_url().unwrap(), options()).await.unwrap();
    let send = async |process: &ServiceProcess, n: usize| -> Value {
        let (key, body) = (format!("key-{n}"), remediation(&format!("name-{n}")).to_string());
        loop {
            let answer = keyed(process, PATH, &key, &body).await.unwrap();
            if answer.status == 409 {
                assert_eq!(answer.header("Retry-After"), "1");
                continue;
            }
            return answer.expect(201).json();
        }
    };
    let forward = futures_util::future::join_all((0..100).map(|n| send(&service.process, n)));
    let backward = futures_util::future::join_all((0..100).rev().map(|n| send(&replica, n)));
    let (forward, mut backward) = tokio::join!(forward, backward);
    backward.reverse();
    assert_eq!(forward, backward);
    assert_eq!(service.count(RECORDS).await, 100);
}

/// Keys past their time are removed; then the same request is a new one.
#[tokio::test]
async fn keys_are_forgotten_after_their_time() {
    let short = options()
        .set("DATASTORAGE__IDEMPOTENCY__RETENTION", "1s")
        .set("DATASTORAGE__IDEMPOTENCY__SWEEP_INTERVAL", "50ms");
    let service = Service::with(short).await;
    let body = remediation("a").to_string();
    let first = post(&service, "k", &body).await.expect(201).json();
    eventually("the key is gone", async || {
        service.count("SELECT count(*) AS n FROM idempotency_key").await == 0
    })
    .await;
    assert_ne!(post(&service, "k", &body).await.expect(201).json()["id"], first["id"]);
}
