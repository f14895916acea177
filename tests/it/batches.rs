//! Storing many records at once.

use futures_util::future::join_all;
use serde_json::{Value, json};
use storage_testkit::{FaultProxy, TestDatabase};

use crate::support::{Answer, Service, WITHOUT_VECTOR, client, options, remediation};

const RECORDS: &str = "SELECT count(*) AS n FROM remediation_audit";
const OUTBOX: &str = "SELECT count(*) AS n FROM vector_outbox";
const PATH: &str = "/api/v1/audit/remediation/batch";

async fn send(service: &Service, path: &str, media_type: &str, key: Option<&str>, body: String) -> Answer {
    let url = format!("{}{path}", service.process.url());
    let mut request = client().post(url).header("Content-Type", media_type).body(body);
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    Answer::of(request.send().await.unwrap()).await
}

async fn post(service: &Service, body: &Value) -> Answer {
    send(service, PATH, "application/json", None, body.to_string()).await
}

fn named(names: impl IntoIterator<Item = String>) -> Value {
    names.into_iter().map(|name| remediation(&name)).collect()
}

/// The names of the records with these ids, in the order of the ids.
async fn names(service: &Service, ids: &Value) -> Vec<String> {
    let mut names = Vec::new();
    for id in ids.as_array().unwrap() {
        let record = service.get(&format!("/api/v1/audit/remediation/{id}")).await.expect(200).json();
        names.push(record["name"].as_str().unwrap().to_owned());
    }
    names
}

/// BR-STORAGE-001, F38: an array and lines alike are stored, and each id is that of the record in its place.
#[tokio::test]
async fn ids_come_in_the_order_of_the_records() {
    let service = Service::start().await;
    let stored =
        post(&service, &named(["a".to_owned(), " b< ".to_owned(), "c".to_owned()])).await.expect(201).json();
    assert_eq!((&stored["count"], &stored["sanitized_fields"]), (&json!(3), &json!(["/1/name"])));
    assert_eq!(stored["vector_sync"], "pending");
    assert_eq!(names(&service, &stored["ids"]).await, ["a", "b", "c"]);

    let lines = format!("{}\n\n{}\r\n", remediation("d"), remediation("e"));
    let stored = send(&service, PATH, "application/x-ndjson", None, lines).await.expect(201).json();
    assert_eq!(names(&service, &stored["ids"]).await, ["d", "e"]);
    service.embedded().await;
    assert_eq!(service.count(WITHOUT_VECTOR).await, 0);
}

#[tokio::test]
async fn every_type_has_batches() {
    let service = Service::start().await;
    let id = service.remediation("parent").await;
    let analysis = json!({ "remediation_id": id, "analysis_type": "t", "confidence": 1, "recommendation": "r",
                           "model": "m" });
    let workflow =
        json!({ "remediation_id": id, "workflow_name": "w", "phase": "planning", "step_count": 1 });
    let execution =
        json!({ "remediation_id": id, "action_type": "a", "target_kind": "k", "target_name": "n" });
    for (kind, record) in [("aianalysis", analysis), ("workflow", workflow), ("execution", execution)] {
        let stored =
            service.post(&format!("{kind}/batch"), &json!(vec![record; 1_000])).await.expect(201).json();
        assert_eq!(
            (&stored["count"], &stored["vector_sync"]),
            (&json!(1_000), &json!("not_indexed")),
            "{kind}"
        );
        let total =
            service.get(&format!("/api/v1/audit/{kind}?limit=1")).await.json()["pagination"]["total"].clone();
        assert_eq!(total, 1_000, "{kind}");
    }
}

/// F07, BR-STORAGE-010: one bad record, and nothing of the batch is stored; its place and field are named.
#[tokio::test]
async fn one_bad_record_stores_nothing_and_is_named() {
    let service = Service::start().await;
    let mut records = named((0..100).map(|n| format!("n{n}")));
    records[17]["phase"] = json!("done");
    records[42]["nmae"] = json!("x");
    let answer = post(&service, &records).await.expect(400);
    let expected = [("/17/phase", "invalid_value"), ("/42/nmae", "unknown_field")];
    assert_eq!(answer.errors(), expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())));
    assert_eq!(
        answer.json()["errors"][0]["message"],
        "invalid phase: done (allowed: pending, processing, completed, failed)"
    );

    let analysis = |id: i64| json!({ "remediation_id": id, "analysis_type": "t", "confidence": 1, "recommendation": "r", "model": "m" });
    let id = service.remediation("parent").await;
    let orphans = json!([analysis(id), analysis(id + 1), analysis(id), analysis(id + 2)]);
    let answer = service.post("aianalysis/batch", &orphans).await.expect(400);
    let places = ["/1/remediation_id", "/3/remediation_id"];
    assert_eq!(answer.errors(), places.map(|place| (place.to_owned(), "remediation_not_found".to_owned())));
    assert_eq!(service.count("SELECT count(*) AS n FROM ai_analysis_audit").await, 0);
    assert_eq!(service.count(RECORDS).await, 1);
}

#[tokio::test]
async fn what_is_no_batch_is_refused() {
    let service = Service::start().await;
    for (body, code) in [(json!([]), "batch_size"), (json!({}), "wrong_type")] {
        assert_eq!(post(&service, &body).await.expect(400).errors(), [(String::new(), code.to_owned())]);
    }
    let too_many = named((0..1_001).map(|n| format!("n{n}")));
    assert_eq!(post(&service, &too_many).await.expect(400).errors()[0].1, "batch_size");
    let answer = send(&service, PATH, "application/x-ndjson", None, "{}\n{".to_owned()).await.expect(400);
    assert!(answer.json()["detail"].as_str().unwrap().contains("line 2"), "{answer:?}");
    send(&service, PATH, "text/csv", None, String::new()).await.expect(415);
    send(&service, PATH, "application/json", None, "x".repeat((16 << 20) + 1)).await.expect(413);
    let answer = service.get(PATH).await.expect(405);
    assert_eq!(answer.header("Allow"), "POST");
    assert_eq!(service.count(RECORDS).await, 0);
}

/// F10, F11, BR-STORAGE-004: a repeated batch is answered byte for byte and stored once; another under its key is refused.
#[tokio::test]
async fn a_repeated_batch_is_stored_once() {
    let service = Service::start().await;
    let body = named(["a".to_owned(), "b".to_owned()]);
    let keyed =
        async |body: &Value| send(&service, PATH, "application/json", Some("k"), body.to_string()).await;
    let first = keyed(&body).await.expect(201);
    let again = keyed(&body).await.expect(201);
    assert_eq!((&first.text, again.header("Idempotent-Replayed")), (&again.text, "true"));
    let lines = format!("{}\n{}", body[0], body[1]);
    let as_lines = send(&service, PATH, "application/x-ndjson", Some("k"), lines).await.expect(201);
    assert_eq!(as_lines.text, first.text);
    keyed(&named(["a".to_owned()])).await.expect(422);
    assert_eq!(service.count(RECORDS).await, 2);
    // The key of a batch is not that of a record.
    let one =
        send(&service, "/api/v1/audit/remediation", "application/json", Some("k"), body[0].to_string()).await;
    one.expect(201);
}

/// F34, F10: the answer to a batch's COMMIT is lost: it is stored once, and the client learns its ids.
#[tokio::test]
async fn a_batch_whose_commit_answer_is_lost_is_stored_once() {
    let database = TestDatabase::create().await.unwrap();
    let proxy = FaultProxy::for_postgres(&database.server_url().unwrap()).await.unwrap();
    let url = proxy.url(&database.server_url().unwrap());
    let service = Service::reaching(database, &url).await;
    // The lane's first batch opens its connection and prepares its statements.
    post(&service, &named(["warm".to_owned()])).await.expect(201);
    service.embedded().await;
    proxy.cut_before_answer("COMMIT");
    let stored = post(&service, &named((0..50).map(|n| format!("n{n}")))).await.expect(201).json();
    proxy.wait_for_trigger().await.unwrap();
    assert_eq!(stored["count"], 50);
    assert_eq!(service.count(RECORDS).await, 51);
    service.embedded().await;
    assert_eq!(service.count("SELECT count(DISTINCT name) AS n FROM remediation_audit").await, 51);
}

/// F07, F14: a connection lost before COMMIT leaves nothing of a batch, and the batch is written again whole.
#[tokio::test]
async fn a_batch_cut_before_its_commit_is_written_again_whole() {
    let database = TestDatabase::create().await.unwrap();
    let proxy = FaultProxy::for_postgres(&database.server_url().unwrap()).await.unwrap();
    let url = proxy.url(&database.server_url().unwrap());
    let service = Service::reaching(database, &url).await;
    proxy.cut_after_request("cut-here-7");
    let stored = post(&service, &named((0..20).map(|n| format!("cut-here-{n}")))).await.expect(201).json();
    proxy.wait_for_trigger().await.unwrap();
    assert_eq!((&stored["count"], service.count(RECORDS).await), (&json!(20), 20));
    service.embedded().await;
    assert_eq!(service.count(OUTBOX).await, 0);
}

/// F13, BR-STORAGE-015: overlapping batches of children with the same parents in opposite orders, beside single writes:
/// no deadlock, nothing lost, nothing doubled.
#[tokio::test(flavor = "multi_thread")]
async fn overlapping_batches_do_not_deadlock() {
    let service = Service::start().await;
    let parents: Vec<i64> = {
        let stored = post(&service, &named((0..50).map(|n| format!("p{n}")))).await.expect(201).json();
        stored["ids"].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect()
    };
    let execution = |parent: &i64| json!({ "remediation_id": parent, "action_type": "a", "target_kind": "Pod", "target_name": "t" });
    let forward: Value = parents.iter().map(execution).collect();
    let backward: Value = parents.iter().rev().map(execution).collect();
    let batches = join_all((0..40).map(|n| {
        let body = if n % 2 == 0 { &forward } else { &backward };
        let service = &service;
        async move { service.post("execution/batch", body).await.expect(201) }
    }));
    let singles = join_all((0..200).map(|n| {
        let (service, body) = (&service, execution(&parents[n % parents.len()]));
        async move { service.post("execution", &body).await.expect(201) }
    }));
    tokio::join!(batches, singles);
    assert_eq!(service.count("SELECT count(*) AS n FROM execution_audit").await, 40 * 50 + 200);
    let deadlocks = "SELECT deadlocks AS n FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(service.count(deadlocks).await, 0);
}

/// F42, F68: the texts of a batch take twice its body at most; escaped they may be five times as long.
#[tokio::test]
async fn a_batch_that_grows_beyond_twice_its_body_is_refused() {
    let options = options()
        .set("DATASTORAGE__SERVER__BODY_LIMIT", "128KiB")
        .set("DATASTORAGE__SERVER__BATCH_BODY_LIMIT", "256KiB");
    let service = Service::with(options).await;
    let mut record = remediation("a");
    record["error_message"] = json!(format!("<script>{}", "&".repeat(60_000)));
    let refused = post(&service, &json!([&record, &record])).await.expect(400);
    assert_eq!(refused.errors(), [(String::new(), "too_large".to_owned())]);
    assert!(refused.text.contains("the batch has more than 524288 bytes when stored"), "{refused:?}");
    post(&service, &json!([&record])).await.expect(201);
    assert_eq!(service.count("SELECT count(*) AS n FROM remediation_audit").await, 1);
}
