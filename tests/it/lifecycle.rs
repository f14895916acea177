//! Stopping.

use std::time::{Duration, Instant};

use diesel_async::SimpleAsyncConnection;

use crate::support::{Service, WAITING_FOR_LOCKS, eventually, options, remediation};

/// F16: SIGTERM ends the service cleanly, with what was queued written.
#[tokio::test]
async fn sigterm_ends_the_service_with_everything_written() {
    let mut service = Service::start().await;
    for n in 0..20 {
        service.remediation(&n.to_string()).await;
    }
    service.process.terminate().unwrap();
    let status = service.process.wait_exit(Duration::from_secs(25)).await.unwrap();
    assert!(status.success(), "{status}: {}", service.process.logs());
    assert_eq!(service.count("SELECT count(*) AS n FROM remediation_audit").await, 20);
}

/// F16: a service that stops goes on answering for the time of the settings, and ends each connection with the answer, so
/// that no client sends a request into a connection that is closing.
#[tokio::test]
async fn a_stopping_service_answers_and_lets_its_clients_go() {
    let options = options().set("DATASTORAGE__SERVER__DRAIN_TIMEOUT", "1s");
    let service = Service::with(options.set("DATASTORAGE__SERVER__DRAIN_DELAY", "10s")).await;
    let list = "/api/v1/audit/remediation";
    assert!(!service.get(list).await.expect(200).headers.contains_key("connection"));
    service.process.terminate().unwrap();
    eventually("the service is not ready", async || service.get("/ready").await.status == 503).await;
    assert_eq!(service.get(list).await.expect(200).header("connection"), "close");
}

/// F16: a request that is stuck does not keep the service from draining, closing and exiting within its budget.
#[tokio::test]
async fn a_stuck_request_does_not_keep_the_service() {
    let mut service = Service::with(options().set("DATASTORAGE__LOG__LEVEL", "debug")).await;
    service.remediation("warm").await;
    let mut blocker = service.database.connect().await.unwrap();
    blocker.batch_execute("BEGIN; LOCK TABLE remediation_audit IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let url = format!("{}/api/v1/audit/remediation", service.process.url());
    let body = remediation("stuck").to_string();
    let stuck =
        tokio::spawn(service.client.post(url).header("Content-Type", "application/json").body(body).send());
    eventually("the request is stuck", async || service.count(WAITING_FOR_LOCKS).await > 0).await;
    let started = Instant::now();
    service.process.terminate().unwrap();
    service.process.wait_exit(Duration::from_secs(25)).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(25));
    stuck.abort();
    let log = service.process.logs();
    for step in ["requests", "writer", "projector", "background tasks"] {
        assert!(log.contains(&format!("\"step\":\"{step}\"")), "{step}: {log}");
    }
    assert!(log.contains("\"message\":\"stopped\""), "{log}");
}

/// A second signal ends the service at once.
#[tokio::test]
async fn a_second_signal_stops_at_once() {
    let mut service = Service::start().await;
    let mut blocker = service.database.connect().await.unwrap();
    blocker.batch_execute("BEGIN; LOCK TABLE remediation_audit IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let url = format!("{}/api/v1/audit/remediation", service.process.url());
    let stuck = tokio::spawn(service.client.get(url).send());
    eventually("the request is stuck", async || service.count(WAITING_FOR_LOCKS).await > 0).await;
    service.process.terminate().unwrap();
    eventually("stopping", async || service.process.logs().contains("stopping")).await;
    service.process.terminate().unwrap();
    service.process.wait_exit(Duration::from_secs(2)).await.unwrap();
    stuck.abort();
}
