//! `datastorage sample`, as `cargo xtask up` runs it.

use serde_json::Value;
use storage_testkit::environment;
use tokio::process::Command;

use crate::support::Service;

/// Runs the command against a service; what it says.
async fn load(service: &Service) -> String {
    let bin = environment::required(environment::SERVICE_BIN).unwrap();
    let output = Command::new(bin).args(["sample", "--url", &service.process.url()]).output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The sample is searchable when the command ends, belongs together, and is loaded into an empty store only.
#[tokio::test]
async fn a_sample_is_loaded_into_an_empty_store_and_searchable_at_once() {
    let service = Service::start().await;
    let said = load(&service).await;
    assert!(said.ends_with(" records loaded, searchable"), "{said}");

    let found = service.get("/api/v1/audit/search?q=PodSecurityViolation&limit=1").await.expect(200).json();
    assert_eq!(found["data"][0]["record"]["alert_name"], "PodSecurityViolation", "{found}");
    let parts = service.get("/api/v1/audit/execution?limit=1").await.expect(200).json();
    let remediation = parts["data"][0]["remediation_id"].as_i64().unwrap();
    let story = service.get(&format!("/api/v1/audit/remediation/{remediation}/timeline")).await.expect(200);
    assert!(story.json().to_string().contains("execution"), "{story:?}");

    let total = async || -> Value {
        service.get("/api/v1/audit/remediation?limit=1").await.expect(200).json()["pagination"]["total"]
            .clone()
    };
    let loaded = total().await;
    assert_eq!(load(&service).await, "the store already holds records");
    assert_eq!(total().await, loaded);
}
