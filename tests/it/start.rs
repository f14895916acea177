//! Starting: what is checked, and how a refusal reads.

use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use storage_testkit::{ServiceOptions, ServiceProcess, TestDatabase, environment};

use crate::support::{Service, client, options};

/// The exit code and the log of a service that must not start.
async fn refused(url: &str, options: ServiceOptions) -> (Option<i32>, String) {
    let mut process = ServiceProcess::spawn(url, options).unwrap();
    let status = process.wait_exit(Duration::from_secs(45)).await.unwrap();
    (status.code(), process.logs())
}

/// F23: every faulty setting is named at once, and nothing is started.
#[tokio::test]
async fn faulty_settings_are_all_named_at_once() {
    let options = options()
        .set("DATASTORAGE__SERVER__REQUEST_TIMEOUT", "soon")
        .set("DATASTORAGE__PROJECTOR__BATCH", "0")
        .set("DATASTORAGE__WRITER__NO_SUCH_KEY", "1");
    let (code, log) = refused("postgres://nobody@127.0.0.1:1/none", options).await;
    assert_eq!(code, Some(78), "{log}");
    for word in ["request_timeout", "batch", "no_such_key"] {
        assert!(log.to_lowercase().contains(word), "{word}: {log}");
    }
}

/// An address that others can reach is refused without a mode of authentication.
#[tokio::test]
async fn an_open_address_is_refused_without_authentication() {
    let bin = environment::required(environment::SERVICE_BIN).unwrap();
    let output = tokio::process::Command::new(bin)
        .args(["serve", "--database-url", "postgres://nobody@127.0.0.1:1/none", "--addr", "0.0.0.0:0"])
        .output()
        .await
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{log}");
    assert!(log.contains("0.0.0.0"), "{log}");
}

/// A request for another host than a loopback name is refused, so that no web page can reach the service.
#[tokio::test]
async fn a_foreign_host_header_is_refused() {
    let service = Service::start().await;
    let url = format!("{}/api/v1/audit/remediation", service.process.url());
    let answer = service.client.get(url).header("Host", "evil.example").send().await.unwrap();
    assert_eq!(answer.status(), 421);
}

/// BR-STORAGE-003: a database without the schema is refused with what is missing.
#[tokio::test]
async fn a_missing_schema_is_named() {
    let database = TestDatabase::empty().await.unwrap();
    let (code, log) =
        refused(&database.server_url().unwrap(), options().set("DATASTORAGE__SCHEMA__BOOTSTRAP", "false"))
            .await;
    assert_ne!(code, Some(0));
    assert!(log.contains("remediation_audit") && log.contains("schema bootstrap"), "{log}");
}

/// With `schema.bootstrap` an empty database is all it takes.
#[tokio::test]
async fn an_empty_database_is_bootstrapped_when_asked() {
    let database = TestDatabase::empty().await.unwrap();
    let options = options().set("DATASTORAGE__SCHEMA__BOOTSTRAP", "true");
    ServiceProcess::start(&database.url(), options).await.unwrap();
}

/// The service migrates as the owner of the tables, gives its own role its rights on what is new, and serves as that.
#[tokio::test]
async fn the_owner_migrates_and_the_services_role_serves() {
    let database = TestDatabase::empty().await.unwrap();
    let options = options()
        .set("DATASTORAGE__SCHEMA__BOOTSTRAP", "true")
        .set("DATASTORAGE__SCHEMA__OWNER_URL", database.url());
    let process = ServiceProcess::start(&database.server_url().unwrap(), options).await.unwrap();
    let service = Service { process, client: client(), database };
    service.remediation("first").await;
    service.embedded().await;
}

/// F39: a start with another embedder than the stored vectors' is refused with the way out.
#[tokio::test]
async fn another_embedder_is_refused_at_start() {
    let database = TestDatabase::create().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    connection
        .batch_execute(
            "INSERT INTO embedding_set (composition, model, dimension, state, slot) VALUES ('0', 'other', 384, 'active', 1); \
             INSERT INTO remediation_vector (slot, record_id, start_time, version, embedding_id, incident_key) \
             VALUES (1, 1, now(), now(), 1, decode(repeat('07', 16), 'hex'))",
        )
        .await
        .unwrap();
    let (code, log) = refused(&database.server_url().unwrap(), options()).await;
    assert_ne!(code, Some(0));
    assert!(log.contains("other") && log.contains("reembed"), "{log}");
}
