//! Bootstrap: once, again, at the same time, without rights.

use std::time::Duration;

use diesel_async::{AsyncMigrationHarness, SimpleAsyncConnection};
use diesel_migrations::MigrationHarness;
use storage_models::Timestamp;
use storage_testkit::TestDatabase;

use crate::bootstrap::{MIGRATIONS, ensure_extension};
use crate::partitions::month_of;
use crate::{BootstrapOptions, SchemaError, bootstrap, bootstrap_with, verify};

/// Every migration there is.
const ALL: [&str; 7] = ["0100", "0101", "0102", "0103", "0104", "0105", "0106"];

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

/// A database of the time before the first release is left as it is, and told from one that is new.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_from_before_the_first_release_is_refused() {
    let database = TestDatabase::empty().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    let recorded = "CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY, run_on timestamp); \
                    INSERT INTO __diesel_schema_migrations VALUES ('0001'), ('0009'), ('0100')";
    connection.batch_execute(recorded).await.unwrap();
    let refused = bootstrap(&database.url()).await.unwrap_err();
    assert!(matches!(&refused, SchemaError::Unreleased(versions) if versions == "0001, 0009"), "{refused:?}");
    assert!(refused.to_string().contains("make a new, empty database"), "{refused}");
    let made = "SELECT to_regclass('remediation_audit')::text AS value";
    assert_eq!(super::text(&mut connection, made).await, None);
}

/// An index that comes with a migration is built on each partition of a database that has records, also when an earlier
/// attempt was broken off.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_added_to_filled_tables_reaches_every_partition() {
    let database = TestDatabase::empty().await.unwrap();
    bootstrap(&database.url()).await.unwrap();
    let mut connection = database.connect().await.unwrap();
    let before = "DROP INDEX remediation_words_words_idx; \
                  DELETE FROM __diesel_schema_migrations WHERE version = '0103'; \
                  INSERT INTO remediation_words (record_id, start_time, version, text_key, words) \
                  SELECT n, now(), now(), decode(repeat('07', 16), 'hex'), to_tsvector('simple', 'word' || n) FROM generate_series(1, 100) AS n";
    connection.batch_execute(before).await.unwrap();
    let broken_off = format!(
        "CREATE INDEX remediation_words_{}_words_idx ON vector_outbox (record_id)",
        month_of(Timestamp::now()).format("%Y_%m")
    );
    connection.batch_execute(&broken_off).await.unwrap();
    assert_eq!(bootstrap(&database.url()).await.unwrap().applied, ["0103"]);
    let report = verify(&mut connection).await.unwrap();
    assert!(report.is_clean(), "{report}");
    let without = "SELECT string_agg(p.inhrelid::regclass::text, ' ') AS value FROM pg_inherits p \
                   WHERE p.inhparent = 'remediation_words'::regclass AND NOT EXISTS ( \
                       SELECT FROM pg_inherits i JOIN pg_index x ON x.indexrelid = i.inhrelid \
                       WHERE i.inhparent = 'remediation_words_words_idx'::regclass \
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
