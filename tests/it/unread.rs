//! Requests that the HTTP library refuses before any route sees them: each has a problem document and a correlation id.

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Answer, PATIENCE, Service, options};

const GOOD: &str = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Sends the bytes and reads until the service ends the connection; the answers, in their order.
async fn exchange(service: &Service, bytes: &[u8]) -> Vec<Answer> {
    let url = service.process.url();
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap();
    // The service may answer before it has all of it.
    let _cut = stream.write_all(bytes).await;
    let mut text = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut text)).await.unwrap().unwrap();
    answers(&String::from_utf8(text).unwrap())
}

/// Takes answers apart that have a length.
fn answers(mut text: &str) -> Vec<Answer> {
    let mut answers = Vec::new();
    while let Some((head, rest)) = text.split_once("\r\n\r\n") {
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.parse::<reqwest::header::HeaderName>().unwrap(), value.parse().unwrap())
        };
        let headers: reqwest::header::HeaderMap = lines.map(header).collect();
        let length: usize = headers["content-length"].to_str().unwrap().parse().unwrap();
        let (body, further) = rest.split_at(length);
        answers.push(Answer { status, headers, text: body.to_owned() });
        text = further;
    }
    assert_eq!(text, "", "something behind the last answer");
    answers
}

#[track_caller]
fn is_refusal(answer: &Answer, kind: &str, detail: &str) {
    assert_eq!(answer.header("Content-Type"), "application/problem+json", "{answer:?}");
    assert_eq!(answer.header("Connection"), "close", "{answer:?}");
    assert!(answer.headers.contains_key("date"), "{answer:?}");
    let problem: Value = answer.json();
    assert_eq!(problem["type"], format!("/problems/{kind}"), "{answer:?}");
    assert_eq!(problem["status"], answer.status.as_u16(), "{answer:?}");
    assert_eq!(problem["instance"], answer.header("X-Correlation-ID"), "{answer:?}");
    assert!(problem["detail"].as_str().unwrap().contains(detail), "{detail}: {answer:?}");
}

/// F65, F70: whatever is wrong with a head, its sender is told what, and how to mend it.
#[tokio::test]
async fn a_head_that_cannot_be_read_is_answered_with_a_problem() {
    let service = Service::start().await;
    let many = (0..100).map(|n| format!("X-{n}: a\r\n")).collect::<String>();
    let large = format!("Cookie: {}\r\n", "a".repeat(200 * 1024));
    for (status, kind, head, detail) in [
        (400, "bad-request", "GET /api/v1/audit/search?q=\"oom\" HTTP/1.1\r\nHost: localhost\r\n\r\n", "%22"),
        (400, "bad-request", "GET /api/v1/audit/search?q=ü HTTP/1.1\r\nHost: localhost\r\n\r\n", "%C3%BC"),
        (400, "bad-request", "GET /api/v1/audit/search?q=a b HTTP/1.1\r\nHost: localhost\r\n\r\n", "%20"),
        (400, "bad-request", "GET /health HTTP/1.1\r\n\r\n", "Host is missing"),
        (400, "bad-request", "GET /health HTTP/1.1\r\nHost: localhost\r\nHost: b\r\n\r\n", "is repeated"),
        (400, "bad-request", "GET /health HTTP/1.1\r\nHost: localhost\r\nX y\r\n\r\n", "Line 3"),
        (400, "bad-request", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "does not speak HTTP/2.0"),
        (400, "bad-request", "hello\r\n\r\n", "not a request line"),
        (
            400,
            "bad-request",
            "POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
            "Content-Length is not a number",
        ),
        (
            431,
            "head-too-large",
            &format!("GET /health HTTP/1.1\r\nHost: localhost\r\n{many}\r\n"),
            "96 headers",
        ),
        (
            431,
            "head-too-large",
            &format!("GET /health HTTP/1.1\r\nHost: localhost\r\n{large}\r\n"),
            "128 KiB",
        ),
        (431, "head-too-large", &format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(200 * 1024)), "128 KiB"),
    ] {
        let found = exchange(&service, head.as_bytes()).await;
        let [answer] = found.as_slice() else { panic!("{head:.80}: {found:?}") };
        assert_eq!(answer.status, status, "{head:.80}: {answer:?}");
        is_refusal(answer, kind, detail);
    }
    let log = service.log().await;
    assert!(log.contains(r#""problem":"head-too-large""#) && log.contains("%C3%BC"), "{log}");
    let metrics = reqwest::get(format!("{}/metrics", service.process.admin_url())).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.contains(r#"method="other",path="unmatched",status="431"} 3"#), "{metrics}");
}

/// F65: the caller's own id is in the answer.
#[tokio::test]
async fn the_caller_s_correlation_id_is_taken() {
    let service = Service::start().await;
    let head = "GET /\"?\" HTTP/1.1\r\nHost: localhost\r\nX-Correlation-ID: mine-1\r\n\r\n";
    let found = exchange(&service, head.as_bytes()).await;
    assert_eq!(found[0].header("X-Correlation-ID"), "mine-1");
}

/// F65: the answers before it are whole, and its own is told from what is known: behind a body, no cause is guessed.
#[tokio::test]
async fn a_refusal_comes_behind_the_answers_before_it() {
    let service = Service::start().await;
    let bad = "GET /?\" HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let found = exchange(&service, format!("{GOOD}{GOOD}{bad}").as_bytes()).await;
    let statuses: Vec<u16> = found.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses, [200, 200, 400]);
    is_refusal(&found[2], "bad-request", "The head of the request cannot be read.");
}

/// F65: on a connection that is kept, the cause of a later refusal is told as that of the first.
#[tokio::test]
async fn a_later_request_of_a_connection_is_told_its_cause() {
    let service = Service::start().await;
    let url = service.process.url();
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap();
    let mut answer = vec![0; 4096];
    for _ in 0..3 {
        stream.write_all(GOOD.as_bytes()).await.unwrap();
        let count = stream.read(&mut answer).await.unwrap();
        assert!(answer[..count].starts_with(b"HTTP/1.1 200"));
    }
    stream.write_all(b"GET /?\" HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut text = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut text)).await.unwrap().unwrap();
    is_refusal(&answers(&text)[0], "bad-request", "%22");
}

/// F65: a head that does not come is answered too.
#[tokio::test]
async fn a_head_that_comes_too_late_is_answered_with_a_problem() {
    let service = Service::with(options().set("DATASTORAGE__SERVER__HEADER_TIMEOUT", "1s")).await;
    let found = exchange(&service, b"GET /health HTTP/1.1\r\n").await;
    assert_eq!(found[0].status, 408);
    is_refusal(&found[0], "request-timeout", "server.header_timeout");
}

/// F65: HTTP/1.0 knows no Host, so that none is asked for; a name that is not this service's is refused as ever.
#[tokio::test]
async fn http_1_0_needs_no_host() {
    let service = Service::start().await;
    let found = exchange(&service, b"GET /health HTTP/1.0\r\n\r\n").await;
    assert_eq!(found[0].status, 200, "{found:?}");
    let found = exchange(&service, b"GET /health HTTP/1.0\r\nHost: example.com\r\n\r\n").await;
    assert_eq!(found[0].status, 421, "{found:?}");
}
