//! Many services at once, while the schema is bootstrapped and a replica restarts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use storage_testkit::ServiceProcess;

use crate::support::{Answer, PATIENCE, Service, eventually, options, remediation};

const CLIENTS: usize = 12;
/// Stories of each client: a remediation, what belongs to it, and changes of it.
const STORIES: usize = 12;
/// Analyses and executions of each story, one batch each.
const BATCH: usize = 5;

/// The replicas, by URL; the second one is away for a while.
struct Replicas<'a> {
    client: &'a reqwest::Client,
    urls: [String; 2],
}

impl Replicas<'_> {
    /// Sends the request to one replica after the other until it is answered for good. Keys make that safe.
    async fn until_answered(&self, first: usize, request: impl Fn(&str) -> RequestBuilder) -> Answer {
        for attempt in first.. {
            let url = &self.urls[attempt % 2];
            let answer = match request(url).send().await {
                Ok(response) => Answer::of(response).await,
                Err(_) => continue,
            };
            let text = answer.text.to_lowercase();
            assert!(!text.contains("deadlock"), "a deadlock reached a client: {answer:?}");
            match answer.status.as_u16() {
                409 if text.contains("idempotency-key-in-flight") => tokio::task::yield_now().await,
                503 => tokio::task::yield_now().await,
                _ => return answer,
            }
        }
        unreachable!("attempts do not end by themselves");
    }

    async fn post(&self, first: usize, path: &str, key: &str, body: &Value) -> Answer {
        let send = |url: &str| {
            let request = self.client.post(format!("{url}/api/v1/audit/{path}"));
            request
                .header("Content-Type", "application/json")
                .header("Idempotency-Key", key)
                .body(body.to_string())
        };
        self.until_answered(first, send).await
    }

    async fn patch(&self, first: usize, id: i64, key: &str, tag: &str, body: &Value) -> Answer {
        let send = |url: &str| {
            let request = self.client.request(Method::PATCH, format!("{url}/api/v1/audit/remediation/{id}"));
            request
                .header("Content-Type", "application/json")
                .header("Idempotency-Key", key)
                .header("If-Match", tag)
                .body(body.to_string())
        };
        self.until_answered(first, send).await
    }
}

fn at(second: usize) -> String {
    format!("2026-03-02T10:00:{second:02}.000000Z")
}

/// One story, told by two clients at once under the same keys through different replicas; the remediation's id.
async fn story(replicas: &Replicas<'_>, client: usize, number: usize) -> i64 {
    // Two clients share each story.
    let name = format!("story-{}-{number}", client / 2);
    let key = |part: &str| format!("{name}-{part}");
    let mut body = remediation(&name);
    body["start_time"] = json!(at(0));
    let stored = replicas.post(client, "remediation", &key("remediation"), &body).await.expect(201);
    let id = stored.json()["id"].as_i64().unwrap();

    let workflow = json!({ "remediation_id": id, "workflow_name": name, "phase": "planning", "step_count": 2,
                           "start_time": at(1) });
    let analyses: Value = (0..BATCH)
        .map(|n| {
            json!({ "remediation_id": id, "analysis_type": "a", "confidence": 0.5, "recommendation": "r",
                    "model": format!("{name}-{n}"), "timestamp": at(2 + 2 * n) })
        })
        .collect();
    let executions: Value = (0..BATCH)
        .map(|n| {
            json!({ "remediation_id": id, "action_type": "a", "target_kind": "k",
                    "target_name": format!("{name}-{n}"), "start_time": at(3 + 2 * n) })
        })
        .collect();
    let (workflow_key, analyses_key, executions_key, change_key) =
        (key("workflow"), key("analyses"), key("executions"), key("change"));
    let change = json!({ "phase": "completed", "status": "success" });
    let (workflow, analyses, executions, change) = tokio::join!(
        replicas.post(client, "workflow", &workflow_key, &workflow),
        replicas.post(client + 1, "aianalysis/batch", &analyses_key, &analyses),
        replicas.post(client, "execution/batch", &executions_key, &executions),
        replicas.patch(client + 1, id, &change_key, stored.header("ETag"), &change),
    );
    for answer in [workflow, analyses, executions] {
        answer.expect(201);
    }
    change.expect(200);
    id
}

/// BR-STORAGE-015, F13, F35: twelve clients write all four types, single and in batches, repeat, change, and share their
/// keys, while the schema is bootstrapped again and again and a replica is restarted; nothing is lost, doubled or
/// deadlocked, and what belongs to a remediation is read in order.
#[tokio::test(flavor = "multi_thread")]
async fn twelve_services_write_while_migrations_run_and_a_replica_restarts() {
    let service = Service::start().await;
    let mut replica =
        ServiceProcess::start(&service.database.server_url().unwrap(), options()).await.unwrap();
    let replicas = Replicas { client: &service.client, urls: [service.process.url(), replica.url()] };
    let port = |url: &str| url.rsplit(':').next().unwrap().parse().ok();
    let again = storage_testkit::ServiceOptions {
        port: port(&replica.url()),
        admin_port: port(&replica.admin_url()),
        ..options()
    };
    let is_over = AtomicBool::new(false);
    let url = service.database.url();
    let migrations = async {
        let mut count = 0;
        while !is_over.load(Ordering::Relaxed) {
            storage_schema::bootstrap(&url).await.unwrap();
            count += 1;
        }
        count
    };
    let restart = async {
        eventually("a part is written", async || service.count(REMEDIATIONS).await >= 12).await;
        replica.terminate().unwrap();
        replica.wait_exit(Duration::from_secs(30)).await.unwrap();
        replica = ServiceProcess::start(&service.database.server_url().unwrap(), again).await.unwrap();
    };
    let clients = async {
        let client = async |client: usize| {
            let mut ids = Vec::new();
            for number in 0..STORIES {
                ids.push(story(&replicas, client, number).await);
            }
            ids
        };
        let ids = tokio::time::timeout(PATIENCE, join_all((0..CLIENTS).map(client))).await.unwrap();
        is_over.store(true, Ordering::Relaxed);
        ids
    };
    let (ids, (), bootstraps) = tokio::join!(clients, restart, migrations);

    assert!(bootstraps > 1, "{bootstraps}");
    for pair in ids.chunks(2) {
        assert_eq!(pair[0], pair[1], "two clients with the same keys have the same records");
    }
    let stories = CLIENTS / 2 * STORIES;
    for (query, expected) in [
        (REMEDIATIONS, stories),
        (CHANGED, stories),
        ("SELECT count(*) AS n FROM workflow_audit", stories),
        ("SELECT count(*) AS n FROM ai_analysis_audit", stories * BATCH),
        ("SELECT count(DISTINCT model) AS n FROM ai_analysis_audit", stories * BATCH),
        ("SELECT count(*) AS n FROM execution_audit", stories * BATCH),
        ("SELECT count(DISTINCT target_name) AS n FROM execution_audit", stories * BATCH),
        ("SELECT deadlocks AS n FROM pg_stat_database WHERE datname = current_database()", 0),
    ] {
        assert_eq!(service.count(query).await, i64::try_from(expected).unwrap(), "{query}");
    }
    let in_order = async |id: &i64| {
        let path = format!("/api/v1/audit/remediation/{id}/timeline");
        let events = service.get(&path).await.expect(200).json()["events"].as_array().cloned().unwrap();
        let types: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
        let mut expected = vec!["workflow"];
        expected.extend(["aianalysis", "execution"].repeat(BATCH));
        assert_eq!(types, expected, "{id}");
        Ok::<_, std::convert::Infallible>(())
    };
    try_join_all(ids[0].iter().chain(&ids[6]).map(in_order)).await.unwrap();
    service.embedded().await;
}

const REMEDIATIONS: &str = "SELECT count(*) AS n FROM remediation_audit";
const CHANGED: &str = "SELECT count(*) AS n FROM remediation_audit WHERE phase = 'completed'";
