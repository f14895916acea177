//! Bootstrap: once, again, at the same time, without rights.

use std::time::Duration;

use diesel_async::{AsyncMigrationHarness, AsyncPgConnection, SimpleAsyncConnection};
use diesel_migrations::MigrationHarness;
use storage_models::Timestamp;
use storage_testkit::TestDatabase;

use crate::bootstrap::{MIGRATIONS, ensure_extension};
use crate::partitions::month_of;
use crate::{BootstrapOptions, SchemaError, bootstrap, bootstrap_with, verify};

/// Every migration there is.
const ALL: [&str; 9] = ["0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009"];

/// The migrations behind this one.
fn after(version: &str) -> Vec<&'static str> {
    ALL.into_iter().filter(|it| *it > version).collect()
}

/// Reverts the migrations behind this one, the last first.
async fn back_to(version: &str, database: &TestDatabase) -> AsyncPgConnection {
    let mut harness = AsyncMigrationHarness::new(database.connect().await.unwrap());
    for _ in after(version) {
        harness.revert_last_migration(MIGRATIONS).unwrap();
    }
    harness.into_inner()
}

/// BR-STORAGE-003: the schema is created idempotently and is then what verification expects.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_bootstrap_changes_nothing() {
    let database = TestDatabase::empty().await.unwrap();
    let first = bootstrap(&database.url()).await.unwrap();
    assert_eq!(first.applied, ALL);
    assert_eq!(first.partitions, 20);

    let second = bootstrap(&database.url()).await.unwrap();
    assert_eq!((second.applied.len(), second.partitions), (0, 0));

    let mut connection = database.connect().await.unwrap();
    let report = verify(&mut connection).await.unwrap();
    assert!(report.is_clean(), "{report}");
}

/// BR-STORAGE-003: each migration is idempotent by itself, also when its tracking is lost.
#[tokio::test(flavor = "multi_thread")]
async fn migrations_can_be_applied_to_a_database_that_has_them() {
    let database = TestDatabase::empty().await.unwrap();
    bootstrap(&database.url()).await.unwrap();
    let mut connection = database.connect().await.unwrap();
    connection.batch_execute("TRUNCATE __diesel_schema_migrations").await.unwrap();
    assert_eq!(bootstrap(&database.url()).await.unwrap().applied.len(), ALL.len());
    assert!(verify(&mut connection).await.unwrap().is_clean());
}

/// F13: replicas that start together migrate once and none fails.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_bootstraps_apply_each_migration_once() {
    let database = TestDatabase::empty().await.unwrap();
    let url = database.url();
    let reports = futures_util::future::join_all((0..4).map(|_| bootstrap(&url))).await;
    let applied: usize = reports.into_iter().map(|report| report.unwrap().applied.len()).sum();
    assert_eq!(applied, ALL.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_migration_can_be_reverted_and_applied_again() {
    let database = TestDatabase::empty().await.unwrap();
    bootstrap(&database.url()).await.unwrap();
    let mut harness = AsyncMigrationHarness::new(database.connect().await.unwrap());
    harness.revert_all_migrations(MIGRATIONS).unwrap();
    let mut connection = harness.into_inner();
    let left = "SELECT string_agg(relname, ' ') AS value FROM pg_class \
                WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S') \
                  AND relname NOT LIKE '\\_\\_diesel%'";
    assert_eq!(super::text(&mut connection, left).await, None);
    assert_eq!(bootstrap(&database.url()).await.unwrap().applied.len(), ALL.len());
}

/// Records that had their vectors in themselves go back into the outbox, those that waited for an outside index alone
/// included: nothing but the projector can give them what 0007 makes. And back again.
#[tokio::test(flavor = "multi_thread")]
async fn every_record_is_embedded_anew_when_vectors_become_rows_of_their_own() {
    let database = TestDatabase::empty().await.unwrap();
    bootstrap(&database.url()).await.unwrap();
    let mut connection = back_to("0006", &database).await;
    let records = "INSERT INTO remediation_audit (name, namespace, phase, status, action_type, end_time, embedding) \
        SELECT 'n-' || n, 'ns', 'completed', 'success', 'scale', now(), array_fill(0.1::real, ARRAY[384])::vector \
        FROM generate_series(1, 3) AS n; \
        INSERT INTO vector_outbox (record_id, start_time, version, embedded_version) \
        SELECT id, start_time, updated_at, updated_at FROM remediation_audit WHERE name = 'n-1'";
    connection.batch_execute(records).await.unwrap();
    assert_eq!(bootstrap(&database.url()).await.unwrap().applied, after("0006"));
    let waiting = "SELECT string_agg(r.name, ' ' ORDER BY r.name) AS value FROM remediation_audit r \
        JOIN vector_outbox o ON o.record_id = r.id AND o.version = r.updated_at AND o.embedded_version IS NULL \
        WHERE r.embedding_id IS NULL";
    assert_eq!(super::text(&mut connection, waiting).await.as_deref(), Some("n-1 n-2 n-3"));

    let mut connection = back_to("0006", &database).await;
    let waiting = "SELECT string_agg(r.name, ' ' ORDER BY r.name) AS value FROM remediation_audit r \
        JOIN vector_outbox o ON o.record_id = r.id AND o.version = r.updated_at WHERE r.embedding IS NULL";
    assert_eq!(super::text(&mut connection, waiting).await.as_deref(), Some("n-1 n-2 n-3"));
}

/// An index that comes with a migration is built on each partition of a database that has records, also when an earlier
/// attempt was broken off.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_added_to_filled_tables_reaches_every_partition() {
    let database = TestDatabase::empty().await.unwrap();
    bootstrap(&database.url()).await.unwrap();
    let mut connection = database.connect().await.unwrap();
    let before = "DROP INDEX remediation_audit_words_idx, remediation_audit_unembedded_idx; \
                  DELETE FROM __diesel_schema_migrations WHERE version = '0007'; \
                  INSERT INTO remediation_audit (name, namespace, phase, action_type, embedding_id) \
                  SELECT 'n-' || n, 'ns', 'pending', 'scale', n \
                  FROM generate_series(1, 100) AS n";
    connection.batch_execute(before).await.unwrap();
    let broken_off = format!(
        "CREATE INDEX remediation_audit_{}_words_idx ON vector_outbox (record_id)",
        month_of(Timestamp::now()).format("%Y_%m")
    );
    connection.batch_execute(&broken_off).await.unwrap();
    assert_eq!(bootstrap(&database.url()).await.unwrap().applied, ["0007"]);
    let report = verify(&mut connection).await.unwrap();
    assert!(report.is_clean(), "{report}");
    let without = "SELECT string_agg(p.inhrelid::regclass::text, ' ') AS value FROM pg_inherits p \
                   WHERE p.inhparent = 'remediation_audit'::regclass AND NOT EXISTS ( \
                       SELECT FROM pg_inherits i JOIN pg_index x ON x.indexrelid = i.inhrelid \
                       WHERE i.inhparent = 'remediation_audit_words_idx'::regclass \
                         AND x.indrelid = p.inhrelid AND x.indisvalid)";
    assert_eq!(super::text(&mut connection, without).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_migrates_for_ever_is_not_waited_for_for_ever() {
    let database = TestDatabase::empty().await.unwrap();
    let mut holder = database.connect().await.unwrap();
    let lock = format!("SELECT pg_advisory_lock({})", i64::from_be_bytes(*b"dstorage"));
    holder.batch_execute(&lock).await.unwrap();
    let options = BootstrapOptions { lock_wait: Duration::from_millis(300), ..BootstrapOptions::default() };
    let outcome = bootstrap_with(database.connect().await.unwrap(), &options).await;
    assert!(matches!(outcome, Err(SchemaError::LockTimeout(_))), "{outcome:?}");
}

/// The error of a role that may not create the extension says what an administrator must run.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_extension_is_explained() {
    let database = TestDatabase::empty().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    let role = format!("no_rights_{}", uuid::Uuid::new_v4().simple());
    connection.batch_execute(&format!("CREATE ROLE {role}")).await.unwrap();
    connection.batch_execute(&format!("SET ROLE {role}")).await.unwrap();
    let outcome = ensure_extension(&mut connection).await;
    connection.batch_execute(&format!("RESET ROLE; DROP ROLE {role}")).await.unwrap();
    let error = outcome.unwrap_err().to_string();
    assert!(error.contains("CREATE EXTENSION vector;"), "{error}");
}
