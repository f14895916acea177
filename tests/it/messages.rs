//! What refusals say: the cause, and what to send instead.

use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, Service, remediation};

/// The sentence that tells of the first bad place, or of the whole.
fn message(answer: &Answer) -> String {
    let problem = answer.json();
    let message = problem.pointer("/errors/0/message").unwrap_or(&problem["detail"]);
    message.as_str().unwrap().to_owned()
}

fn with(members: &str) -> String {
    let record = remediation("a").to_string();
    format!("{},{members}}}", record.strip_suffix('}').unwrap())
}

/// F70: each message names the cause and the remedy.
#[tokio::test]
async fn a_body_that_is_refused_is_told_why_and_what_to_send() {
    let service = Service::start().await;
    let digits = "1".repeat(1_000);
    for (body, expected) in [
        (String::new(), "The request has no body. Send one JSON text as the body."),
        (" \n".to_owned(), "The request has no body. Send one JSON text as the body."),
        ("{\"name\":\n".to_owned(), "line 2, column 1"),
        ("{\"name\":\"a\nb\"}".to_owned(), "line 1, column 10"),
        ("{".to_owned(), "line 1, column 2"),
        (with(&format!(r#""metadata":{{"ratio":0.{digits}}}"#)), "more than 1,000 characters"),
        (with(&format!(r#""metadata":{{"ratio":1{digits}}}"#)), "more than 1,000 characters"),
        (with(r#""metadata":{"ratio":1e400}"#), "outside the range"),
        (with(r#""end_time":"2026-01-01T00:00:00Z""#), "without start_time in the request"),
        (with(r#""status":"done""#), "(allowed: pending, running, success, failed, unknown)"),
    ] {
        let answer = service.post_text("remediation", body.clone()).await.expect(400);
        let found = message(&answer);
        assert!(found.contains(expected) && !found.contains("column 0"), "{body:.80}: {found}");
    }
    for (kind, members, allowed) in [
        (
            "workflow",
            json!({ "workflow_name": "w", "phase": "done" }),
            "planning, executing, completed, failed",
        ),
        (
            "execution",
            json!({ "action_type": "a", "target_kind": "k", "target_name": "n", "status": "done" }),
            "pending, running, success, failed, unknown",
        ),
    ] {
        let mut record = members;
        record["remediation_id"] = json!(1);
        let answer = service.post(kind, &record).await.expect(400);
        assert!(answer.json()["errors"].to_string().contains(allowed), "{answer:?}");
    }
    let batch = service.post_text("remediation/batch", "").await.expect(400);
    assert!(message(&batch).starts_with("The request has no body"), "{batch:?}");
}

/// F70: an offset of a time whose `+` arrived as a space.
#[tokio::test]
async fn a_plus_that_arrived_as_a_space_is_told_so() {
    let service = Service::start().await;
    for path in ["/api/v1/audit/remediation", "/api/v1/incidents/aggregate/trend"] {
        for parameter in ["since", "until"] {
            let query = format!("{path}?{parameter}=2026-01-01T00:00:00");
            let answer = service.get(&format!("{query}+02:00")).await.expect(400);
            assert!(message(&answer).contains("%2B"), "{answer:?}");
            service.get(&format!("{query}%2B02:00")).await.expect(200);
        }
    }
}

/// F70: an entity tag that cannot match is told as that, not as does not have the version in If-Match.
#[tokio::test]
async fn an_entity_tag_that_cannot_match_is_told_so() {
    let service = Service::start().await;
    let stored = service.post("remediation", &remediation("a")).await.expect(201);
    let (path, tag) = (stored.header("Location").to_owned(), stored.header("ETag").to_owned());
    for (sent, status, expected) in [
        (tag.trim_matches('"').to_owned(), 400, "in quotes"),
        (format!("W/{}", tag.trim_matches('"')), 400, "in quotes"),
        (format!("W/{tag}"), 412, "without its `W/`"),
        ("\"1-1\"".to_owned(), 412, "does not have the version in If-Match"),
    ] {
        let request = service.client.request(Method::PATCH, format!("{}{path}", service.process.url()));
        let request = request.header("If-Match", &sent).json(&json!({ "metadata": { "a": 1 } }));
        let answer = Answer::of(request.send().await.unwrap()).await.expect(status);
        let found = message(&answer);
        assert!(found.contains(expected), "{sent}: {found}");
        assert_eq!(
            found.contains("does not have the version in If-Match"),
            sent == "\"1-1\"",
            "{sent}: {found}"
        );
    }
}
