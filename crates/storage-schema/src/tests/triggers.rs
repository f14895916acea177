//! Versions and immutability, as the triggers keep them.

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use storage_testkit::TestDatabase;

const RECORD: &str = "INSERT INTO remediation_audit (name, namespace, phase, action_type, metadata) \
                      VALUES ('a', 'b', 'processing', 'c', '{\"k\": 1}')";
const VERSION: &str = "SELECT updated_at::text AS value FROM remediation_audit";

async fn version(connection: &mut AsyncPgConnection) -> Option<String> {
    super::text(connection, VERSION).await
}

#[tokio::test]
async fn an_update_to_equal_values_is_no_new_version() {
    let database = TestDatabase::create().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    connection.batch_execute(RECORD).await.unwrap();
    let before = version(&mut connection).await;
    connection
        .batch_execute("UPDATE remediation_audit SET name = 'a', metadata = '{\"k\":1}'")
        .await
        .unwrap();
    assert_eq!(version(&mut connection).await, before);
}

#[tokio::test]
async fn a_finished_record_refuses_every_change() {
    let database = TestDatabase::create().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    connection.batch_execute(RECORD).await.unwrap();
    connection
        .batch_execute("UPDATE remediation_audit SET phase = 'failed', status = 'failed'")
        .await
        .unwrap();
    for change in [
        "name = 'x'",
        "namespace = 'x'",
        "phase = 'pending'",
        "action_type = 'x'",
        "target_name = 'x'",
        "status = 'success'",
        "start_time = start_time + interval '1 second'",
        "end_time = now()",
        "environment = 'x'",
        "cluster = 'x'",
        "remediation_request_id = 'x'",
        "alert_name = 'x'",
        "alert_fingerprint = 'x'",
        "severity = 'info'",
        "error_message = 'x'",
        "metadata = NULL",
        "created_at = now() + interval '1 second'",
        "updated_at = now() + interval '1 second'",
        "id = id + 1",
    ] {
        let outcome = connection.batch_execute(&format!("UPDATE remediation_audit SET {change}")).await;
        let error = outcome.expect_err(change).to_string();
        assert!(error.contains("finished and cannot be changed"), "{change}: {error}");
    }
}

/// F32: two updates that overlap, the later one with the earlier transaction, still leave a greater version.
#[tokio::test]
async fn versions_only_grow_under_concurrent_updates() {
    let database = TestDatabase::create().await.unwrap();
    let mut setup = database.connect().await.unwrap();
    setup.batch_execute(RECORD).await.unwrap();
    let mut early = database.connect().await.unwrap();
    // Its now() is fixed here, before the other update.
    early.batch_execute("BEGIN; SELECT now()").await.unwrap();

    let mut previous = version(&mut setup).await;
    setup.batch_execute("UPDATE remediation_audit SET target_name = 'second'").await.unwrap();
    let second = version(&mut setup).await;
    assert!(second > previous);
    previous = second;

    early.batch_execute("UPDATE remediation_audit SET target_name = 'third'; COMMIT").await.unwrap();
    let third = version(&mut setup).await;
    assert!(third > previous, "{third:?} is not after {previous:?}");

    // Also when the stored version lies ahead of the clock.
    setup
        .batch_execute(
            "UPDATE remediation_audit SET updated_at = now() + interval '1 hour'; \
             UPDATE remediation_audit SET target_name = 'fourth'",
        )
        .await
        .unwrap();
    let ahead = "SELECT (updated_at > now() + interval '59 minutes')::text AS value FROM remediation_audit";
    assert_eq!(super::text(&mut setup, ahead).await.as_deref(), Some("true"));
}
