//! What a record says of its origin: who sent it, in which request, and what was altered in it.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::auth::Guarded;
use crate::support::{Service, remediation};

const REMEDIATIONS: &str = "/api/v1/audit/remediation";

fn json_body(body: Value) -> impl FnOnce(RequestBuilder) -> RequestBuilder {
    move |it| it.header("Content-Type", "application/json").body(body.to_string())
}

/// Every kind of record that belongs to a remediation, with an identifier that is cleaned, and the pointer to it.
fn children(of: &Value) -> [(&'static str, Value, &'static str); 3] {
    [
        (
            "aianalysis",
            json!({"remediation_id": of, "analysis_type": "root-cause", "confidence": 0.5, "recommendation": "wait",
                   "model": "<m>"}),
            "/model",
        ),
        (
            "workflow",
            json!({"remediation_id": of, "workflow_name": " drain", "phase": "planning", "step_count": 1}),
            "/workflow_name",
        ),
        (
            "execution",
            json!({"remediation_id": of, "action_type": "scale", "target_kind": "Pod", "target_name": "a;b"}),
            "/target_name",
        ),
    ]
}

/// BR-STORAGE-020: a record says who sent it, in which request, and what was altered, whatever its type; the answer of the
/// write says it, and every read.
#[tokio::test]
async fn a_record_says_who_sent_it_and_what_was_altered() {
    let guarded = Guarded::start().await;
    let controller = guarded.token("controller", "audit:write,audit:read").await;
    let get = async |path: &str| guarded.send(Method::GET, path, &controller, |it| it).await.expect(200);
    let post = async |path: &str, body: Value, correlation: &str| {
        let more = |it| json_body(body)(it).header("X-Correlation-ID", correlation);
        guarded.send(Method::POST, path, &controller, more).await.expect(201).json()
    };
    let altered = |pointer: &str| json!([{"pointer": pointer, "what": "cleaned"}]);
    let check = |record: &Value, correlation: &str, alterations: &Value| {
        assert_eq!(record["recorded_by"], "controller", "{record}");
        assert_eq!(record["correlation_id"], correlation, "{record}");
        assert_eq!(record["alterations"], *alterations, "{record}");
    };

    let parent = post(REMEDIATIONS, remediation("<first>"), "run-1").await;
    assert_eq!(parent["sanitized_fields"], json!(["/name"]));
    check(&parent, "run-1", &altered("/name"));
    for (kind, body, pointer) in children(&parent["id"]) {
        let path = format!("/api/v1/audit/{kind}");
        let correlation = format!("run-1/{kind}");
        let written = post(&path, body, &correlation).await;
        assert_eq!(written["sanitized_fields"], json!([pointer]));
        check(&written, &correlation, &altered(pointer));
        check(&get(&format!("{path}/{}", written["id"])).await.json(), &correlation, &altered(pointer));
        check(&get(&path).await.json()["data"][0], &correlation, &altered(pointer));
    }
    let strict = post(&format!("{REMEDIATIONS}?consistency=strict"), remediation("strict"), "run-2").await;
    check(&strict, "run-2", &Value::Null);
    let batch =
        post(&format!("{REMEDIATIONS}/batch"), json!([remediation("a"), remediation(" b")]), "run-3").await;
    assert_eq!(batch["sanitized_fields"], json!(["/1/name"]));
    for (place, alterations) in [(0, Value::Null), (1, altered("/name"))] {
        let record = get(&format!("{REMEDIATIONS}/{}", batch["ids"][place])).await.json();
        check(&record, "run-3", &alterations);
    }

    let timeline = get(&format!("{REMEDIATIONS}/{}/timeline", parent["id"])).await.json();
    check(&timeline["remediation"], "run-1", &altered("/name"));
    for event in timeline["events"].as_array().unwrap() {
        assert_eq!(event["record"]["recorded_by"], "controller", "{event}");
    }
    let found = get("/api/v1/audit/search?q=first&mode=lexical").await.json();
    check(&found["data"][0]["record"], "run-1", &altered("/name"));
    let incidents = get("/api/v1/incidents?sort=start_time&limit=1").await.json();
    assert_eq!(incidents["data"][0]["recorded_by"], "controller");
    assert_eq!(incidents["data"][0]["alterations"], altered("/name"));
    let lines = get(&format!("{REMEDIATIONS}/export?sort=start_time")).await.text;
    check(&serde_json::from_str(lines.lines().next().unwrap()).unwrap(), "run-1", &altered("/name"));
    let csv = get(&format!("{REMEDIATIONS}/export?format=csv&sort=start_time")).await.text;
    let (header, first) = (csv.lines().next().unwrap(), csv.lines().nth(1).unwrap());
    assert!(header.contains(",recorded_by,correlation_id,alterations,"), "{header}");
    assert!(first.contains(r#",controller,run-1,"[{""#), "{first}");
}

/// Who sent a record can be filtered by, and does not change with an update that another sends.
#[tokio::test]
async fn records_are_found_by_who_sent_them() {
    let guarded = Guarded::start().await;
    let controller = guarded.token("controller", "audit:write,audit:read").await;
    let operator = guarded.token("operator", "audit:write,audit:read").await;
    for (token, name) in [(&controller, "by-controller"), (&operator, "by-operator")] {
        guarded.send(Method::POST, REMEDIATIONS, token, json_body(remediation(name))).await.expect(201);
    }
    let names = async |filter: &str| {
        let page = guarded.send(Method::GET, &format!("{REMEDIATIONS}?{filter}"), &operator, |it| it).await;
        let page = page.expect(200).json();
        let name = |record: &Value| record["name"].as_str().unwrap().to_owned();
        page["data"].as_array().unwrap().iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(names("recorded_by=controller").await, ["by-controller"]);
    assert_eq!(names("recorded_by=operator").await, ["by-operator"]);
    assert_eq!(names("recorded_by=controller,operator").await.len(), 2);
    assert_eq!(names("recorded_by=nowhere").await, [""; 0]);

    let page = guarded
        .send(Method::GET, &format!("{REMEDIATIONS}?recorded_by=controller"), &operator, |it| it)
        .await;
    let id = page.json()["data"][0]["id"].clone();
    let path = format!("{REMEDIATIONS}/{id}");
    let etag = guarded.send(Method::GET, &path, &operator, |it| it).await.header("ETag").to_owned();
    let change = |it| json_body(json!({"error_message": "a<script>b</script>"}))(it).header("If-Match", etag);
    let updated = guarded.send(Method::PATCH, &path, &operator, change).await.expect(200).json();
    assert_eq!(updated["recorded_by"], "controller");
    assert_eq!(updated["sanitized_fields"], json!(["/error_message"]));
    assert_eq!(updated["alterations"], json!([{"pointer": "/error_message", "what": "escaped"}]));
}

/// Where callers are not told apart, every one is anonymous; and no client says who it is.
#[tokio::test]
async fn a_record_s_origin_is_the_service_s_to_say() {
    let service = Service::start().await;
    let id = service.remediation("a").await;
    let record = service.get(&format!("{REMEDIATIONS}/{id}")).await.json();
    assert_eq!(record["recorded_by"], "anonymous");
    assert_eq!(record["correlation_id"].as_str().unwrap().len(), 36);
    assert_eq!(record["alterations"], Value::Null);
    for field in ["recorded_by", "correlation_id", "alterations"] {
        let mut body = remediation("b");
        body[field] = json!("somebody");
        let refused = service.post("remediation", &body).await.expect(400);
        assert_eq!(refused.errors(), [(format!("/{field}"), "unknown_field".to_owned())]);
    }
}
