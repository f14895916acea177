//! Every filter against the migrated schema, and values that would be SQL if they were not bound.

use diesel_async::AsyncPgConnection;
use storage_models::identifier::sanitize;
use storage_models::{AiAnalysis, Execution, Remediation, Workflow};
use storage_query::{
    AuditFilter, CheckedFilter, CountQuery, Incident, ListQuery, Listed, RemediationFilter, Sort,
};

use crate::lists::filter;
use crate::model::{Modelled, Row, narrowed, vocabulary};
use crate::support::{database, execute, now, number, seed};

const INJECTIONS: &[&str] = &[
    "'",
    "''",
    "\\",
    "\\'",
    "\"",
    "`",
    "$1",
    "$$",
    "%",
    "_",
    "a;b",
    "--",
    "/*",
    "NULL",
    "{}",
    "{a,b}",
    "{\"a\",NULL}",
    "' OR '1'='1",
    "' OR 1=1 --",
    "'; DROP TABLE remediation_audit; --",
    "'); DROP TABLE remediation_audit CASCADE; --",
    "1; DELETE FROM remediation_audit",
    "' UNION SELECT * FROM pg_shadow --",
    "'||(SELECT pg_sleep(10))||'",
    "\\x27 OR 1=1",
    "E'\\047'",
    "\u{2019} OR 1=1",
    "\u{ff07}; DROP TABLE remediation_audit",
    "${jndi:ldap://localhost/a}",
    "{{7*7}}",
    "\r\nDROP TABLE remediation_audit",
    "😀",
];

fn valid<R: Listed>(field: &str, value: &str) -> Option<CheckedFilter<R::Filter>> {
    let escaped = value.replace(',', r"\,");
    R::Filter::from_pairs([(field, escaped.as_str())]).ok()?.check(now()).ok()
}

async fn run_every_filter_and_sort<R: Modelled>(conn: &mut AsyncPgConnection) {
    let rows = Row::<R>::every(conn).await;
    for (field, values) in vocabulary(&rows, &R::parameters()) {
        for value in values {
            for sort in Sort::all() {
                let wanted = narrowed(&[(field, vec![value.clone()])].into(), &sort.to_string());
                let page = ListQuery::<R>::new(filter(&wanted)).sort(sort).run(conn).await.unwrap();
                let matching = rows.iter().filter(|row| row.matches(&wanted)).count();
                assert_eq!(page.total, Some(matching.try_into().unwrap()), "{field}={value} sort={sort}");
            }
        }
    }
}

/// F03, BR-STORAGE-013: no filter or sort names what the schema lacks, and each one filters.
#[tokio::test]
async fn every_filter_and_sort_runs_against_the_migrated_schema() {
    let (_database, mut conn) = database().await;
    seed(&mut conn).await;
    run_every_filter_and_sort::<Remediation>(&mut conn).await;
    run_every_filter_and_sort::<AiAnalysis>(&mut conn).await;
    run_every_filter_and_sort::<Workflow>(&mut conn).await;
    run_every_filter_and_sort::<Execution>(&mut conn).await;
    run_every_filter_and_sort::<Incident>(&mut conn).await;
}

/// How many fields took the value as text; the others must have refused it.
async fn try_in_every_field<R: Listed>(conn: &mut AsyncPgConnection, value: &str) -> usize {
    let mut taken = 0;
    for field in R::Filter::FIELDS {
        if let Some(filter) = valid::<R>(field, value) {
            let page = ListQuery::<R>::new(filter).run(conn).await.unwrap();
            assert_eq!((page.records.len(), page.total), (0, Some(0)), "{field}={value}");
            taken += 1;
        }
    }
    taken
}

/// BR-STORAGE-011: injection through a filter is impossible, because values are bound.
#[tokio::test]
async fn values_that_look_like_sql_match_nothing_and_change_nothing() {
    let (_database, mut conn) = database().await;
    seed(&mut conn).await;
    for value in INJECTIONS {
        assert_eq!(try_in_every_field::<Remediation>(&mut conn, value).await, 10, "{value}");
        assert_eq!(try_in_every_field::<AiAnalysis>(&mut conn, value).await, 3, "{value}");
        assert_eq!(try_in_every_field::<Workflow>(&mut conn, value).await, 2, "{value}");
        assert_eq!(try_in_every_field::<Execution>(&mut conn, value).await, 5, "{value}");
    }
    for table in ["remediation_audit", "ai_analysis_audit", "workflow_audit", "execution_audit"] {
        assert_eq!(number(&mut conn, &format!("SELECT count(*) FROM {table}")).await, 300);
    }
}

/// BR-STORAGE-013: such a value finds the very records that were sent with it, alone and among others.
#[tokio::test]
async fn values_that_look_like_sql_find_the_records_that_hold_them() {
    let (_database, mut conn) = database().await;
    for value in INJECTIONS {
        let literal = sanitize(value).replace('\'', "''");
        let insert = format!(
            "INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time)
             VALUES ('{literal}', 'ns', 'pending', 'scale', '2026-01-01')"
        );
        execute(&mut conn, &insert).await;
    }
    for value in INJECTIONS {
        let filter = RemediationFilter::default().name(*value);
        let alone = ListQuery::<Remediation>::new(filter.clone().check(now()).unwrap());
        let records = alone.run(&mut conn).await.unwrap().records;
        assert_eq!(
            records.iter().map(|record| &record.name).collect::<Vec<_>>(),
            [&sanitize(value)],
            "{value}"
        );
        let among = filter.name("other").check(now()).unwrap();
        assert_eq!(CountQuery::<Remediation>::new(among.clone()).run(&mut conn).await.unwrap(), 1, "{value}");
    }
}

/// BR-STORAGE-011, BR-STORAGE-013: the same of keys of metadata and their values.
#[tokio::test]
async fn keys_that_look_like_sql_find_the_records_that_have_them() {
    let (_database, mut conn) = database().await;
    // A key with a control character is refused, since no record is stored with one.
    let keys = || INJECTIONS.iter().filter(|key| !key.chars().any(char::is_control));
    for value in keys() {
        let metadata = serde_json::json!({ *value: "here", "value": value }).to_string().replace('\'', "''");
        let insert = format!(
            "INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time, metadata)
             VALUES ('n', 'ns', 'pending', 'scale', '2026-01-01', '{metadata}')"
        );
        execute(&mut conn, &insert).await;
    }
    let any = RemediationFilter::default;
    for value in keys() {
        for (filter, expected) in [
            (any().metadata(*value, "here"), 1),
            (any().metadata(*value, "here").metadata("value", *value), 1),
            (any().metadata("value", *value).metadata("value", "other"), 1),
            (any().metadata(*value, "there"), 0),
        ] {
            let filter = filter.check(now()).unwrap();
            assert_eq!(
                CountQuery::<Remediation>::new(filter.clone()).run(&mut conn).await.unwrap(),
                expected,
                "{value}"
            );
        }
    }
}

/// What is no string is compared as PostgreSQL writes it.
#[tokio::test]
async fn values_of_metadata_are_compared_as_text() {
    let (_database, mut conn) = database().await;
    execute(
        &mut conn,
        r#"INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time, metadata)
           VALUES ('n', 'ns', 'pending', 'scale', '2026-01-01',
               '{"n": 1.50, "e": 1e2, "b": false, "l": [1,{"a":2}], "z": null, "s": "", "o": {"k": "v"}}')"#,
    )
    .await;
    for (key, value, matches) in [
        ("n", "1.50", true),
        ("n", "1.5", false),
        ("e", "100", true),
        ("b", "false", true),
        ("l", r#"[1, {"a": 2}]"#, true),
        ("z", "null", false),
        ("z", "", false),
        ("s", "", true),
        ("k", "v", false),
        ("missing", "", false),
    ] {
        let filter = RemediationFilter::default().metadata(key, value).check(now()).unwrap();
        let found = CountQuery::<Remediation>::new(filter.clone()).run(&mut conn).await.unwrap();
        assert_eq!(found, i64::from(matches), "{key}={value}");
    }
}

/// BR-STORAGE-013: ranges of the times of writing and of changing, on every type that has them.
#[tokio::test]
async fn ranges_of_writing_and_changing_hold_their_records() {
    let (_database, mut conn) = database().await;
    seed(&mut conn).await;
    check_written::<Remediation>(&mut conn, true).await;
    check_written::<AiAnalysis>(&mut conn, false).await;
    check_written::<Workflow>(&mut conn, true).await;
    check_written::<Execution>(&mut conn, false).await;
    check_written::<Incident>(&mut conn, true).await;
}

async fn check_written<R: Modelled>(conn: &mut AsyncPgConnection, changes: bool) {
    let rows = Row::<R>::every(conn).await;
    let at = |day: &str| vec![format!("2026-01-{day}T00:00:00.000000Z")];
    for (since, until) in [("created_since", "created_until"), ("updated_since", "updated_until")] {
        assert_eq!(R::Filter::has_field(since), changes || since == "created_since", "{since}");
        if !R::Filter::has_field(since) {
            continue;
        }
        for (begin, end) in [("05", "31"), ("06", "08"), ("07", "07"), ("09", "31")] {
            let wanted = [(since, at(begin)), (until, at(end))].into();
            let expected = rows.iter().filter(|row| row.matches(&wanted)).count();
            let counted = CountQuery::<R>::new(filter(&wanted)).run(conn).await.unwrap();
            assert_eq!(counted, i64::try_from(expected).unwrap(), "{since} {begin} {end}");
            assert_eq!(expected == 0, begin == end, "{since} {begin} {end}");
        }
    }
}

/// F49: what no index leads to is refused rather than read from end to end.
#[tokio::test]
async fn an_order_by_change_needs_a_range_or_a_narrow_filter() {
    let (_database, mut conn) = database().await;
    seed(&mut conn).await;
    for (pairs, is_taken) in [
        (&[][..], false),
        (&[("cluster", "east")], false),
        (&[("updated_since", "2026-01-01"), ("updated_until", "2026-01-31")], true),
        (&[("namespace", "prod")], true),
        (&[("since", "31d")], true),
    ] {
        let filter = RemediationFilter::from_pairs(pairs.iter().copied()).unwrap().check(now()).unwrap();
        let query = ListQuery::<Remediation>::new(filter).sort("-updated_at".parse().unwrap());
        let refused = query.run(&mut conn).await.err().map(|error| error.to_string());
        assert_eq!(refused.is_none(), is_taken, "{pairs:?} {refused:?}");
    }
}
