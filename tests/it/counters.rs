//! `datastorage counters`, as an operator runs it.

use std::process::{Command, Output};

use diesel_async::SimpleAsyncConnection;
use storage_testkit::environment;

use crate::support::{Service, eventually};

/// Runs the command against a service's database.
fn counters(service: &Service, action: &str) -> Output {
    let mut command = Command::new(std::env::var(environment::SERVICE_BIN).unwrap());
    command
        .args(["counters", action, "--database-url", &service.database.server_url().unwrap()])
        .output()
        .unwrap()
}

/// F01: wrong counters are found with exit code 1, corrected beside the running service, and are then right; and the
/// service folds what was appended by itself.
#[tokio::test]
async fn wrong_counters_are_found_and_corrected_by_command() {
    let service = Service::start().await;
    for name in ["a", "b", "c"] {
        service.remediation(name).await;
    }
    eventually("all is folded", async || {
        service.count("SELECT count(*) AS n FROM remediation_count_delta").await == 0
    })
    .await;
    let right = counters(&service, "verify");
    assert_eq!(right.status.code(), Some(0), "{right:?}");

    let mut connection = service.database.connect().await.unwrap();
    connection.batch_execute("UPDATE remediation_count SET records = records + 7").await.unwrap();
    let total = async || {
        service.get("/api/v1/audit/remediation").await.expect(200).json()["pagination"]["total"].clone()
    };
    assert_eq!(total().await, 10);
    let wrong = counters(&service, "verify");
    assert_eq!(wrong.status.code(), Some(1), "{wrong:?}");
    assert!(String::from_utf8(wrong.stdout).unwrap().contains("1 counters are wrong, by 7 records in all"));

    let corrected = counters(&service, "recompute");
    assert_eq!(corrected.status.code(), Some(0), "{corrected:?}");
    assert_eq!(total().await, 3);
    assert_eq!(counters(&service, "verify").status.code(), Some(0));
}
