//! Writing the four records.

use serde_json::{Value, json};

use crate::support::{Service, remediation};

fn full_remediation() -> Value {
    json!({
        "name": "fix-checkout-7", "namespace": "payments", "phase": "completed", "action_type": "restart-pod",
        "target_name": "checkout-6d5f8b7c9d-x2x4z", "status": "success",
        "start_time": "2026-01-02T03:04:05.123456Z", "end_time": "2026-01-02T03:04:06.623456Z",
        "environment": "production", "cluster": "eu-1", "remediation_request_id": "rr-1",
        "alert_name": "KubePodCrashLooping", "alert_fingerprint": "a1b2c3", "severity": "critical",
        "error_message": "Back-off restarting failed container\n\ta < b && c > d",
        "metadata": { "reason": "CrashLoopBackOff", "restarts": 17, "nested": { "list": [1, null, true, ""] } }
    })
}

/// The record as a reader gets it, without what only the answer to a write has.
async fn read_back(service: &Service, kind: &str, written: &Value) -> Value {
    let stored = service.get(&format!("/api/v1/audit/{kind}/{}", written["id"])).await.expect(200).json();
    let mut written = written.clone();
    let object = written.as_object_mut().unwrap();
    object.remove("vector_sync").unwrap();
    object.remove("sanitized_fields").unwrap();
    object.remove("adjusted_fields").unwrap();
    assert_eq!(stored, written);
    stored
}

/// Every field that was sent is in the stored record with the same value.
fn contains(stored: &Value, sent: &Value) {
    for (field, value) in sent.as_object().unwrap() {
        assert_eq!(&stored[field], value, "{field}");
    }
}

/// BR-STORAGE-001, BR-STORAGE-012: a full record of each type is written and read back with every field equal.
#[tokio::test]
async fn a_full_record_of_each_type_reads_back_equal() {
    let service = Service::start().await;
    let remediation = full_remediation();
    let written = service.post("remediation", &remediation).await.expect(201).json();
    contains(&read_back(&service, "remediation", &written).await, &remediation);
    assert_eq!(written["duration_ms"], 1500);
    assert_eq!(written["vector_sync"], "pending");
    assert_eq!(written["sanitized_fields"], json!([]));

    let parent = &written["id"];
    for (kind, sent) in [
        (
            "aianalysis",
            json!({ "remediation_id": parent, "analysis_type": "root-cause", "confidence": 0.875,
                    "recommendation": "raise the limit", "reasoning": "", "timestamp": "2026-01-02T03:04:05.000001Z",
                    "model": "m-1", "tokens_used": 1200, "latency_ms": 840 }),
        ),
        (
            "workflow",
            json!({ "remediation_id": parent, "workflow_name": "restart-and-watch", "phase": "completed",
                    "status": "success", "start_time": "2026-01-02T03:04:05.000000Z",
                    "end_time": "2026-01-02T03:04:09.000000Z", "step_count": 3, "current_step": 3 }),
        ),
        (
            "execution",
            json!({ "remediation_id": parent, "action_type": "delete-pod", "target_kind": "Pod",
                    "target_name": "checkout-1", "namespace": "payments", "status": "failed",
                    "start_time": "2026-01-02T03:04:05.000000Z", "end_time": "2026-01-02T03:04:05.000000Z",
                    "error_message": "pods \"checkout-1\" not found", "dry_run": true }),
        ),
    ] {
        let written = service.post(kind, &sent).await.expect(201).json();
        contains(&read_back(&service, kind, &written).await, &sent);
        assert_eq!(written["vector_sync"], "not_indexed", "{kind}");
    }
}

/// F17, BR-STORAGE-001: with every optional field absent they are null, in the answer and when read.
#[tokio::test]
async fn absent_fields_are_null_and_empty_ones_stay_empty() {
    let service = Service::start().await;
    let written = service.post("remediation", &remediation("minimal")).await.expect(201).json();
    let stored = read_back(&service, "remediation", &written).await;
    for field in [
        "target_name",
        "end_time",
        "duration_ms",
        "environment",
        "cluster",
        "remediation_request_id",
        "alert_name",
        "alert_fingerprint",
        "severity",
        "error_message",
        "metadata",
    ] {
        assert_eq!(stored[field], Value::Null, "{field}");
    }
    assert_eq!(stored["status"], "pending");
    assert!(stored.get("embedding").is_none());

    let mut empty = remediation("empty");
    empty["target_name"] = json!("");
    empty["error_message"] = json!("");
    empty["metadata"] = json!({});
    let written = service.post("remediation", &empty).await.expect(201).json();
    contains(&read_back(&service, "remediation", &written).await, &empty);
}

#[tokio::test]
async fn the_answer_says_where_the_record_is_and_which_version_it_has() {
    let service = Service::start().await;
    let answer = service.post("remediation", &remediation("a")).await.expect(201);
    let id = answer.json()["id"].as_i64().unwrap();
    assert_eq!(answer.header("Location"), format!("/api/v1/audit/remediation/{id}"));
    let read = service.get(answer.header("Location")).await.expect(200);
    assert_eq!(read.header("ETag"), answer.header("ETag"));
    let url = format!("{}{}", service.process.url(), answer.header("Location"));
    let again = service.client.get(url).header("If-None-Match", read.header("ETag")).send().await.unwrap();
    assert_eq!(again.status(), 304);
}

/// BR-STORAGE-010: every bad field is named at once, by JSON pointer, and nothing is stored.
#[tokio::test]
async fn every_bad_field_is_named_at_once() {
    let service = Service::start().await;
    let body = json!({ "name": "   ", "phase": "done", "action_type": "x".repeat(101), "status": 7,
                       "start_time": "yesterday", "colour": "red", "metadata": [] });
    let answer = service.post("remediation", &body).await.expect(400);
    assert_eq!(answer.header("Content-Type"), "application/problem+json");
    let problem = answer.json();
    assert_eq!(problem["type"], "/problems/validation-failed");
    assert_eq!(problem["status"], 400);
    let mut pointers: Vec<String> = answer.errors().into_iter().map(|(pointer, _)| pointer).collect();
    pointers.sort();
    assert_eq!(
        pointers,
        ["/action_type", "/colour", "/metadata", "/name", "/namespace", "/phase", "/start_time", "/status"]
    );
    let messages = problem["errors"].to_string();
    for message in [
        "name is required",
        "namespace is required",
        "invalid phase: done (allowed: pending, processing, completed, failed)",
        "action_type exceeds maximum length of 100",
    ] {
        assert!(messages.contains(message), "{message}: {messages}");
    }
    assert_eq!(service.count("SELECT count(*) AS n FROM remediation_audit").await, 0);
}

/// A record that names a remediation that does not exist is refused with the field it named it in.
#[tokio::test]
async fn an_unknown_remediation_is_a_bad_field() {
    let service = Service::start().await;
    let analysis = json!({ "remediation_id": 4711, "analysis_type": "t", "confidence": 1, "recommendation": "r",
                           "model": "m" });
    let answer = service.post("aianalysis", &analysis).await.expect(400);
    assert_eq!(answer.errors(), [("/remediation_id".to_owned(), "remediation_not_found".to_owned())]);
}

/// BR-STORAGE-011: what was altered is named in the answer, and stored as it was answered.
#[tokio::test]
async fn what_is_altered_is_said() {
    let service = Service::start().await;
    let mut body = remediation("test<script>alert('xss')</script>");
    body["error_message"] = json!("see <img src=x onerror=alert(1)>");
    body["alert_name"] = json!("  padded  ");
    let written = service.post("remediation", &body).await.expect(201).json();
    assert_eq!(written["name"], "testscriptalert'xss'/script");
    assert_eq!(written["error_message"], "see &lt;img src=x onerror=alert(1)&gt;");
    let named = written["sanitized_fields"].to_string();
    assert!(named.contains("name") && named.contains("error_message"), "{named}");
    read_back(&service, "remediation", &written).await;
}

/// F69, BR-STORAGE-011: a severity is stored in lower case and a name in NFC; the answer and the record say that it was sent
/// otherwise.
#[tokio::test]
async fn severities_and_names_are_brought_to_one_form() {
    let service = Service::start().await;
    let mut body = remediation("e\u{301}clair");
    body["severity"] = json!(" Critical");
    body["cluster"] = json!("éclair");
    let written = service.post("remediation", &body).await.expect(201).json();
    assert_eq!((&written["name"], &written["severity"]), (&json!("éclair"), &json!("critical")));
    assert_eq!(written["sanitized_fields"], json!(["/name", "/severity"]));
    let cleaned = |pointer: &str| json!({ "pointer": pointer, "what": "cleaned" });
    assert_eq!(written["alterations"], json!([cleaned("/name"), cleaned("/severity")]));
    read_back(&service, "remediation", &written).await;
    body["severity"] = json!("Sev1");
    let refused = service.post("remediation", &body).await.expect(400);
    assert!(refused.text.contains("invalid severity: Sev1"), "{refused:?}");
    assert!(refused.text.contains("critical, high, medium, low, warning, info"), "{refused:?}");
}

/// F12: names that hold words of SQL are stored byte for byte.
#[tokio::test]
async fn legitimate_names_survive() {
    let service = Service::start().await;
    for name in ["my-app-delete-jobs", "drop-table-cleaner", "select--union", "O'Brien's", "名前", "a&b"] {
        let written = service.post("remediation", &remediation(name)).await.expect(201).json();
        assert_eq!(written["name"], name);
        assert_eq!(written["sanitized_fields"], json!([]), "{name}");
    }
}

/// F21, F37: a record of any month within ten years is stored, also when its partition must be made first.
#[tokio::test]
async fn a_record_of_any_month_is_stored() {
    let service = Service::start().await;
    let now = chrono::Utc::now();
    for days in [3600, 2000, 400, 0] {
        let mut body = remediation("dated");
        body["start_time"] = json!((now - chrono::TimeDelta::days(days)).to_rfc3339());
        service.post("remediation", &body).await.expect(201);
    }
    assert_eq!(service.count("SELECT count(*) AS n FROM remediation_audit").await, 4);
}

/// BR-STORAGE-015, F38: many clients at once, of all types; each gets its own record, none is lost or doubled.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_clients_get_their_own_records() {
    let service = Service::start().await;
    let parent = service.remediation("parent").await;
    let client = async |n: usize| {
        let name = format!("client-{n}");
        let written = service.post("remediation", &remediation(&name)).await.expect(201).json();
        assert_eq!(written["name"], name.as_str());
        let execution = json!({ "remediation_id": parent, "action_type": "scale", "target_kind": "Deployment",
                                "target_name": name });
        let written = service.post("execution", &execution).await.expect(201).json();
        assert_eq!(written["target_name"], name.as_str());
    };
    futures_util::future::join_all((0..200).map(client)).await;
    assert_eq!(service.count("SELECT count(DISTINCT name) AS n FROM remediation_audit").await, 201);
    assert_eq!(service.count("SELECT count(DISTINCT target_name) AS n FROM execution_audit").await, 200);
    assert_eq!(service.count("SELECT count(*) AS n FROM execution_audit").await, 200);
}
