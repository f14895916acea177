//! Against a real database, with nothing of the service running.

use chrono::TimeDelta;
use diesel_async::SimpleAsyncConnection as _;
use storage_testkit::TestDatabase;

use crate::{OverviewError, overview, prepare};

/// BR-STORAGE-012: another service reads incidents, their exact total and their outcomes with the shared crates alone.
#[tokio::test]
async fn another_service_reads_incidents_with_the_shared_crates_alone() {
    let database = TestDatabase::create().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    prepare(&mut connection).await.unwrap();
    connection
        .batch_execute(
            "SELECT ensure_audit_partition('remediation_audit', '2026-01-01');
             INSERT INTO remediation_audit (name, namespace, phase, status, action_type, start_time, end_time)
             SELECT 'r' || n, CASE WHEN n <= 24 THEN 'shop' ELSE 'other' END, 'completed',
                 CASE WHEN n % 4 = 0 THEN 'failed' ELSE 'success' END, 'restart-pod',
                 timestamptz '2026-01-20 00:00Z' + make_interval(mins => n),
                 timestamptz '2026-01-20 01:00Z' + make_interval(mins => n)
             FROM generate_series(1, 30) AS n",
        )
        .await
        .unwrap();
    let now = "2026-01-21T00:00:00Z".parse().unwrap();
    let seen = overview(&mut connection, "shop", TimeDelta::days(7), now).await.unwrap();
    assert_eq!((seen.total, seen.latest.len()), (24, 10));
    assert!(seen.latest.iter().all(|incident| incident.namespace == "shop"));
    assert!(seen.latest.is_sorted_by_key(|incident| std::cmp::Reverse(incident.start_time)));
    assert_eq!((seen.outcomes.success_count, seen.outcomes.failure_count), (18, 6));

    let refused = overview(&mut connection, "a\0b", TimeDelta::days(7), now).await.unwrap_err();
    assert!(
        matches!(&refused, OverviewError::Filter(_)) && refused.to_string().contains("namespace"),
        "{refused}"
    );
}

/// A schema that is not the one this was built for is told before anything is read.
#[tokio::test]
async fn another_schema_is_told_by_its_difference() {
    let database = TestDatabase::create().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    connection.batch_execute("DROP INDEX remediation_count_kind_idx").await.unwrap();
    let refused = prepare(&mut connection).await.unwrap_err().to_string();
    assert!(refused.contains("remediation_count_kind_idx"), "{refused}");
}
