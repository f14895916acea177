//! Request bodies that are not what they should be.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::Method;

use crate::support::{Answer, Service, options, remediation};

/// Malformed JSON is answered with the place where it breaks.
#[tokio::test]
async fn malformed_json_has_a_line_and_a_column() {
    let service = Service::start().await;
    let answer =
        service.post_text("remediation", "{\n  \"name\": \"a\",\n  \"phase\": }\n").await.expect(400);
    let problem = answer.json();
    assert_eq!(problem["type"], "/problems/malformed-json");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("line 3") && detail.contains("column 12"), "{detail}");
}

/// F20: what cannot be kept unchanged is refused, by pointer.
#[tokio::test]
async fn json_that_cannot_be_kept_is_refused() {
    let service = Service::start().await;
    for (field, pointer, code) in [
        (r#""name":"b""#, "/name", "duplicate_key"),
        (r#""metadata":{"n":1e400}"#, "/metadata/n", "number_out_of_range"),
        (r#""metadata":{"a":{"k":1,"k":2}}"#, "/metadata/a/k", "duplicate_key"),
        (r#""error_message":"a\u0000b""#, "/error_message", "nul_character"),
        (r#""metadata":{"s":"\ud800"}"#, "/metadata/s", "invalid_string"),
        (r#""nmae":"typo""#, "/nmae", "unknown_field"),
        (r#""id":7"#, "/id", "unknown_field"),
        (r#""embedding":[0.1,0.2,0.3]"#, "/embedding", "unknown_field"),
    ] {
        let body = format!(r#"{{"name":"a","namespace":"n","phase":"pending","action_type":"t",{field}}}"#);
        let answer = service.post_text("remediation", body).await.expect(400);
        assert_eq!(answer.errors(), [(pointer.to_owned(), code.to_owned())], "{field}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused() {
    let service = Service::start().await;
    for body in ["[]", "7", "null", "\"text\""] {
        service.post_text("remediation", body).await.expect(400);
    }
    service.post_text("remediation", "").await.expect(400);
    let url = format!("{}/api/v1/audit/remediation", service.process.url());
    for content_type in ["text/plain", "application/x-www-form-urlencoded"] {
        let request = service.client.post(&url).header("Content-Type", content_type);
        let answer = Answer::of(request.body(remediation("a").to_string()).send().await.unwrap()).await;
        assert_eq!(answer.expect(415).json()["type"], "/problems/unsupported-media-type");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let service = Service::start().await;
    let mut body = remediation("big");
    body["error_message"] = "x".repeat(1024 * 1024).into();
    let answer = service.post("remediation", &body).await.expect(413);
    assert_eq!(answer.json()["type"], "/problems/body-too-large");
    body["error_message"] = "x".repeat(64 * 1024).into();
    service.post("remediation", &body).await.expect(201);
    body["error_message"] = "x".repeat(64 * 1024 + 1).into();
    service.post("remediation", &body).await.expect(400);
}

/// A budget that is used up is a 503 with Retry-After, at once.
#[tokio::test]
async fn a_body_that_does_not_fit_the_budget_is_put_off() {
    let service = {
        let small = options()
            .set("DATASTORAGE__SERVER__BATCH_BODY_LIMIT", "1MiB")
            .set("DATASTORAGE__WRITER__BYTE_BUDGET", "1400KiB");
        Service::with(small).await
    };
    let mut body = remediation("big");
    body["metadata"] = serde_json::json!({ "s": "x".repeat(200 * 1024) });
    let writes = (0..32).map(|_| service.post("remediation", &body));
    let answers = futures_util::future::join_all(writes).await;
    let refused: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(answers.iter().all(|answer| answer.status == 503 || answer.status == 201), "{answers:?}");
    assert!(!refused.is_empty());
    for answer in refused {
        assert!(answer.header("Retry-After").parse::<u32>().unwrap() >= 1);
    }
    service.post("remediation", &body).await.expect(201);
}

/// BR-STORAGE-017: unknown routes and methods are problem documents too; nothing can be deleted.
#[tokio::test]
async fn unknown_routes_and_methods_are_problems() {
    let service = Service::start().await;
    let id = service.remediation("a").await;
    for (method, path, status, allow) in [
        (Method::GET, "/api/v1/audit/nonsense".to_owned(), 404, None),
        (Method::GET, "/nonsense".to_owned(), 404, None),
        (Method::GET, "/api/v1/audit/remediation/999999999".to_owned(), 404, None),
        (Method::DELETE, format!("/api/v1/audit/remediation/{id}"), 405, Some("GET")),
        (Method::DELETE, "/api/v1/audit/remediation".to_owned(), 405, Some("POST")),
        (Method::PUT, "/api/v1/audit/workflow".to_owned(), 405, Some("POST")),
    ] {
        let answer = service.send(method.clone(), &path).await.expect(status);
        assert_eq!(answer.header("Content-Type"), "application/problem+json", "{method} {path}");
        assert_eq!(answer.json()["status"], status);
        if let Some(allow) = allow {
            assert!(answer.header("Allow").contains(allow), "{method} {path}");
        }
    }
    assert_eq!(service.count("SELECT count(*) AS n FROM remediation_audit").await, 1);
}

/// F72: bodies may come as gzip, with a byte order mark, and under each name of JSON lines.
#[tokio::test]
async fn bodies_come_packed_marked_and_by_other_names() {
    let service = Service::start().await;
    let one = remediation("one").to_string();
    let many = format!("{}\n{}\n", remediation("two"), remediation("three"));
    for (path, content_type, body, is_packed) in [
        ("remediation", "application/json", one.clone(), true),
        ("remediation", "application/json", format!("\u{feff}{one}"), false),
        ("remediation/batch", "application/x-ndjson", format!("\u{feff}{many}"), true),
        ("remediation/batch", "application/ndjson", many.clone(), false),
        ("remediation/batch", "application/jsonl; charset=utf-8", many.clone(), true),
    ] {
        let url = format!("{}/api/v1/audit/{path}", service.process.url());
        let request = service.client.post(url).header("Content-Type", content_type);
        let request = match is_packed {
            true => request.header("Content-Encoding", "gzip").body(packed(body.as_bytes())),
            false => request.body(body),
        };
        Answer::of(request.send().await.unwrap()).await.expect(201);
    }
    assert_eq!(service.count("SELECT count(*) AS n FROM remediation_audit").await, 8);
    service.post_text("remediation/batch", many).await.expect(400);
}

/// F72: the limit counts what comes out, and what is no gzip says so.
#[tokio::test]
async fn a_packed_body_over_the_limit_is_refused() {
    let service = Service::start().await;
    let send = async |encoding: &str, body: Vec<u8>| {
        let url = format!("{}/api/v1/audit/remediation", service.process.url());
        let request = service.client.post(url).header("Content-Type", "application/json");
        Answer::of(request.header("Content-Encoding", encoding).body(body).send().await.unwrap()).await
    };
    let bomb = packed(&vec![b' '; 32 << 20]);
    assert!(bomb.len() < 64 << 10, "{}", bomb.len());
    let answer = send("gzip", bomb).await.expect(413);
    assert_eq!(answer.json()["type"], "/problems/body-too-large");
    let text = remediation("a").to_string();
    let answer = send("gzip", text.clone().into_bytes()).await.expect(400);
    assert!(answer.json()["detail"].as_str().unwrap().contains("gzip"), "{answer:?}");
    let answer = send("br", text.into_bytes()).await.expect(415);
    assert!(answer.json()["detail"].as_str().unwrap().contains("gzip"), "{answer:?}");
    assert_eq!(service.count("SELECT count(*) AS n FROM remediation_audit").await, 0);
}

fn packed(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}
