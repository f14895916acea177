//! Whatever validation accepts survives all that follows: it is projected, and found.

use std::collections::HashSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{Answer, Service, options};

const RECORDS: usize = 120;

/// The optional text fields, and those that a search by words reads among them.
const TEXTS: [&str; 7] = [
    "target_name",
    "environment",
    "cluster",
    "remediation_request_id",
    "alert_name",
    "alert_fingerprint",
    "error_message",
];

/// Absent, empty, blank, what a search would take for an operator, markup, colours of a terminal, anything.
fn text() -> impl Strategy<Value = Value> {
    let fixed = prop::sample::select(vec![
        "",
        " ",
        "\u{3000}",
        "'",
        "''",
        "\\",
        "\\'",
        "\"",
        "&",
        "|",
        "!",
        "!!a",
        "a:*",
        ":*",
        "<->",
        "<",
        "<;>",
        "(",
        "()",
        "$1",
        "%",
        "\u{301}",
        "\u{200b}",
        "İ",
        "ß",
        "𝒳",
        "🚀",
        "a'b\\c",
        "null",
        "-",
        "--",
        "{}",
        "\u{feff}",
        "<script>",
        "<script>x</script>",
        "&lt;script&gt;",
        "x <b onclick=y>",
        "\u{1b}[31mred\u{1b}[0m",
    ]);
    prop_oneof![
        2 => Just(Value::Null),
        4 => fixed.prop_map(Value::from),
        2 => "\\PC{0,40}".prop_map(Value::from),
        1 => "[ '\\\\&|!:*()<>a-c]{0,40}".prop_map(Value::from),
        1 => any::<String>().prop_map(Value::from),
    ]
}

fn record() -> impl Strategy<Value = Value> {
    (prop::array::uniform7(text()), text(), text(), text()).prop_map(|(texts, name, namespace, action)| {
        let mut body = json!({ "namespace": namespace, "phase": "processing", "action_type": action });
        body["name"] = json!(name.as_str().unwrap_or_default());
        for (field, text) in TEXTS.into_iter().zip(texts) {
            body[field] = text;
        }
        body["metadata"] = json!({ "a": body["error_message"], "b": [body["target_name"]] });
        body
    })
}

/// Writes records of every kind of text, every other one in lenient handling, and returns the accepted ones as they are
/// stored.
async fn write(service: &Service) -> Vec<Value> {
    let mut runner = TestRunner::default();
    let mut accepted = Vec::new();
    for number in 0..RECORDS {
        let mut body = record().new_tree(&mut runner).unwrap().current();
        let unique = |field: &Value| json!(format!("case{number} {}", field.as_str().unwrap_or_default()));
        body["name"] = unique(&body["name"]);
        if number % 3 > 0 {
            (body["namespace"], body["action_type"]) =
                (unique(&body["namespace"]), unique(&body["action_type"]));
        }
        let handling = if number % 2 == 0 { "strict" } else { "lenient" };
        let request = service.client.post(format!("{}/api/v1/audit/remediation", service.process.url()));
        let request = request.header("Prefer", format!("handling={handling}")).json(&body);
        let answer = Answer::of(request.send().await.unwrap()).await;
        assert!(answer.status == 201 || answer.status == 400, "{body}: {answer:?}");
        if answer.status == 201 {
            accepted.push(answer.json());
        }
    }
    assert!(accepted.len() > RECORDS / 4, "{} of {RECORDS} were accepted", accepted.len());
    accepted
}

/// Each record is found by its own name, and each of its texts can be searched for.
async fn search(service: &Service, records: &[Value]) {
    let url = format!("{}/api/v1/audit/search", service.process.url());
    let mut searched = HashSet::new();
    for record in records {
        let ask = async |q: &str, mode: &str| {
            let query = [("q", q), ("mode", mode), ("limit", "100")];
            let answer = service.client.get(&url).query(&query).send().await.unwrap();
            Answer::of(answer).await
        };
        let found = ask(record["name"].as_str().unwrap(), "lexical").await.expect(200).json();
        let hits = found["data"].as_array().unwrap();
        assert!(hits.iter().any(|hit| hit["record"]["id"] == record["id"]), "{record} is not in {hits:?}");
        for text in TEXTS.map(|field| record[field].as_str().unwrap_or_default()) {
            if searched.insert(text) {
                let expected = if text.trim().is_empty() { 400 } else { 200 };
                ask(text, "hybrid").await.expect(expected);
            }
        }
    }
}

/// F40: records that validation accepts get their vectors, none is set aside, and they are found.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_accepted_is_projected_and_found() {
    let service = Service::start().await;
    let records = write(&service).await;
    service.embedded().await;
    assert_eq!(service.count("SELECT count(*) AS n FROM vector_outbox").await, 0);
    search(&service, &records).await;
}

/// F40: records that wait for their vectors are found too, and none of them fails the search of another.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_accepted_is_found_while_it_waits() {
    let away = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(503)).mount(&away).await;
    let options = options()
        .set("DATASTORAGE__EMBEDDING__PROVIDER", "openai")
        .set("DATASTORAGE__OPENAI__URL", format!("{}/v1", away.uri()));
    let service = Service::with(options).await;
    let records = write(&service).await;
    search(&service, &records).await;
}

/// F40: what every Go client without `omitempty` sends.
#[tokio::test]
async fn an_empty_target_stops_neither_projection_nor_search() {
    let service = Service::start().await;
    let body = json!({ "name": "empty-target", "namespace": "default", "phase": "processing",
        "action_type": "restart-pod", "target_name": "", "alert_name": "<;>" });
    let stored = service.post("remediation", &body).await.expect(201).json();
    assert_eq!((&stored["target_name"], &stored["alert_name"]), (&json!(""), &json!("")));
    service.remediation("behind-it").await;
    for mode in ["lexical", "semantic", "hybrid"] {
        service.get(&format!("/api/v1/audit/search?q=empty-target&mode={mode}")).await.expect(200);
    }
    service.embedded().await;
    for name in ["empty-target", "behind-it"] {
        let found =
            service.get(&format!("/api/v1/audit/search?q={name}&mode=lexical")).await.expect(200).json();
        assert_eq!(found["data"][0]["record"]["name"], name);
    }
}
