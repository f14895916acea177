//! Free text: nothing of it is lost, what a browser might run is escaped, and the record says where.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use reqwest::Method;
use serde_json::{Value, json};
use storage_models::escape::{sent_document, sent_text};
use storage_models::{Alteration, Alterations, Altered, Json};

use crate::support::{Answer, Service, remediation};

const REMEDIATIONS: &str = "/api/v1/audit/remediation";

/// The alterations of a record as a client reads them.
fn alterations(record: &Value) -> Option<Alterations> {
    let marks = record["alterations"].as_array().cloned().unwrap_or_default();
    let mark = |mark: Value| {
        let what = mark["what"].as_str().unwrap().parse::<Altered>().unwrap();
        Alteration::new(mark["pointer"].as_str().unwrap().to_owned(), what)
    };
    Alterations::of(marks.into_iter().map(mark).collect())
}

/// A field as it was sent, from the record and its marks.
fn sent(record: &Value, field: &str) -> Value {
    let marks = alterations(record);
    match &record[field] {
        Value::String(stored) => json!(sent_text(marks.as_ref(), field, stored)),
        Value::Object(stored) => {
            let stored = serde_json::to_vec(stored).unwrap();
            let stored = Json::parse(&stored).unwrap().value;
            serde_json::to_value(sent_document(marks.as_ref(), field, stored)).unwrap()
        }
        other => other.clone(),
    }
}

/// Each text with whether it is escaped.
const TEXTS: [(&str, bool); 19] = [
    ("Cannot deserialize java.util.List<Pod> from <null> && retry", false),
    ("Cannot deserialize java.util.List<Object> from <null> && retry", true),
    ("TypeError: unsupported operand: <object object at 0x7f2a3c0>", true),
    ("expected <exactly one of> a, b", false),
    ("Vec<String>, HashMap<K, V>, a < b && c > d, &'a str", false),
    ("error: <nil pointer at 0x0>\r\n\tat com.example.Foo.<init>(Foo.java:12)", false),
    ("<b>bold</b> &lt;script&gt;alert(1)&lt;/script&gt;", false),
    ("  leading and trailing white space\n", false),
    ("naïve \u{a0} e\u{301} \u{feff} 日本語", false),
    ("", false),
    ("kubectl get -o jsonpath=<template>", true),
    ("apply <script.sh>, then <link to the runbook>", true),
    ("<script>alert('xss')</script>", true),
    ("&lt;script&gt; beside <script>", true),
    ("see <img src=x onerror=alert(1)>\r\n\u{a0}\u{feff}", true),
    ("<a href=javascript:alert(1)>x</a>", true),
    ("<b style='x'>", true),
    ("cut off <iframe src=", true),
    ("<svg><template>&amp;", true),
];

/// F68, BR-STORAGE-011: in every field of free text, and in metadata, what was sent comes back from the stored text and the
/// marks; what is escaped is named, and all else is stored byte for byte.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_comes_back_from_text_and_marks() {
    let service = Service::start().await;
    let parent = service.remediation("parent").await;
    for (text, is_escaped) in TEXTS {
        let mut with_text = remediation("a");
        with_text["error_message"] = json!(text);
        with_text["metadata"] = json!({ "a": [text, 1], "b/c": { "d": text, "e": "a < b" } });
        let recommendation = if text.is_empty() { "wait" } else { text };
        for (kind, body, fields) in [
            ("remediation", with_text, &["error_message", "metadata"][..]),
            (
                "aianalysis",
                json!({ "remediation_id": parent, "analysis_type": "t", "confidence": 1, "model": "m",
                        "recommendation": recommendation, "reasoning": text }),
                &["recommendation", "reasoning"],
            ),
            (
                "execution",
                json!({ "remediation_id": parent, "action_type": "scale", "target_kind": "Pod",
                        "target_name": "p", "error_message": text }),
                &["error_message"],
            ),
        ] {
            let written = service.post(kind, &body).await.expect(201).json();
            let read =
                service.get(&format!("/api/v1/audit/{kind}/{}", written["id"])).await.expect(200).json();
            for field in fields {
                assert_eq!(sent(&read, field), body[field], "{kind} {field}: {read}");
                if !is_escaped {
                    assert_eq!(read[field], body[field], "{kind} {field}");
                }
            }
            let mut named: Vec<String> = fields.iter().map(|field| format!("/{field}")).collect();
            if kind == "remediation" {
                named = ["/error_message", "/metadata/a/0", "/metadata/b~1c/d"].map(str::to_owned).to_vec();
            }
            let marks: Vec<Value> =
                named.iter().map(|pointer| json!({ "pointer": pointer, "what": "escaped" })).collect();
            let (marks, named) =
                if is_escaped { (json!(marks), json!(named)) } else { (Value::Null, json!([])) };
            assert_eq!((&read["alterations"], &written["sanitized_fields"]), (&marks, &named), "{text}");
        }
    }
}

async fn patch(service: &Service, id: &Value, tag: &str, body: &Value) -> Answer {
    let url = format!("{}{REMEDIATIONS}/{id}", service.process.url());
    let request = service.client.patch(url).header("If-Match", tag);
    Answer::of(request.json(body).send().await.unwrap()).await
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "(<script>|<b>|<img src=x onerror=y>|&lt;|&amp;|[&<>'\";]|[a-z \n]{1,5}|é){0,8}",
        "\\PC{0,40}".prop_map(|text| text.replace(char::is_control, "")),
    ]
}

/// F68: whatever is accepted survives all that follows: it is projected, found, listed, exported and changed, and comes back
/// exactly from wherever it is read.
#[tokio::test(flavor = "multi_thread")]
async fn any_text_comes_back_from_wherever_it_is_read() {
    let service = Service::start().await;
    let mut runner = TestRunner::default();
    let mut texts = |count: usize| -> Vec<String> {
        (0..count).map(|_| text().new_tree(&mut runner).unwrap().current()).collect()
    };
    let (before, after) = (texts(60), texts(60));
    let mut bodies: Vec<Value> = Vec::new();
    for (number, text) in before.iter().enumerate() {
        let mut body = remediation(&format!("r{number}"));
        body["error_message"] = json!(text);
        body["metadata"] = json!({ "kept": text, "list": [text] });
        bodies.push(body);
    }
    let ids = service.post("remediation/batch", &json!(bodies)).await.expect(201).json()["ids"].clone();
    for (place, text) in after.iter().enumerate() {
        let id = &ids[place];
        let tag = service.get(&format!("{REMEDIATIONS}/{id}")).await.expect(200).header("ETag").to_owned();
        let change =
            json!({ "error_message": text, "metadata": { "list": [text, "<script>"], "new": text } });
        let told = patch(&service, id, &tag, &change).await.expect(200).json();
        let kept = json!("/metadata/kept");
        assert!(!told["sanitized_fields"].as_array().unwrap().contains(&kept), "{told}");
        bodies[place]["error_message"] = json!(text);
        bodies[place]["metadata"] = json!({ "kept": before[place], "list": [text, "<script>"], "new": text });
    }
    service.embedded().await;
    let list = service.get(&format!("{REMEDIATIONS}?limit=100&sort=start_time")).await.expect(200).json();
    let incidents = service.get("/api/v1/incidents?limit=100").await.expect(200).json();
    let export = service.send(Method::GET, &format!("{REMEDIATIONS}/export")).await.expect(200).text;
    let exported: Vec<Value> = export.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let found = service.get("/api/v1/audit/search?q=restart&mode=semantic&limit=50").await.expect(200).json();
    let found: Vec<Value> =
        found["data"].as_array().unwrap().iter().map(|hit| hit["record"].clone()).collect();
    for (place, body) in bodies.iter().enumerate() {
        let id = &ids[place];
        let of = |records: &[Value]| records.iter().find(|record| record["id"] == *id).cloned();
        let places = [list["data"].as_array().unwrap(), incidents["data"].as_array().unwrap(), &exported];
        for record in places.into_iter().map(|records| of(records).expect("every record")).chain(of(&found)) {
            for field in ["error_message", "metadata"] {
                assert_eq!(sent(&record, field), body[field], "{field}: {record}");
            }
        }
    }
    assert!(!found.is_empty());
}

/// F68: text of the largest size that cannot be judged counts as active: it is stored, whole, and is projected.
#[tokio::test]
async fn the_largest_text_that_cannot_be_judged_is_stored_whole() {
    let service = Service::start().await;
    for text in ["<div>".repeat(13_107), format!("<script>{}", "&".repeat(65_528))] {
        let mut body = remediation("a");
        body["error_message"] = json!(text);
        body["metadata"] = json!({ "text": "<a><div>".repeat(3_000) });
        let written = service.post("remediation", &body).await.expect(201).json();
        assert_eq!(written["sanitized_fields"], json!(["/error_message", "/metadata/text"]));
        let read = service.get(&format!("{REMEDIATIONS}/{}", written["id"])).await.expect(200).json();
        assert!(!read["error_message"].as_str().unwrap().contains('<'));
        for field in ["error_message", "metadata"] {
            assert_eq!(sent(&read, field), body[field], "{field}");
        }
    }
    service.embedded().await;
    assert_eq!(service.count(crate::support::WITHOUT_VECTOR).await, 0);
}

/// F68: control characters are refused with their place and position, in every type.
#[tokio::test]
async fn control_characters_are_refused_with_their_position() {
    let service = Service::start().await;
    let mut body = remediation("a");
    body["error_message"] = json!("é\u{1b}[31mred");
    body["metadata"] = json!({ "log": ["ok", "a\u{85}b"] });
    let refused = service.post("remediation", &body).await.expect(400);
    let forbidden = |pointer: &str| (pointer.to_owned(), "forbidden_character".to_owned());
    assert_eq!(refused.errors(), [forbidden("/error_message"), forbidden("/metadata/log/1")]);
    for message in [
        "error_message has the forbidden character U+001B at position 2",
        "metadata/log/1 has the forbidden character U+0085 at position 2",
    ] {
        assert!(refused.text.contains(message), "{refused:?}");
    }
}
