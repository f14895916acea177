//! What came of what was done, against what Rust works out over every row, and over histories that are planted.

use std::collections::BTreeMap;

use diesel_async::AsyncPgConnection;
use proptest::test_runner::{Config, TestRunner};
use storage_models::{Remediation, Status, Timestamp};
use storage_query::{
    AuditFilter as _, CheckedFilter, Grouping, HistoryQuery, MAX_GROUPS, MAX_JUDGED, Outcome, OutcomeCounts,
    Outcomes, OutcomesQuery, PageRequest, RemediationFilter, Settle,
};

use crate::lists::{any_wanted, filter};
use crate::model::{Row, Wanted, percentile};
use crate::support::{SET, database, execute, now, seed};

type Rows<'a> = Vec<&'a Row<Remediation>>;

/// Gives each record with an alert a vector, and one incident to those of one alert.
const VECTORS: &str = "
    INSERT INTO remediation_vector (slot, record_id, start_time, version, embedding_id, incident_key)
    SELECT 1, id, start_time, updated_at, 1, decode(md5(alert_name), 'hex') FROM remediation_audit WHERE alert_name IS NOT NULL";

/// What came of a record, worked out over every row.
fn outcome(row: &Remediation, every: &[Row<Remediation>], settle: Settle) -> Outcome {
    match row.status {
        _ if !row.phase.is_finished() => return Outcome::Unfinished,
        Status::Success => {}
        Status::Failed => return Outcome::Failed,
        _ => return Outcome::Unknown,
    }
    let end = row.end_time.unwrap_or(row.start_time);
    let settled = end.checked_add(chrono::TimeDelta::milliseconds(settle.millis())).unwrap();
    let is_same = |other: &Remediation| match &row.alert_fingerprint {
        Some(fingerprint) => other.alert_fingerprint.as_ref() == Some(fingerprint),
        None => {
            row.alert_name.is_some()
                && other.alert_name == row.alert_name
                && other.namespace == row.namespace
                && other.cluster == row.cluster
        }
    };
    let is_other_request = |other: &Remediation| {
        row.remediation_request_id.is_none() || other.remediation_request_id != row.remediation_request_id
    };
    let has_recurred = every.iter().map(|row| &row.record).any(|other| {
        is_same(other) && is_other_request(other) && end < other.start_time && other.start_time <= settled
    });
    match has_recurred {
        true => Outcome::Recurred,
        false if settled > now() => Outcome::TooEarly,
        false => Outcome::Held,
    }
}

fn number(count: usize) -> i64 {
    count.try_into().unwrap()
}

/// The lower end of the Wilson interval.
fn wilson(part: i64, whole: i64) -> Option<f64> {
    let (part, whole) = (f64::from(i32::try_from(part).unwrap()), f64::from(i32::try_from(whole).unwrap()));
    let (rate, z) = (part / whole, 1.959_963_984_540_054);
    let spread = z * (rate * (1.0 - rate) / whole + z * z / (4.0 * whole * whole)).sqrt();
    (whole > 0.0).then(|| (rate + z * z / (2.0 * whole) - spread) / (1.0 + z * z / whole))
}

fn is_close(found: Option<f64>, expected: Option<f64>) -> bool {
    match (found, expected) {
        (Some(found), Some(expected)) => (found - expected).abs() < 1e-12,
        (found, expected) => found == expected,
    }
}

fn check_counts(counts: &OutcomeCounts, of: &Rows<'_>, every: &[Row<Remediation>], settle: Settle) {
    let count = |wanted: Outcome| {
        number(of.iter().filter(|row| outcome(&row.record, every, settle) == wanted).count())
    };
    let (held, recurred, too_early) =
        (count(Outcome::Held), count(Outcome::Recurred), count(Outcome::TooEarly));
    let (failed, unknown) = (count(Outcome::Failed), count(Outcome::Unknown));
    let (success, total) = (held + recurred + too_early, number(of.len()));
    assert_eq!(
        (counts.total, counts.success, counts.failed, counts.unknown),
        (total, success, failed, unknown)
    );
    assert_eq!((counts.held, counts.recurred, counts.too_early), (held, recurred, too_early));
    assert!(is_close(counts.success_rate_bound, wilson(success, total)), "{counts:?}");
    assert!(is_close(counts.held_rate_bound, wilson(held, total - too_early)), "{counts:?}");
    let mut durations: Vec<i64> = of.iter().filter_map(|row| row.record.duration_ms).collect();
    durations.sort_unstable();
    assert_eq!(
        (counts.duration_ms_p50, counts.duration_ms_p95),
        (percentile(&durations, 50), percentile(&durations, 95))
    );
    assert_eq!(Some(counts.last_seen), of.iter().map(|row| row.record.start_time).max());
}

async fn check(
    conn: &mut AsyncPgConnection,
    every: &[Row<Remediation>],
    wanted: &Wanted,
    by: &[Grouping],
    settle: Settle,
) {
    let mut groups: BTreeMap<Vec<Option<String>>, Rows<'_>> = BTreeMap::new();
    let finished = every.iter().filter(|row| row.matches(wanted) && row.record.phase.is_finished());
    for row in finished {
        groups.entry(by.iter().map(|column| row.text(column.column())).collect()).or_default().push(row);
    }
    let query = OutcomesQuery::new(filter::<RemediationFilter>(wanted), by.to_vec(), now()).settle(settle);
    let found = query.run(conn).await.unwrap();
    assert_eq!(found.durations_of, number(groups.values().map(Vec::len).sum()));
    let bounds: Vec<_> =
        found.groups.iter().map(|group| group.counts.held_rate_bound.unwrap_or(-1.0)).collect();
    assert!(bounds.is_sorted_by(|a, b| a >= b), "{bounds:?}");
    assert_eq!(found.groups.len(), groups.len());
    for group in &found.groups {
        let key: Vec<_> = group.by.iter().map(|(_, value)| value.clone()).collect();
        check_counts(&group.counts, &groups[&key], every, settle);
    }
}

/// Over any filter, by any columns; whether a success held depends on all records, whatever the filter says.
#[test]
fn outcomes_over_any_filter_are_what_rust_works_out() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (_database, conn, rows) = runtime.block_on(async {
        let (database, mut conn) = database().await;
        seed(&mut conn).await;
        execute(&mut conn, SET).await;
        execute(&mut conn, VECTORS).await;
        let rows = Row::<Remediation>::every(&mut conn).await;
        (database, conn, rows)
    });
    let settles = [Settle::default(), Settle::of_millis(Settle::MAX_MILLIS).unwrap()];
    let seen: Vec<Outcome> = settles
        .iter()
        .flat_map(|settle| rows.iter().map(|row| outcome(&row.record, &rows, *settle)))
        .collect();
    for wanted in Outcome::ALL {
        assert!(seen.contains(&wanted), "no {wanted}");
    }
    let conn = std::cell::RefCell::new(conn);
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    let columns = proptest::sample::subsequence(OutcomesQuery::COLUMNS.to_vec(), 1..=3);
    let settle = proptest::sample::select(vec!["1h", "24h", "7d", "30d"]);
    let tried = runner.run(&(any_wanted(&rows), columns, settle), |(wanted, by, settle)| {
        let conn = &mut *conn.borrow_mut();
        runtime.block_on(check(conn, &rows, &wanted, &by, settle.parse().unwrap()));
        Ok(())
    });
    tried.unwrap();
}

/// An occurrence of an alert: action, status, its end or the next one's beginning in minutes from now.
async fn plant(conn: &mut AsyncPgConnection, action: &str, status: &str, times: u32, recurs: bool) {
    execute(
        conn,
        &format!(
            "INSERT INTO remediation_audit (name, namespace, phase, action_type, status, start_time, end_time,
                 remediation_request_id, alert_name, alert_fingerprint)
             SELECT 'r', 'prod', 'completed', '{action}', '{status}', t, t + interval '1 min', '{action}-' || n, 'OOM',
                 '{action}-' || CASE WHEN {recurs} THEN 0 ELSE n END
             FROM generate_series(1, {times}) AS n, LATERAL (SELECT '2026-03-01'::timestamptz + n * interval '1 hour' AS t) AS at"
        ),
    )
    .await;
}

async fn by_action(conn: &mut AsyncPgConnection) -> Outcomes {
    let filter = RemediationFilter::default().alert_name("OOM").check(now()).unwrap();
    OutcomesQuery::new(filter, vec![Grouping::ActionType], now()).run(conn).await.unwrap()
}

fn actions(found: &Outcomes) -> Vec<&str> {
    found.groups.iter().filter_map(|group| group.by.first()?.1.as_deref()).collect()
}

/// What works and holds comes first, and much evidence before little: a success that did not hold is none.
#[tokio::test]
async fn what_holds_most_surely_comes_first() {
    let (_database, mut conn) = database().await;
    for (action, status, times, recurs) in [
        ("works", "success", 95, false),
        ("works", "failed", 5, false),
        ("once", "success", 1, false),
        ("comes back", "success", 60, true),
        ("fails", "failed", 60, false),
        ("is unknown", "unknown", 60, false),
        ("half known", "success", 60, false),
        ("half known", "unknown", 60, false),
    ] {
        plant(&mut conn, action, status, times, recurs).await;
    }
    let found = by_action(&mut conn).await;
    assert_eq!(actions(&found)[..3], ["works", "half known", "once"]);
    let of = |action: &str| {
        let group = found.groups.iter().find(|group| group.by[0].1.as_deref() == Some(action)).unwrap();
        let counts = &group.counts;
        (counts.success, counts.held, counts.recurred, counts.held_rate)
    };
    assert_eq!(of("works"), (95, 95, 0, Some(0.95)));
    assert_eq!(of("half known"), (60, 60, 0, Some(0.5)));
    // The last one of sixty was not followed by another.
    assert_eq!(of("comes back"), (60, 1, 59, Some(1.0 / 60.0)));
    assert_eq!((of("fails"), of("is unknown")), ((0, 0, 0, Some(0.0)), (0, 0, 0, Some(0.0))));
}

/// A retry of the same request is no recurrence; a record without a request is one; so is one that no filter lets through.
#[tokio::test]
async fn a_recurrence_is_of_another_request_whatever_the_filter_says() {
    for (request, action, minutes, expected) in [
        ("'a'", "restart", 60, (1, 0)),
        ("'b'", "restart", 60, (0, 1)),
        ("NULL", "restart", 60, (0, 1)),
        ("'b'", "scale", 60, (0, 1)),
        ("'b'", "restart", 24 * 60 + 1, (0, 1)),
        ("'b'", "restart", 24 * 60 + 2, (1, 0)),
        ("'b'", "restart", 1, (1, 0)),
    ] {
        let (_database, mut conn) = database().await;
        execute(
            &mut conn,
            &format!(
                "INSERT INTO remediation_audit (name, namespace, phase, action_type, status, start_time, end_time,
                     remediation_request_id, alert_fingerprint) VALUES
                 ('r', 'prod', 'completed', 'restart', 'success', '2026-03-01Z', '2026-03-01T00:01Z', 'a', 'f'),
                 ('r', 'prod', 'processing', '{action}', 'running', '2026-03-01Z'::timestamptz + {minutes} * interval '1 min', NULL, {request}, 'f')"
            ),
        )
        .await;
        let filter = RemediationFilter::default().status(Status::Success).check(now()).unwrap();
        let found = OutcomesQuery::new(filter, vec![Grouping::Cluster], now()).run(&mut conn).await.unwrap();
        let counts = &found.groups[0].counts;
        assert_eq!((counts.held, counts.recurred), expected, "{request} {action} {minutes}");
    }
}

/// What came of an alert, the newest first: when, after how long, what was done, whether it held; and the first that did.
#[tokio::test]
async fn a_history_tells_each_occurrence_and_the_first_success_that_held() {
    let (_database, mut conn) = database().await;
    execute(
        &mut conn,
        "INSERT INTO remediation_audit (name, namespace, phase, action_type, status, start_time, end_time,
             remediation_request_id, alert_name, alert_fingerprint, recorded_by)
         SELECT 'r', 'prod', phase, action, status, t::timestamptz, t::timestamptz + interval '90 s', 'q-' || t, 'OOM', 'f', 'controller'
         FROM (VALUES
             ('failed', 'scale', 'failed', '2026-01-01T00:00Z'),
             ('completed', 'restart', 'success', '2026-01-01T01:00Z'),
             ('completed', 'drain', 'success', '2026-01-01T13:00Z'),
             ('completed', 'drain', 'success', '2026-02-03T00:00Z'),
             ('completed', 'drain', 'unknown', '2026-03-30T11:00Z'),
             ('completed', 'drain', 'success', '2026-03-30T12:00Z'),
             ('processing', 'drain', 'running', '2026-03-01T12:00Z')) AS planted (phase, action, status, t);
         INSERT INTO remediation_audit (name, namespace, phase, action_type, status, start_time, alert_name)
         VALUES ('r', 'prod', 'failed', 'other', 'failed', '2026-01-02Z', 'Disk')",
    )
    .await;
    let filter = RemediationFilter::default().alert_fingerprint("f").check(now()).unwrap();
    let query = HistoryQuery::new(filter, now());
    let history = query.run(&mut conn).await.unwrap();
    let told: Vec<_> = history
        .occurrences
        .iter()
        .map(|it| (it.action_type.as_str(), it.outcome, it.gap_ms.map(|gap| gap / 3_600_000)))
        .collect();
    assert_eq!(
        told,
        [
            ("drain", Outcome::TooEarly, Some(1)),
            ("drain", Outcome::Unknown, Some(29 * 24 - 1)),
            ("drain", Outcome::Unfinished, Some(26 * 24 + 12)),
            ("drain", Outcome::Held, Some(32 * 24 + 11)),
            ("drain", Outcome::Held, Some(12)),
            ("restart", Outcome::Recurred, Some(1)),
            ("scale", Outcome::Failed, None),
        ]
    );
    assert!(history.occurrences.iter().all(|it| it.recorded_by == "controller"));
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    assert_eq!((history.count, history.is_truncated), (7, false));
    assert_eq!(
        (history.first, history.last),
        (Some(at("2026-01-01T00:00:00Z")), Some(at("2026-03-30T12:00:00Z")))
    );
    let held = history.first_held.unwrap();
    assert_eq!((held.action_type.as_str(), held.start_time), ("drain", at("2026-01-01T13:00:00Z")));

    let two = query.page(PageRequest::new(2, 0).unwrap()).run(&mut conn).await.unwrap();
    assert_eq!((two.occurrences.len(), two.is_truncated, two.count), (2, true, 7));
    assert_eq!(two.occurrences, history.occurrences[..2]);
    let nowhere = RemediationFilter::default().alert_name("none").check(now()).unwrap();
    let empty = HistoryQuery::new(nowhere, now()).run(&mut conn).await.unwrap();
    assert_eq!((empty.count, empty.first, empty.first_held, empty.occurrences.len()), (0, None, None, 0));
}

/// However many values there are, an answer has a bound, and says when it was reached; and it is known how much it is of.
#[tokio::test]
async fn outcomes_are_bounded() {
    let (_database, mut conn) = database().await;
    execute(
        &mut conn,
        "INSERT INTO remediation_audit (name, namespace, phase, action_type, status, start_time, end_time)
         SELECT 'n', 'ns-' || n % 1001, 'completed', 'scale', 'success', '2026-01-01'::timestamptz + n * interval '1 min',
             '2026-01-01'::timestamptz + n * interval '1 min' + n * interval '1 ms'
         FROM generate_series(1, 10500) AS n",
    )
    .await;
    let of = |by| OutcomesQuery::new(CheckedFilter::default(), vec![by], now());
    let found = of(Grouping::Namespace).run(&mut conn).await.unwrap();
    assert_eq!((found.groups.len(), found.is_truncated, found.durations_of), (MAX_GROUPS, true, 10_000));
    let found = of(Grouping::ActionType).run(&mut conn).await.unwrap();
    let counts = &found.groups[0].counts;
    assert_eq!((counts.total, counts.success, counts.held), (10_500, 10_500, 10_000));
    assert_eq!((counts.held_rate, counts.duration_ms_p50), (Some(1.0), Some(5_500)));
}

/// Where there are more than are looked up, the counters and the table tell the same: also of what is rare and was seen long
/// ago.
#[tokio::test]
async fn the_counters_and_the_table_tell_the_same_outcomes() {
    let (_database, mut conn) = database().await;
    execute(
        &mut conn,
        "INSERT INTO remediation_audit (name, namespace, phase, action_type, status, start_time, cluster)
         SELECT 'n', 'ns', CASE WHEN n % 7 = 0 THEN 'processing' WHEN n % 5 = 0 THEN 'failed' ELSE 'completed' END,
             CASE WHEN n % 1000 < 3 AND n < 1000 THEN 'rare' ELSE 'common' END,
             CASE WHEN n % 7 = 0 THEN 'running' WHEN n % 5 = 0 THEN 'failed' WHEN n % 3 = 0 THEN 'unknown' ELSE 'success' END,
             '2026-01-01'::timestamptz + n * interval '1 min', 'east'
         FROM generate_series(1, 13000) AS n",
    )
    .await;
    let of =
        |filter: RemediationFilter, by| OutcomesQuery::new(filter.check(now()).unwrap(), vec![by], now());
    for by in [Grouping::ActionType, Grouping::Severity] {
        let counters = of(RemediationFilter::default(), by);
        let table = of(RemediationFilter::default().cluster("east"), by);
        let is_counted = |query: &OutcomesQuery| query.to_sql().unwrap().text.contains("remediation_count");
        assert!(is_counted(&counters) && !is_counted(&table));
        let (counters, table) = (counters.run(&mut conn).await.unwrap(), table.run(&mut conn).await.unwrap());
        assert_eq!((&counters, counters.durations_of), (&table, MAX_JUDGED));
    }
    let found = of(RemediationFilter::default(), Grouping::ActionType).run(&mut conn).await.unwrap();
    let rare = found.groups.iter().find(|it| it.by[0].1.as_deref() == Some("rare")).unwrap();
    assert_eq!(
        (rare.counts.total, rare.counts.success, rare.counts.held, rare.counts.last_seen),
        (2, 2, 0, "2026-01-01T00:02:00Z".parse().unwrap())
    );
}

/// The next record is mostly the answer, but not where it is of the same request, or of the same text elsewhere.
#[tokio::test]
async fn a_recurrence_may_lie_behind_the_next_record() {
    let (_database, mut conn) = database().await;
    execute(&mut conn, SET).await;
    execute(
        &mut conn,
        "INSERT INTO remediation_audit (name, namespace, phase, action_type, status, start_time, end_time, remediation_request_id,
             alert_name, alert_fingerprint)
         SELECT 'r', namespace, 'completed', 'restart', 'success', t, t + interval '1 min', request, alert, fingerprint
         FROM (VALUES (0, 'prod', 'a'), (1, 'prod', 'a'), (2, 'test', 'c'), (3, 'prod', 'b')) AS planted (hours, namespace, request),
             LATERAL (SELECT '2026-03-01Z'::timestamptz + hours * interval '1 hour' AS t) AS at,
             (VALUES ('with', 'f'), ('without', NULL)) AS of (alert, fingerprint)",
    )
    .await;
    execute(&mut conn, VECTORS).await;
    let of = |filter: RemediationFilter| {
        OutcomesQuery::new(filter.check(now()).unwrap(), vec![Grouping::AlertName], now())
    };
    let found = of(RemediationFilter::default()).run(&mut conn).await.unwrap();
    let told: BTreeMap<_, _> = found
        .groups
        .iter()
        .map(|it| (it.by[0].1.as_deref().unwrap(), (it.counts.recurred, it.counts.held)))
        .collect();
    // With a fingerprint the namespace does not matter; without one, what happened in `test` is another incident.
    assert_eq!(told, BTreeMap::from([("with", (3, 1)), ("without", (2, 2))]));
}
