//! Statistics of partitioned tables.

use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use storage_models::RecordType;
use storage_testkit::TestDatabase;

use crate::statistics::refresh;

const STATISTICS: &str = "SELECT count(*)::text AS value FROM pg_stats \
    WHERE tablename = 'remediation_audit' AND attname = 'namespace' AND inherited";

async fn as_server(database: &TestDatabase) -> AsyncPgConnection {
    AsyncPgConnection::establish(&database.server_url().unwrap()).await.unwrap()
}

/// Adds so many records, and has PostgreSQL know of them, as it does by itself a moment later.
async fn add(connection: &mut AsyncPgConnection, records: u32) {
    let add = format!(
        "INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time) \
         SELECT 'n', 'ns-' || n % 10, 'pending', 'scale', now() FROM generate_series(1, {records}) AS n"
    );
    connection
        .batch_execute(&format!("BEGIN; {add}; SELECT pg_stat_force_next_flush(); COMMIT"))
        .await
        .unwrap();
}

/// F61: the server's role has the statistics of a partitioned table collected once it has rows, and again when it has grown
/// much, and by then only.
#[tokio::test]
async fn a_partitioned_table_is_analyzed_when_it_has_grown() {
    let database = TestDatabase::create().await.unwrap();
    let mut owner = database.connect().await.unwrap();
    let mut server = as_server(&database).await;
    assert!(!refresh(&mut server, RecordType::Remediation).await.unwrap(), "there is nothing to read");
    assert_eq!(super::text(&mut owner, STATISTICS).await.as_deref(), Some("0"));
    for (records, is_due) in [(2_000, true), (500, false), (1_000, true), (0, false)] {
        add(&mut owner, records).await;
        assert_eq!(refresh(&mut server, RecordType::Remediation).await.unwrap(), is_due, "{records} more");
        assert_eq!(super::text(&mut owner, STATISTICS).await.as_deref(), Some("1"));
    }
}

/// F61: no other table can be analysed by that way.
#[tokio::test]
async fn no_other_table_is_analyzed() {
    let database = TestDatabase::create().await.unwrap();
    let mut server = as_server(&database).await;
    let refused = server.batch_execute("SELECT analyze_audit_table('embedding_set')").await.unwrap_err();
    assert!(refused.to_string().contains("no audit table is called embedding_set"), "{refused}");
}
