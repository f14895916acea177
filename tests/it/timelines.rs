//! A remediation with all that belongs to it.

use serde_json::{Value, json};

use crate::support::{Service, remediation};

/// Stores a record of a remediation and returns it as a reader gets it, under its type.
async fn store(service: &Service, kind: &str, parent: &Value, mut body: Value) -> Value {
    body["remediation_id"] = parent.clone();
    let written = service.post(kind, &body).await.expect(201).json();
    let record = service.get(&format!("/api/v1/audit/{kind}/{}", written["id"])).await.expect(200).json();
    json!({ "type": kind, "record": record })
}

fn at(minute: u32) -> String {
    format!("2026-03-02T10:{minute:02}:00.000000Z")
}

fn analysis(minute: u32) -> Value {
    json!({ "analysis_type": "a", "confidence": 0.5, "recommendation": "r", "model": "m", "timestamp": at(minute) })
}

fn workflow(minute: u32) -> Value {
    json!({ "workflow_name": "w", "phase": "planning", "step_count": 2, "start_time": at(minute) })
}

fn execution(minute: u32) -> Value {
    json!({ "action_type": "a", "target_kind": "k", "target_name": "t", "namespace": "n", "start_time": at(minute) })
}

/// Each record once, in the order of its own time and not of its writing; none of another remediation.
#[tokio::test]
async fn what_belongs_to_a_remediation_comes_in_the_order_of_time() {
    let service = Service::start().await;
    let record = service.post("remediation", &remediation("r")).await.expect(201).json();
    let other = service.post("remediation", &remediation("other")).await.expect(201).json();
    let (parent, other) = (&record["id"], &other["id"]);
    let timeline = async || {
        service.get(&format!("/api/v1/audit/remediation/{parent}/timeline")).await.expect(200).json()
    };
    let stored = service.get(&format!("/api/v1/audit/remediation/{parent}")).await.expect(200).json();
    assert_eq!(timeline().await, json!({ "remediation": stored, "events": [], "truncated": false }));

    let last = store(&service, "execution", parent, execution(50)).await;
    let second = store(&service, "workflow", parent, workflow(20)).await;
    let third = store(&service, "execution", parent, execution(30)).await;
    store(&service, "execution", other, execution(35)).await;
    let fourth = store(&service, "aianalysis", parent, analysis(40)).await;
    let first = store(&service, "aianalysis", parent, analysis(10)).await;
    let events = [first, second, third, fourth, last];
    assert_eq!(timeline().await, json!({ "remediation": stored, "events": events, "truncated": false }));
}

#[tokio::test]
async fn a_timeline_of_nothing_is_not_found() {
    let service = Service::start().await;
    for id in ["1", "0", "x", "9223372036854775807"] {
        let answer = service.get(&format!("/api/v1/audit/remediation/{id}/timeline")).await.expect(404);
        assert_eq!(answer.json()["type"], "/problems/record-not-found", "{id}");
    }
    service.get("/api/v1/audit/remediation/1/timeline?limit=1").await.expect(400);
}
