//! The embedding API is unavailable for long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use storage_testkit::ServiceOptions;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::support::{Service, eventually, remediation};

/// Words for 150 different texts.
const WHAT: [&str; 15] = [
    "volume",
    "certificate",
    "network",
    "memory",
    "disk",
    "database",
    "queue",
    "node",
    "image",
    "secret",
    "token",
    "route",
    "address",
    "kernel",
    "clock",
];
const HOW: [&str; 10] =
    ["lost", "full", "slow", "broken", "expired", "missing", "late", "denied", "corrupt", "unreachable"];

/// An API that says 429 until it is told to answer.
#[derive(Clone, Default)]
struct Limited {
    answers: Arc<AtomicBool>,
    refused: Arc<AtomicUsize>,
    batches: Arc<AtomicUsize>,
}

impl Respond for Limited {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        if !self.answers.load(Ordering::SeqCst) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return ResponseTemplate::new(429).insert_header("Retry-After", "3");
        }
        self.batches.fetch_add(1, Ordering::SeqCst);
        let question: Value = request.body_json().unwrap();
        let texts = question["input"].as_array().unwrap();
        let vector = |index: usize| {
            let mut numbers = vec![0.1; 384];
            numbers[texts[index].as_str().unwrap().len() % 384] = 1.0;
            numbers
        };
        let data = (0..texts.len()).map(|index| json!({ "index": index, "embedding": vector(index) }));
        ResponseTemplate::new(200).set_body_json(json!({ "data": data.collect::<Vec<_>>() }))
    }
}

/// F24, BR-STORAGE-006: while the API says 429, writes go on and it is asked no more often than it asked for;
/// afterwards the backlog drains in batches.
#[tokio::test]
async fn an_api_over_its_limit_costs_no_write_and_the_backlog_drains_in_batches() {
    let (server, api) = (MockServer::start().await, Limited::default());
    let post = Mock::given(method("POST")).and(path("/v1/embeddings"));
    post.respond_with(api.clone()).mount(&server).await;
    let options = ServiceOptions::default()
        .set("DATASTORAGE__EMBEDDING__PROVIDER", "openai")
        .set("DATASTORAGE__OPENAI__URL", format!("{}/v1", server.uri()));
    let service = Service::with(options).await;
    for n in 0..150 {
        let mut body = remediation(&format!("r-{n}"));
        body["error_message"] = format!("{} {}", WHAT[n % 15], HOW[n / 15]).into();
        service.post("remediation", &body).await.expect(201);
    }
    eventually("the outage is told", async || {
        let ready = service.get("/ready").await.expect(200).json();
        let embedder = &ready["dependencies"]["embedder"]["state"];
        (&ready["status"], embedder) == (&json!("degraded"), &json!("down"))
    })
    .await;
    let worded = "SELECT count(*) AS n FROM remediation_words";
    eventually("words need no API", async || service.count(worded).await == 150).await;
    let found = service.get("/api/v1/audit/search?q=r-149&mode=lexical").await.expect(200).json();
    assert_eq!(found["data"][0]["record"]["name"], "r-149", "{found}");
    assert_eq!(found["degraded"], false, "all records have their words");
    assert!(api.refused.load(Ordering::SeqCst) <= 5, "it is asked once in three seconds");
    api.answers.store(true, Ordering::SeqCst);
    service.embedded().await;
    let batches = api.batches.load(Ordering::SeqCst);
    assert!((5..=15).contains(&batches), "150 texts came in {batches} batches");
    let parked = "SELECT count(*) AS n FROM vector_outbox";
    assert_eq!(service.count(parked).await, 0, "nothing is parked for the API's faults");
}
