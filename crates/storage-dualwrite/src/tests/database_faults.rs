//! F57: whom an error of a real server blames, and the language it is told in.

use diesel_async::SimpleAsyncConnection as _;
use storage_models::DatabaseFault;
use storage_testkit::TestDatabase;
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

use super::support::{connector, count};

/// Statements that fail, and what the failure is called.
const FAILURES: &[(&str, DatabaseFault)] = &[
    (
        "INSERT INTO remediation_audit (name, namespace, phase, action_type) \
        VALUES (repeat('x', 300), 'b', 'pending', 'c')",
        DatabaseFault::Record,
    ),
    (
        "INSERT INTO remediation_audit (name, namespace, phase, action_type) VALUES (NULL, 'b', 'pending', 'c')",
        DatabaseFault::Record,
    ),
    (
        "INSERT INTO remediation_audit (name, namespace, phase, action_type) VALUES ('a', 'b', 'unheard of', 'c')",
        DatabaseFault::Record,
    ),
    (
        "INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time) \
        VALUES ('a', 'b', 'pending', 'c', '1970-01-01')",
        DatabaseFault::NoPartition,
    ),
    (
        "INSERT INTO vector_outbox (set_id, record_id, start_time, version) \
        SELECT 1, 1, now(), now() FROM generate_series(1, 2)",
        DatabaseFault::Record,
    ),
    (
        "UPDATE remediation_audit SET error_message = 'x' WHERE phase = 'completed'",
        DatabaseFault::FinishedRecord,
    ),
    ("SELECT convert_from('\\xff', 'UTF8')", DatabaseFault::Record),
    ("SELECT 'x'::integer", DatabaseFault::Record),
    ("SELECT '{'::jsonb", DatabaseFault::Record),
    ("SELECT '\"\\u0000\"'::jsonb", DatabaseFault::Record),
    ("SELECT 2147483647 + 1", DatabaseFault::Record),
    ("SELECT 9223372036854775807 + 1", DatabaseFault::Record),
    ("SELECT 32767::smallint + 1::smallint", DatabaseFault::Record),
    ("SELECT '99999999999'::integer", DatabaseFault::Record),
    ("SELECT '1e400'::double precision", DatabaseFault::Record),
    ("SELECT 1e308::double precision * 10", DatabaseFault::Record),
    ("SELECT 1000::numeric(2)", DatabaseFault::Record),
    ("SELECT '2024-02-31'::date", DatabaseFault::Record),
    ("SELECT '290000-01-01'::timestamptz + interval '100000 years'", DatabaseFault::Record),
    ("SELECT 1 / 0", DatabaseFault::Record),
    ("SELECT '{1'::integer[]", DatabaseFault::Record),
    ("SELECT 'a' ~ '('", DatabaseFault::Record),
    ("SELECT '[1,2]'::vector(3)", DatabaseFault::Record),
    ("SELECT '[1,2]'::vector <-> '[1]'::vector", DatabaseFault::Record),
    ("SELECT '[NaN]'::vector", DatabaseFault::Record),
    ("SELECT '[1e10]'::halfvec", DatabaseFault::Record),
    (
        "SELECT to_tsvector('simple', string_agg(md5(n::text), ' ')) FROM generate_series(1, 60000) AS n",
        DatabaseFault::Record,
    ),
    (
        "INSERT INTO remediation_audit (name, namespace, phase, action_type, error_message) \
        SELECT 'a', 'b', 'pending', 'c', string_agg(md5(n::text), '') FROM generate_series(1, 1000) AS n",
        DatabaseFault::Record,
    ),
    ("DELETE FROM remediation_audit", DatabaseFault::Forbidden),
    ("SELECT * FROM nowhere", DatabaseFault::Other),
    ("SELECT nothing()", DatabaseFault::Other),
    ("SELEC", DatabaseFault::Other),
    ("EXECUTE nothing", DatabaseFault::StatementLost),
    ("DO $$ BEGIN RAISE EXCEPTION 'asked for'; END $$", DatabaseFault::Other),
    ("SET statement_timeout = 1; SELECT pg_sleep(60)", DatabaseFault::StatementTimeout),
    ("SELECT pg_cancel_backend(pg_backend_pid())", DatabaseFault::Cancelled),
    ("BEGIN READ ONLY; DELETE FROM vector_outbox", DatabaseFault::ReadOnly),
    ("SELECT pg_terminate_backend(pg_backend_pid())", DatabaseFault::ShuttingDown),
];

/// Whether a code of PostgreSQL's blames a record: data and constraints, but for a row's month that has no partition and
/// a finished record; limits of words and index entries, which are the only ones provoked here.
fn blames_record(code: &SqlState, is_known: bool) -> bool {
    let code = code.code();
    !is_known && (code.starts_with("22") || code.starts_with("23") || code == "54000")
}

/// F57: what is read out of diesel's kinds and PostgreSQL's words is what its codes say, for each kind of failure.
#[tokio::test]
async fn the_words_of_a_failure_say_what_its_code_says() {
    let database = TestDatabase::create().await.unwrap();
    let finished = "INSERT INTO remediation_audit (name, namespace, phase, action_type, status) \
        VALUES ('a', 'b', 'completed', 'c', 'success'); \
        CREATE UNIQUE INDEX ON remediation_audit (error_message, start_time)";
    database.connect().await.unwrap().batch_execute(finished).await.unwrap();
    let url = database.server_url().unwrap();
    let connector = connector(&url);
    let mut misread = Vec::new();
    for (statement, fault) in FAILURES {
        let error = connector.connect().await.unwrap().batch_execute(statement).await.unwrap_err();
        let code = code_of(&url, statement).await;
        let is_known = matches!(fault, DatabaseFault::NoPartition | DatabaseFault::FinishedRecord);
        let found = DatabaseFault::of(&error);
        if found != *fault || found.blames_record() != blames_record(&code, is_known) {
            misread.push(format!("{statement}: {code:?} {found:?} {error}"));
        }
    }
    assert_eq!(misread, Vec::<String>::new());
}

/// F57: errors are told in English whatever the language of the database, as the service's own role.
#[tokio::test]
async fn the_language_of_a_session_is_fixed() {
    let database = TestDatabase::create().await.unwrap();
    let statement = format!("ALTER DATABASE {} SET lc_messages = 'POSIX'", database.name());
    database.connect().await.unwrap().batch_execute(&statement).await.unwrap();
    let mut session = connector(&database.server_url().unwrap()).connect().await.unwrap();
    let fixed = "SELECT count(*) AS n WHERE current_setting('lc_messages') = 'C'";
    assert_eq!(count(&mut session, fixed).await, 1);
}

/// F56: a session waits for its flush where it was not to, and leaves alone what an operator asks beyond that.
#[tokio::test]
async fn synchronous_commit_is_raised_where_it_is_weaker() {
    for (weaker, made) in [
        ("off", "on"),
        ("local", "on"),
        ("remote_write", "on"),
        ("on", "on"),
        ("remote_apply", "remote_apply"),
    ] {
        let database = TestDatabase::create().await.unwrap();
        let statement = format!("ALTER DATABASE {} SET synchronous_commit = {weaker}", database.name());
        database.connect().await.unwrap().batch_execute(&statement).await.unwrap();
        let mut session = connector(&database.server_url().unwrap()).connect().await.unwrap();
        let check = format!("DO $$ BEGIN ASSERT current_setting('synchronous_commit') = '{made}'; END $$");
        session.batch_execute(&check).await.unwrap_or_else(|error| panic!("{weaker}: {error}"));
    }
}

/// The code that the statement fails with, which diesel drops.
async fn code_of(url: &str, statement: &str) -> SqlState {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    let error = client.batch_execute(statement).await.unwrap_err();
    driver.abort();
    error.code().cloned().unwrap_or_else(|| panic!("{statement}: {error}"))
}
