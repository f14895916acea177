//! Changing records.

use futures_util::future::join_all;
use serde_json::{Value, json};
use storage_testkit::{FaultProxy, ServiceProcess, TestDatabase};

use crate::support::{Answer, Service, client, options, remediation};

const CHANGES: &str =
    "SELECT count(*) AS n FROM remediation_audit WHERE phase = 'completed' AND status = 'success'";

/// A change with these headers.
async fn patch(process: &ServiceProcess, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let mut request = client().patch(format!("{}/api/v1/audit/{path}", process.url())).body(body.to_string());
    if !headers.iter().any(|(name, _)| *name == "Content-Type") {
        request = request.header("Content-Type", "application/merge-patch+json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::of(request.send().await.unwrap()).await
}

/// A new remediation's path and tag.
async fn new(service: &Service, name: &str) -> (String, String) {
    let answer = service.post("remediation", &remediation(name)).await.expect(201);
    (format!("remediation/{}", answer.json()["id"]), answer.header("ETag").to_owned())
}

fn done() -> Value {
    json!({ "phase": "completed", "status": "success" })
}

/// BR-STORAGE-001: a change is answered with the record as it is then read, under a new version.
#[tokio::test]
async fn a_change_is_answered_with_the_record() {
    let service = Service::start().await;
    let mut sent = remediation("a");
    sent["start_time"] = json!("2026-01-02T03:04:05Z");
    sent["metadata"] = json!({ "keep": 1, "drop": 2 });
    let created = service.post("remediation", &sent).await.expect(201);
    let (path, tag) = (format!("remediation/{}", created.json()["id"]), created.header("ETag").to_owned());
    let body = json!({ "phase": "completed", "status": "success", "end_time": "2026-01-02T03:04:06.5Z",
                       "error_message": "<b onclick=x>fine</b>", "metadata": { "drop": null, "add": [null] } });
    let answer = patch(&service.process, &path, &[("If-Match", &tag)], &body).await.expect(200);
    assert_ne!(answer.header("ETag"), tag);
    assert!(answer.headers.get("Location").is_none());
    let mut changed = answer.json();
    assert_eq!(changed["metadata"], json!({ "keep": 1, "add": [null] }));
    assert_eq!((&changed["duration_ms"], &changed["vector_sync"]), (&json!(1500), &json!("pending")));
    assert_eq!(changed["sanitized_fields"], json!(["/error_message"]));
    let read = service.get(&format!("/api/v1/audit/{path}")).await.expect(200);
    assert_eq!(read.header("ETag"), answer.header("ETag"));
    let object = changed.as_object_mut().unwrap();
    object.remove("vector_sync").unwrap();
    object.remove("sanitized_fields").unwrap();
    object.remove("adjusted_fields").unwrap();
    assert_eq!(read.json(), changed);
    service.embedded().await;
}

#[tokio::test]
async fn a_workflow_moves_through_its_steps() {
    let service = Service::start().await;
    let id = service.remediation("parent").await;
    let sent = json!({ "remediation_id": id, "workflow_name": "w", "phase": "planning", "step_count": 2 });
    let created = service.post("workflow", &sent).await.expect(201);
    let path = format!("workflow/{}", created.json()["id"]);
    let mut tag = created.header("ETag").to_owned();
    for body in [
        json!({ "phase": "executing", "status": "running", "current_step": 1 }),
        json!({ "current_step": 2 }),
        json!({ "phase": "completed", "status": "success", "end_time": chrono::Utc::now() }),
    ] {
        let answer = patch(&service.process, &path, &[("If-Match", &tag)], &body).await.expect(200);
        assert_eq!(answer.json()["vector_sync"], "not_indexed");
        tag = answer.header("ETag").to_owned();
    }
    patch(&service.process, &path, &[("If-Match", &tag)], &json!({})).await.expect(409);
}

/// Each refusal leaves the record as it was.
#[tokio::test]
async fn each_refusal_has_its_status_and_changes_nothing() {
    let service = Service::start().await;
    let (path, tag) = new(&service, "a").await;
    let before = service.get(&format!("/api/v1/audit/{path}")).await.text;
    let weak = format!("W/{tag}");
    let (good, back) = (done(), json!({ "phase": "pending" }));
    let text = ("Content-Type", "text/plain");
    for (name, headers, body, status) in [
        ("no If-Match", vec![], &good, 428),
        ("any version", vec![("If-Match", "*")], &good, 428),
        ("does not have the version in If-Match", vec![("If-Match", "\"1-1\"")], &good, 412),
        ("a weak tag", vec![("If-Match", weak.as_str())], &good, 412),
        ("backwards", vec![("If-Match", tag.as_str())], &back, 409),
        ("no final status", vec![("If-Match", tag.as_str())], &json!({ "phase": "failed" }), 400),
        ("null phase", vec![("If-Match", tag.as_str())], &json!({ "phase": null }), 400),
        ("a fixed field", vec![("If-Match", tag.as_str())], &json!({ "namespace": "other" }), 400),
        ("an unknown field", vec![("If-Match", tag.as_str())], &json!({ "nmae": 1 }), 400),
        ("another type", vec![("If-Match", tag.as_str()), text], &good, 415),
    ] {
        let answer = patch(&service.process, &path, &headers, body).await;
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        assert_eq!(answer.header("Content-Type"), "application/problem+json", "{name}");
    }
    assert_eq!(service.get(&format!("/api/v1/audit/{path}")).await.text, before);
    let absent = patch(&service.process, "remediation/999", &[("If-Match", &tag)], &good).await;
    absent.expect(404);
    let deleted = service.send(reqwest::Method::DELETE, &format!("/api/v1/audit/{path}")).await.expect(405);
    assert_eq!(deleted.header("Allow"), "GET, HEAD, PATCH");
    let analysis = patch(&service.process, "aianalysis/1", &[("If-Match", &tag)], &good).await.expect(405);
    assert_eq!(analysis.header("Allow"), "GET, HEAD");

    let finished = patch(&service.process, &path, &[("If-Match", &tag)], &good).await.expect(200);
    let tag = finished.header("ETag").to_owned();
    let answer =
        patch(&service.process, &path, &[("If-Match", &tag)], &json!({ "metadata": {} })).await.expect(409);
    assert!(answer.json()["detail"].as_str().unwrap().contains("finished"), "{answer:?}");
}

/// An update that changes nothing is no version.
#[tokio::test]
async fn a_change_of_nothing_keeps_the_version() {
    let service = Service::start().await;
    let (path, tag) = new(&service, "a").await;
    let answer =
        patch(&service.process, &path, &[("If-Match", &tag)], &json!({ "phase": "processing" })).await;
    assert_eq!(answer.expect(200).header("ETag"), tag);
}

/// F10, BR-STORAGE-004: a change repeated with its key is answered as the first, though its version is gone by then.
#[tokio::test]
async fn a_repeated_change_is_answered_byte_for_byte() {
    let service = Service::start().await;
    let replica = ServiceProcess::start(&service.database.server_url().unwrap(), options()).await.unwrap();
    let (path, tag) = new(&service, "a").await;
    let headers = [("If-Match", tag.as_str()), ("Idempotency-Key", "k")];
    let first = patch(&service.process, &path, &headers, &done()).await.expect(200);
    let again = patch(&replica, &path, &headers, &done()).await.expect(200);
    assert_eq!((&first.text, first.header("ETag")), (&again.text, again.header("ETag")));
    assert_eq!(again.header("Idempotent-Replayed"), "true");
    patch(&replica, &path, &headers, &json!({ "status": "failed" })).await.expect(422);
    // On another record the same key is another key.
    let (other, tag) = new(&service, "b").await;
    let headers = [("If-Match", tag.as_str()), ("Idempotency-Key", "k")];
    patch(&replica, &other, &headers, &done()).await.expect(200);
    assert_eq!(service.count(CHANGES).await, 2);
}

/// F32, F13: of many that change the same version at once, through two replicas, exactly one succeeds; versions only grow.
#[tokio::test(flavor = "multi_thread")]
async fn of_concurrent_changes_of_a_version_one_succeeds() {
    let service = Service::start().await;
    let replica = ServiceProcess::start(&service.database.server_url().unwrap(), options()).await.unwrap();
    let (path, mut tag) = new(&service, "a").await;
    let version = |tag: &str| tag.trim_matches('"').split('-').nth(1).unwrap().parse::<i64>().unwrap();
    for round in 0..10 {
        let answers = join_all((0..8).map(|n| {
            let process = if n % 2 == 0 { &service.process } else { &replica };
            let (path, tag) = (&path, &tag);
            async move {
                let body = json!({ "metadata": { "round": round, "by": n } });
                patch(process, path, &[("If-Match", tag)], &body).await
            }
        }))
        .await;
        let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(won.len(), 1, "{answers:?}");
        assert!(answers.iter().all(|answer| [200, 412].contains(&answer.status.as_u16())), "{answers:?}");
        let next = won[0].header("ETag").to_owned();
        assert!(version(&next) > version(&tag));
        assert_eq!(
            service.get(&format!("/api/v1/audit/{path}")).await.json()["metadata"],
            won[0].json()["metadata"]
        );
        tag = next;
    }
    service.embedded().await;
}

/// F34, F10: the answer to a change's COMMIT is lost: it is made once, and the client learns its version.
#[tokio::test]
async fn a_change_whose_commit_answer_is_lost_is_made_once() {
    let database = TestDatabase::create().await.unwrap();
    let proxy = FaultProxy::for_postgres(&database.server_url().unwrap()).await.unwrap();
    let url = proxy.url(&database.server_url().unwrap());
    let service = Service::reaching(database, &url).await;
    let (path, tag) = new(&service, "a").await;
    service.embedded().await;
    proxy.cut_before_answer("COMMIT");
    let answer = patch(&service.process, &path, &[("If-Match", &tag)], &done()).await.expect(200);
    proxy.wait_for_trigger().await.unwrap();
    let read = service.get(&format!("/api/v1/audit/{path}")).await.expect(200);
    assert_eq!(read.header("ETag"), answer.header("ETag"));
    assert_eq!(service.count(CHANGES).await, 1);
    service.embedded().await;
}
