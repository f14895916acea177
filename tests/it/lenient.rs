//! Lenient handling: a record that is stored with a note is worth more than one that was refused.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Service, WITHOUT_VECTOR, client, options, remediation};

const REMEDIATIONS: &str = "/api/v1/audit/remediation";
const LENIENT: (&str, &str) = ("Prefer", "handling=lenient");

async fn send(
    service: &Service,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> Answer {
    let url = format!("{}/api/v1/audit/{path}", service.process.url());
    let request = service.client.request(method, url).json(body);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    Answer::of(request.send().await.unwrap()).await
}

async fn post(service: &Service, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    send(service, Method::POST, path, headers, body).await
}

/// A manifest nested so deeply.
fn manifest(levels: usize) -> Value {
    (1..levels).fold(json!({ "image": "web:1" }), |inner, level| json!({ format!("level{level}"): inner }))
}

/// A record that breaks every rule that can be bent.
fn bent(number: usize) -> Value {
    let mut body = remediation(&format!("\u{1b}[1mr{number}-{}\u{1b}[0m", "n".repeat(300)));
    body["severity"] = json!("SEV-1");
    body["error_message"] = json!(format!(
        "\u{1b}[31mOuter: failed\u{1b}[0m <script>\n{}Caused by: zanzibar{number} refused",
        "\tat org.example.Class.method(Class.java:1)\n".repeat(1_600)
    ));
    body["metadata"] = json!({ "log": "\u{7}done", "owner": "team-a" });
    body
}

/// F69: each trifle for which a record was refused is bent on request, told in the answer, and in the record for good.
#[tokio::test]
async fn what_strict_handling_refuses_is_stored_with_a_note() {
    let service = Service::start().await;
    let long_name = "n".repeat(300);
    let with = |field: &str, value: Value| {
        let mut body = remediation("a");
        body[field] = value;
        body
    };
    for (field, sent, code, stored, what) in [
        ("severity", json!("SEV-1"), "invalid_value", Value::Null, "unknown_severity"),
        ("name", json!("\u{1b}[31mred\u{1b}[0m"), "forbidden_character", json!("red"), "controls_removed"),
        (
            "error_message",
            json!("\u{1b}[31mred\u{1b}[0m\n\u{7}"),
            "forbidden_character",
            json!("red\n"),
            "controls_removed",
        ),
        ("name", json!(long_name), "too_long", json!(format!("{}…230b0774", "n".repeat(246))), "cut"),
    ] {
        let body = with(field, sent);
        let pointer = format!("/{field}");
        let refused = post(&service, "remediation", &[], &body).await.expect(400);
        assert_eq!(refused.errors(), [(pointer.clone(), code.to_owned())], "{field}");
        let answer = post(&service, "remediation", &[LENIENT], &body).await.expect(201);
        assert_eq!(answer.header("Preference-Applied"), "handling=lenient");
        let written = answer.json();
        assert_eq!(written[field], stored, "{field}");
        assert_eq!(
            (&written["adjusted_fields"], &written["sanitized_fields"]),
            (&json!([pointer]), &json!([]))
        );
        let read = service.get(&format!("{REMEDIATIONS}/{}", written["id"])).await.expect(200).json();
        assert_eq!(read[field], written[field]);
        assert_eq!(read["alterations"], json!([{ "pointer": pointer, "what": what }]));
    }
    for levels in [33, 60, 100] {
        let body = with("metadata", manifest(levels));
        let refused = post(&service, "remediation", &[], &body).await.expect(400);
        assert_eq!(refused.errors(), [("/metadata".to_owned(), "too_deep".to_owned())]);
        let written = post(&service, "remediation", &[LENIENT], &body).await.expect(201).json();
        let canonical = manifest(levels).to_string();
        assert_eq!(written["metadata"]["datastorage.metadata"]["bytes"], canonical.len());
        assert_eq!(written["metadata"]["datastorage.metadata"]["sha256"].as_str().unwrap().len(), 64);
        assert_eq!(written["alterations"], json!([{ "pointer": "/metadata", "what": "replaced" }]));
    }
    // A manifest deeper than ten levels needs no bending.
    let stored = service.post("remediation", &with("metadata", manifest(32))).await.expect(201).json();
    assert_eq!((&stored["metadata"], &stored["alterations"]), (&manifest(32), &Value::Null));
}

/// F69: whatever is bent survives all that follows, one by one and in a batch: it is projected, listed, exported; and what was cut is there whole.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_bent_survives_all_that_follows() {
    let service = Service::start().await;
    let one = post(&service, "remediation", &[LENIENT], &bent(0)).await.expect(201).json();
    let batch: Value = (1..20).map(bent).collect();
    let refused = post(&service, "remediation/batch", &[], &batch).await.expect(400);
    assert!(refused.errors().contains(&("/18/severity".to_owned(), "invalid_value".to_owned())));
    let stored = post(&service, "remediation/batch", &[LENIENT], &batch).await.expect(201);
    assert_eq!(stored.header("Preference-Applied"), "handling=lenient");
    let stored = stored.json();
    let adjusted = |place: &str| {
        let fields = ["name", "severity", "error_message", "metadata/log"];
        fields.map(|field| json!(format!("{place}/{field}"))).to_vec()
    };
    assert_eq!(one["adjusted_fields"], json!(adjusted("")));
    assert_eq!(stored["adjusted_fields"].as_array().unwrap()[..4], adjusted("/0"));
    service.embedded().await;
    assert_eq!(service.count(WITHOUT_VECTOR).await, 0);

    let ids: Vec<Value> =
        [one["id"].clone()].into_iter().chain(stored["ids"].as_array().unwrap().iter().cloned()).collect();
    let export = service.send(Method::GET, &format!("{REMEDIATIONS}/export")).await.expect(200).text;
    let exported: Vec<Value> = export.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (number, id) in ids.iter().enumerate() {
        let sent = bent(number);
        let read = service.get(&format!("{REMEDIATIONS}/{id}")).await.expect(200).json();
        let whole =
            sent["error_message"].as_str().unwrap().replace("\u{1b}[31m", "").replace("\u{1b}[0m", "");
        let escaped = whole.replace('<', "&lt;").replace('>', "&gt;");
        assert_eq!(read["metadata"]["datastorage.error_message"], escaped);
        assert_eq!(read["metadata"]["datastorage.severity"], "SEV-1");
        assert_eq!(read["metadata"]["datastorage.name"], format!("r{number}-{}", "n".repeat(300)));
        assert_eq!(
            (&read["metadata"]["log"], &read["metadata"]["owner"]),
            (&json!("done"), &json!("team-a"))
        );
        let message = read["error_message"].as_str().unwrap();
        assert!(message.starts_with("Outer: failed &lt;script&gt;\n"), "{message}");
        assert!(message.ends_with(&format!("Caused by: zanzibar{number} refused")), "{message}");
        assert!(message.contains(" bytes left out]\n"), "{message}");
        assert_eq!(exported.iter().find(|record| record["id"] == *id), Some(&read));
        let name = read["name"].as_str().unwrap();
        assert_eq!((name.chars().count(), name.starts_with(&format!("r{number}-nnn"))), (255, true));
        let query = [("name", name)];
        let url = format!("{}{REMEDIATIONS}", service.process.url());
        let listed =
            Answer::of(service.client.get(url).query(&query).send().await.unwrap()).await.expect(200);
        assert_eq!(listed.json()["data"], json!([read]));
    }
    let names: std::collections::HashSet<_> =
        exported.iter().map(|record| record["name"].to_string()).collect();
    assert_eq!(names.len(), ids.len());
}

/// F69: the preference is told where it was followed, also in a replay of an answer that was adjusted; the settings may make
/// lenient handling the default, which a request can ask out of.
#[tokio::test]
async fn the_handling_is_asked_for_and_told() {
    let service = Service::start().await;
    let mut body = remediation("a");
    let told = |answer: &Answer| {
        answer.headers.get("Preference-Applied").map(|value| value.to_str().unwrap().to_owned())
    };
    let lenient = Some("handling=lenient".to_owned());
    assert_eq!(told(&post(&service, "remediation", &[], &body).await.expect(201)), None);
    assert_eq!(told(&post(&service, "remediation", &[LENIENT], &body).await.expect(201)), lenient);
    let both = [("Prefer", "wait=0, handling=\"lenient\"")];
    let answer = post(&service, "remediation", &both, &body).await.expect(201);
    assert_eq!(told(&answer).as_deref(), Some("wait=0, handling=lenient"));

    for (key, severity, replayed) in [("plain", "high", None), ("bent", "SEV-1", lenient.clone())] {
        body["severity"] = json!(severity);
        let keyed = [LENIENT, ("Idempotency-Key", key)];
        let first = post(&service, "remediation", &keyed, &body).await.expect(201);
        let again = post(&service, "remediation", &[("Idempotency-Key", key)], &body).await.expect(201);
        assert_eq!((again.header("Idempotent-Replayed"), &again.text), ("true", &first.text));
        assert_eq!((told(&first), told(&again)), (lenient.clone(), replayed), "{key}");
    }
    body["severity"] = json!("SEV-1");
    for unknown in ["handling=loose", "lenient", "handling"] {
        post(&service, "remediation", &[("Prefer", unknown)], &body).await.expect(400);
    }

    let service = Service::with(options().set("DATASTORAGE__WRITER__HANDLING", "lenient")).await;
    let answer = post(&service, "remediation", &[], &body).await.expect(201);
    assert_eq!((told(&answer), &answer.json()["adjusted_fields"]), (lenient, &json!(["/severity"])));
    assert_eq!(told(&post(&service, "remediation", &[], &remediation("b")).await.expect(201)), None);
    post(&service, "remediation", &[("Prefer", "handling=strict")], &body).await.expect(400);
    let metrics = client().get(format!("{}/metrics", service.process.admin_url())).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.contains("datastorage_adjusted_fields_total{field=\"severity\"} 1"), "{metrics}");
}

/// F69: a change is bent too, but removes nothing that is stored: a merge over the limits is refused.
#[tokio::test]
async fn a_change_in_lenient_handling_removes_nothing() {
    let service = Service::start().await;
    let mut body = remediation("a");
    body["metadata"] = json!({ "half": "x".repeat(150 * 1024), "active": "<script>" });
    let created = service.post("remediation", &body).await.expect(201);
    let path = format!("remediation/{}", created.json()["id"]);
    let tag = created.header("ETag").to_owned();
    let headers = [LENIENT, ("If-Match", tag.as_str())];
    for (patch, code) in [
        (json!({ "other": "x".repeat(150 * 1024) }), "too_large"),
        (json!({ "deep": manifest(32) }), "too_deep"),
    ] {
        let refused =
            send(&service, Method::PATCH, &path, &headers, &json!({ "metadata": patch })).await.expect(400);
        assert_eq!(refused.errors(), [("/metadata".to_owned(), code.to_owned())]);
    }
    let long = format!("\u{1b}[31m{}", "e".repeat(70_000));
    let change = json!({ "error_message": long, "metadata": { "log": "a\u{8}b" } });
    let changed = send(&service, Method::PATCH, &path, &headers, &change).await.expect(200);
    assert_eq!(changed.header("Preference-Applied"), "handling=lenient");
    let changed = changed.json();
    assert_eq!(changed["adjusted_fields"], json!(["/error_message", "/metadata/log"]));
    assert_eq!(changed["sanitized_fields"], json!([]));
    assert_eq!(changed["metadata"]["half"], body["metadata"]["half"]);
    assert_eq!(changed["metadata"]["datastorage.error_message"], "e".repeat(70_000));
    let mark = |pointer: &str, what: &str| json!({ "pointer": pointer, "what": what });
    assert_eq!(
        changed["alterations"],
        json!([
            mark("/error_message", "controls_removed"),
            mark("/error_message", "cut"),
            mark("/metadata/log", "controls_removed"),
            mark("/metadata/active", "escaped"),
        ])
    );
}
