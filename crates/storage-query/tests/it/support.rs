//! A database of a test's own, with records in it.

use diesel::sql_query;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use storage_models::{Month, Timestamp};
pub(crate) use storage_testkit::STORE_WORDS;
use storage_testkit::TestDatabase;

/// A database with partitions for the first three months of 2026, and a connection to it.
pub(crate) async fn database() -> (TestDatabase, AsyncPgConnection) {
    let database = TestDatabase::create().await.unwrap();
    let mut conn = connect(&database).await;
    conn.batch_execute(
        "SELECT ensure_audit_partition(parent, month)
         FROM unnest(ARRAY['remediation_audit', 'ai_analysis_audit', 'workflow_audit', 'execution_audit']) AS parent,
              unnest(ARRAY['2026-01-01', '2026-02-01', '2026-03-01']::date[]) AS month",
    )
    .await
    .unwrap();
    (database, conn)
}

/// A set that serves from slot 1.
pub(crate) const SET: &str = "INSERT INTO embedding_set (composition, model, dimension, state, slot) VALUES ('1', 'm', 384, 'active', 1)";

/// Puts the records whose words are not stored into the outbox, as a write does.
pub(crate) const ENQUEUE_WORDLESS: &str = "
    INSERT INTO vector_outbox (set_id, record_id, start_time, version)
    SELECT s.id, r.id, r.start_time, r.updated_at FROM remediation_audit r CROSS JOIN embedding_set s
    WHERE state = 'active' AND NOT EXISTS (
        SELECT FROM remediation_words w WHERE w.record_id = r.id AND w.version = r.updated_at)
    ON CONFLICT (set_id, record_id) DO UPDATE SET version = excluded.version, stage = 0";

/// An incident, as SQL.
pub(crate) const INCIDENT: &str = "decode(repeat('07', 16), 'hex')";

/// A connection as its owner must set it up.
pub(crate) async fn connect(database: &TestDatabase) -> AsyncPgConnection {
    let mut conn = database.connect().await.unwrap();
    conn.batch_execute("SET lc_messages = 'C'; SET statement_timeout = '60s'").await.unwrap();
    conn
}

/// The time at which the tests ask.
pub(crate) fn now() -> Timestamp {
    "2026-03-31T00:00:00Z".parse().unwrap()
}

/// The id of the record with this number whose own time is in this month, such as `2026-01`.
pub(crate) fn id(number: i64, month: &str) -> i64 {
    Month::of(format!("{month}-01T00:00:00Z").parse().unwrap()).id(number)
}

/// Runs statements of the test's own.
pub(crate) async fn execute(conn: &mut AsyncPgConnection, sql: &str) {
    conn.batch_execute(sql).await.unwrap();
}

/// Vacuums and analyses what a running service's database has vacuumed and analysed: tables and partitions, as autovacuum
/// does, and the partitioned tables as the service does.
pub(crate) async fn settle(conn: &mut AsyncPgConnection) {
    #[derive(diesel::QueryableByName)]
    struct Table {
        #[diesel(sql_type = diesel::sql_types::Text)]
        name: String,
    }
    let tables = "SELECT relname::text AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
    for Table { name } in sql_query(tables).load::<Table>(conn).await.unwrap() {
        execute(conn, &format!("VACUUM ANALYZE {name}")).await;
    }
    for parent in ["remediation_audit", "ai_analysis_audit", "workflow_audit", "execution_audit"] {
        execute(conn, &format!("SELECT analyze_audit_table('{parent}')")).await;
    }
}

/// A number that the database answers.
pub(crate) async fn number(conn: &mut AsyncPgConnection, sql: &str) -> i64 {
    #[derive(diesel::QueryableByName)]
    struct Number {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        number: i64,
    }
    sql_query(format!("SELECT ({sql})::bigint AS number")).get_result::<Number>(conn).await.unwrap().number
}

/// Fills every table with 300 records: few values a column, so that filters match and sorts tie, and nulls.
pub(crate) async fn seed(conn: &mut AsyncPgConnection) {
    execute(conn, SEED).await;
}

/// `r(n, k)` is a pseudo-random number, the same in every run; `pick` takes one of some values.
const SEED: &str = "
    CREATE FUNCTION pg_temp.r(n int, k int) RETURNS int LANGUAGE sql IMMUTABLE AS
        $$ SELECT (hashint8extended(n * 1000 + k, 7) & 2147483647)::int $$;
    CREATE FUNCTION pg_temp.pick(n int, k int, VARIADIC choices text[]) RETURNS text LANGUAGE sql IMMUTABLE AS
        $$ SELECT choices[1 + pg_temp.r(n, k) % cardinality(choices)] $$;
    CREATE FUNCTION pg_temp.day(n int, k int, days int) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
        $$ SELECT '2026-01-05T00:00:00Z'::timestamptz + pg_temp.r(n, k) % days * interval '1 day' $$;
    CREATE FUNCTION pg_temp.later(n int, k int, t timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
        $$ SELECT CASE WHEN pg_temp.r(n, k) % 4 > 0 THEN t + pg_temp.r(n, k) % 7 * interval '100 ms' END $$;

    INSERT INTO remediation_audit (name, namespace, phase, action_type, target_name, status, start_time, end_time,
        environment, cluster, remediation_request_id, alert_name, alert_fingerprint, severity, error_message, metadata,
        created_at, updated_at)
    SELECT pg_temp.pick(n, 1, 'a', 'b', 'c'), pg_temp.pick(n, 2, 'prod', 'stage', 'dev', 'pröd, x'),
        pg_temp.pick(n, 3, 'pending', 'processing', 'completed', 'failed'), pg_temp.pick(n, 4, 'restart-pod', 'scale'),
        pg_temp.pick(n, 5, 'api', 'db', NULL, ''),
        pg_temp.pick(n, 6, 'pending', 'running', 'success', 'failed', 'unknown'), t, pg_temp.later(n, 8, t),
        pg_temp.pick(n, 9, 'production', NULL), pg_temp.pick(n, 10, 'east', 'west', NULL),
        pg_temp.pick(n, 11, 'req-1', 'req-2', NULL), pg_temp.pick(n, 12, 'OOM', NULL),
        pg_temp.pick(n, 13, 'f1', 'f2', NULL), pg_temp.pick(n, 14, 'critical', 'high', 'info', NULL),
        pg_temp.pick(n, 15, 'boom', NULL), pg_temp.pick(n, 16, '{\"a\": 12345678901234567890}', '{\"a\": \"x, y\", \"\": true}', NULL,
            '{\"a\": null, \"o''$1\\\"} k,=\": \"it''s\"}', '{\"a\": \"true\", \"o''$1\\\"} k,=\": 0.5}')::jsonb,
        pg_temp.day(n, 17, 5), pg_temp.day(n, 18, 5)
    FROM generate_series(1, 300) AS n, pg_temp.day(n, 7, 80) AS t;

    CREATE TEMPORARY VIEW first_parents AS SELECT array_agg(id ORDER BY id) AS parents FROM remediation_audit;
    INSERT INTO ai_analysis_audit (remediation_id, analysis_type, confidence, recommendation, reasoning, timestamp, model,
        tokens_used, latency_ms, created_at)
    SELECT parents[1 + pg_temp.r(n, 1) % 5], pg_temp.pick(n, 2, 'root-cause', 'summary'), pg_temp.r(n, 3) % 100 / 100.0,
        pg_temp.pick(n, 4, 'restart', 'wait'), pg_temp.pick(n, 5, 'because', NULL), pg_temp.day(n, 6, 80),
        pg_temp.pick(n, 7, 'm1', 'm2', 'm3'), pg_temp.pick(n, 8, '10', '20', NULL)::int,
        pg_temp.pick(n, 9, '5', NULL)::int, pg_temp.day(n, 10, 5)
    FROM generate_series(1, 300) AS n, first_parents;

    INSERT INTO workflow_audit (remediation_id, workflow_name, phase, status, start_time, end_time, step_count,
        current_step, created_at, updated_at)
    SELECT parents[1 + pg_temp.r(n, 1) % 5], pg_temp.pick(n, 2, 'drain', 'roll back'),
        pg_temp.pick(n, 3, 'planning', 'executing', 'completed', 'failed'),
        pg_temp.pick(n, 4, 'pending', 'running', 'success', 'failed'), t, pg_temp.later(n, 6, t), 5,
        pg_temp.r(n, 7) % 6, pg_temp.day(n, 8, 5), pg_temp.day(n, 9, 5)
    FROM generate_series(1, 300) AS n, pg_temp.day(n, 5, 80) AS t, first_parents;

    INSERT INTO execution_audit (remediation_id, action_type, target_kind, target_name, namespace, status, start_time,
        end_time, error_message, dry_run, created_at)
    SELECT parents[1 + pg_temp.r(n, 1) % 5], pg_temp.pick(n, 2, 'restart-pod', 'scale'),
        pg_temp.pick(n, 3, 'Deployment', 'Pod', 'Node'), pg_temp.pick(n, 4, 'api', 'db'),
        pg_temp.pick(n, 5, 'prod', 'stage', NULL), pg_temp.pick(n, 6, 'pending', 'success', 'failed'), t,
        pg_temp.later(n, 8, t), pg_temp.pick(n, 9, 'boom', NULL), pg_temp.r(n, 10) % 2 = 0, pg_temp.day(n, 11, 5)
    FROM generate_series(1, 300) AS n, pg_temp.day(n, 7, 80) AS t, first_parents;
";
