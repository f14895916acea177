//! What an operator sees: metrics, logs, correlation, health.

use reqwest::Method;
use serde_json::Value;

use crate::support::{Answer, Service, eventually, options, remediation};

/// BR-STORAGE-019: after use, the metrics of the service have the promised names and labels.
#[tokio::test]
async fn metrics_have_the_promised_names() {
    let service = Service::start().await;
    let id = service.remediation("a").await;
    service.post("remediation", &remediation("")).await.expect(400);
    service.post("remediation", &remediation("<b>")).await.expect(201);
    service.get(&format!("/api/v1/audit/remediation/{id}")).await.expect(200);
    service.get("/api/v1/audit/remediation").await.expect(200);
    service.embedded().await;
    service.get("/api/v1/audit/search?q=a").await.expect(200);
    let url = format!("{}/metrics", service.process.admin_url());
    let text = Answer::of(service.client.get(url).send().await.unwrap()).await.expect(200).text;
    for line in [
        "datastorage_write_total{table=\"remediation_audit\",status=\"success\"} 2",
        "datastorage_write_duration_seconds_count{table=\"remediation_audit\"} 2",
        "datastorage_validation_failures_total{field=\"name\",reason=\"required\"} 1",
        "datastorage_sanitized_fields_total{field=\"name\"} 1",
        "datastorage_http_requests_total{method=\"GET\",path=\"/api/v1/audit/remediation/{id}\",status=\"200\"} 1",
        "datastorage_http_requests_total{method=\"POST\",path=\"/api/v1/audit/remediation\",status=\"400\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    for name in [
        "datastorage_http_request_duration_seconds",
        "datastorage_query_duration_seconds",
        "datastorage_cache_misses_total",
        "datastorage_embedding_generation_duration_seconds",
        "datastorage_db_connections",
        "datastorage_write_batch_size",
        "datastorage_write_queue_depth",
        "datastorage_projection_lag_seconds",
        "datastorage_outbox_depth",
        "datastorage_build_info",
    ] {
        assert!(text.contains(&format!("# TYPE {name} ")), "{name}\n{text}");
        assert!(text.contains(&format!("# HELP {name} ")), "{name}\n{text}");
    }
}

/// What PostgreSQL holds is measured from the start on: each table and month, the whole, and the months ahead.
#[tokio::test]
async fn the_room_that_tables_take_is_measured() {
    let service = Service::start().await;
    let url = format!("{}/metrics", service.process.admin_url());
    let shown = async || service.client.get(&url).send().await.unwrap().text().await.unwrap();
    eventually("the tables are measured", async || shown().await.contains("\ndatastorage_table_bytes{"))
        .await;
    let text = shown().await;
    for line in [
        "datastorage_partition_missing{table=\"workflow_audit\"} 0".to_owned(),
        format!(
            "datastorage_table_bytes{{table=\"remediation_audit\",month=\"{}\"}} ",
            chrono::Utc::now().format("%Y-%m")
        ),
        "datastorage_table_bytes{table=\"vector_outbox\",month=\"all\"} ".to_owned(),
        "datastorage_database_bytes ".to_owned(),
    ] {
        assert!(text.lines().any(|found| found.starts_with(&line)), "{line}\n{text}");
    }
}

/// BR-STORAGE-018: the caller's correlation id is in the answer and in the log; no record body ever is.
#[tokio::test]
async fn the_correlation_id_is_everywhere_and_bodies_are_nowhere() {
    let service = Service::with(options().set("DATASTORAGE__LOG__FORMAT", "json")).await;
    let url = format!("{}/api/v1/audit/remediation", service.process.url());
    let mut body = remediation("a-very-private-name");
    body["error_message"] = "a-very-private-error".into();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = service
        .client
        .post(url)
        .header("X-Correlation-ID", "corr-4711")
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))
        .header("Content-Type", "application/json")
        .body(body.to_string());
    let answer = Answer::of(request.send().await.unwrap()).await.expect(201);
    assert_eq!(answer.header("X-Correlation-ID"), "corr-4711");
    let log = service.log().await;
    let line =
        log.lines().find(|line| line.contains("corr-4711")).unwrap_or_else(|| panic!("no line: {log}"));
    let _json: Value = serde_json::from_str(line).unwrap();
    assert!(line.contains(trace) && line.contains("201"), "{line}");
    assert!(!log.contains("a-very-private"), "{log}");

    let made_up = service.send(Method::GET, "/nonsense").await.expect(404);
    assert_eq!(made_up.header("X-Correlation-ID").len(), 36);
    assert_eq!(
        made_up.json()["instance"].as_str().unwrap().trim_start_matches("urn:uuid:"),
        made_up.header("X-Correlation-ID")
    );
}

/// Health touches nothing; readiness names each dependency; both are on both ports.
#[tokio::test]
async fn health_and_readiness_are_on_both_ports() {
    let service = Service::start().await;
    for base in [service.process.url(), service.process.admin_url()] {
        for path in ["/health", "/livez", "/ready", "/readyz", "/version"] {
            let answer = Answer::of(service.client.get(format!("{base}{path}")).send().await.unwrap()).await;
            answer.expect(200);
        }
    }
    let ready = service.get("/ready").await.expect(200).text;
    for dependency in ["postgresql", "embedder"] {
        assert!(ready.contains(dependency), "{ready}");
    }
    assert!(!ready.contains("127.0.0.1"), "{ready}");
    let url = format!("{}/metrics", service.process.admin_url());
    assert_eq!(service.client.post(url).send().await.unwrap().status(), 405);
}
