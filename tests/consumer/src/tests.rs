//! Against a real database, with nothing of the service running.

use chrono::TimeDelta;
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use storage_query::ConnectionFault;
use storage_testkit::TestDatabase;

use crate::{OverviewError, news, overview, prepare};

/// A connection as this service has it: of a role with SELECT and nothing else.
async fn connect(database: &mut TestDatabase) -> AsyncPgConnection {
    AsyncPgConnection::establish(&database.make_reader().await.unwrap()).await.unwrap()
}

/// BR-STORAGE-012: another service reads incidents, their exact total and their outcomes with the shared crates alone, as a
/// role that may read the tables and do nothing else.
#[tokio::test]
async fn another_service_reads_incidents_with_the_shared_crates_alone() {
    let mut database = TestDatabase::create().await.unwrap();
    let mut owner = database.connect().await.unwrap();
    owner
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
    let mut connection = connect(&mut database).await;
    assert_eq!(prepare(&mut connection).await.unwrap(), [ConnectionFault::HiddenWriters]);
    let refused = connection.batch_execute("DELETE FROM remediation_audit").await.unwrap_err();
    assert_eq!(refused.to_string(), "permission denied for table remediation_audit");

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

/// F28: a service that keeps its place meets each record once, also one that is written later.
#[tokio::test]
async fn another_service_follows_what_is_written() {
    let mut database = TestDatabase::create().await.unwrap();
    let mut owner = database.connect().await.unwrap();
    let mut connection = connect(&mut database).await;
    let (mut seen, mut place) = (Vec::new(), None);
    owner.batch_execute("SELECT ensure_audit_partition('remediation_audit', '2026-01-01')").await.unwrap();
    for name in ["first", "second"] {
        let insert = format!(
            "INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time)
             VALUES ('{name}', 'shop', 'pending', 'restart-pod', '2026-01-20')"
        );
        owner.batch_execute(&insert).await.unwrap();
        while seen.last().is_none_or(|last| last != name) {
            let (records, next) = news(&mut connection, place).await.unwrap();
            seen.extend(records.into_iter().map(|record| record.name));
            place = next;
        }
    }
    assert_eq!(seen, ["first", "second"]);
}

/// A schema that is not the one this was built for is told before anything is read.
#[tokio::test]
async fn another_schema_is_told_by_its_difference() {
    let mut database = TestDatabase::create().await.unwrap();
    let mut owner = database.connect().await.unwrap();
    owner.batch_execute("DROP INDEX remediation_count_kind_idx").await.unwrap();
    let mut connection = connect(&mut database).await;
    let refused = prepare(&mut connection).await.unwrap_err().to_string();
    assert!(refused.contains("remediation_count_kind_idx"), "{refused}");
}
