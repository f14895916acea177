//! Aggregates, against what Rust works out over every row.

use std::cell::RefCell;
use std::collections::BTreeMap;

use diesel_async::AsyncPgConnection;
use proptest::test_runner::{Config, TestRunner};
use storage_models::{Remediation, Status, Timestamp};
use storage_query::{
    AuditFilter as _, CheckedFilter, FacetsQuery, GroupCountsQuery, Grouping, Interval, MAX_BUCKETS,
    MAX_GROUPS, QueryError, RemediationFilter, SuccessRateQuery, TrendQuery,
};

use crate::lists::{any_wanted, filter};
use crate::model::{Row, Wanted, percentile};
use crate::support::{database, execute, now, seed};

type Rows<'a> = Vec<&'a Row<Remediation>>;

fn count(rows: &Rows<'_>, is_counted: impl Fn(&Remediation) -> bool) -> i64 {
    rows.iter().filter(|row| is_counted(&row.record)).count().try_into().unwrap()
}

async fn check_rate(
    conn: &mut AsyncPgConnection,
    filter: &CheckedFilter<RemediationFilter>,
    rows: &Rows<'_>,
) {
    let finished: Rows<'_> = rows.iter().filter(|row| row.record.phase.is_finished()).copied().collect();
    let rate = SuccessRateQuery::new(filter.clone()).run(conn).await.unwrap();
    let success = count(&finished, |it| it.status == Status::Success);
    let failed = count(&finished, |it| it.status == Status::Failed);
    let total = count(&finished, |_| true);
    assert_eq!((rate.total_count, rate.success_count, rate.failure_count), (total, success, failed));
    let parts = |count: i64| u32::try_from(count).map(f64::from).unwrap();
    assert_eq!(rate.success_rate, (total > 0).then(|| parts(success) / parts(total)));
}

async fn check_groups(
    conn: &mut AsyncPgConnection,
    filter: &CheckedFilter<RemediationFilter>,
    rows: &Rows<'_>,
) {
    for by in Grouping::ALL {
        let mut counts: BTreeMap<Option<String>, i64> = BTreeMap::new();
        for row in rows {
            *counts.entry(row.text(by.column())).or_default() += 1;
        }
        let mut expected: Vec<_> = counts.into_iter().collect();
        expected.sort_by_key(|(value, count)| (-count, value.is_none(), value.clone()));
        let found = GroupCountsQuery::new(filter.clone(), by).run(conn).await.unwrap();
        assert!(!found.is_truncated && found.groups.iter().all(|group| group.by == by));
        let found: Vec<_> = found.groups.into_iter().map(|group| (group.value, group.count)).collect();
        assert_eq!(found, expected, "{by:?}");
    }
}

async fn check_trend(
    conn: &mut AsyncPgConnection,
    filter: &CheckedFilter<RemediationFilter>,
    rows: &Rows<'_>,
) {
    // An hour each of the 79 days would be more than fit.
    for interval in [Interval::Day, Interval::Week] {
        let trend =
            TrendQuery::new(filter.clone(), interval, now()).with_durations().run(conn).await.unwrap();
        assert_eq!((trend.interval, trend.durations_of), (interval, count(rows, |_| true)));
        let buckets = trend.buckets;
        for pair in buckets.windows(2) {
            let days = pair[1].bucket.since(pair[0].bucket).num_days();
            assert_eq!(days, if interval == Interval::Day { 1 } else { 7 });
        }
        let ends: Vec<_> = buckets.iter().skip(1).map(|it| it.bucket).collect();
        let far = "9999-01-01T00:00:00Z".parse().unwrap();
        for (bucket, end) in buckets.iter().zip(ends.into_iter().chain([far])) {
            let inside: Rows<'_> = rows
                .iter()
                .filter(|row| (bucket.bucket..end).contains(&row.record.start_time))
                .copied()
                .collect();
            let expected = (
                count(&inside, |_| true),
                count(&inside, |it| it.status == Status::Success),
                count(&inside, |it| it.status == Status::Failed),
            );
            assert_eq!((bucket.total, bucket.success, bucket.failed), expected, "{interval:?} {bucket:?}");
            let mut durations: Vec<i64> = inside.iter().filter_map(|row| row.record.duration_ms).collect();
            durations.sort_unstable();
            assert_eq!(bucket.duration_ms_p50, percentile(&durations, 50));
            assert_eq!(bucket.duration_ms_p95, percentile(&durations, 95));
        }
        assert_eq!(buckets.iter().map(|it| it.total).sum::<i64>(), count(rows, |_| true));
    }
}

async fn check_facets(conn: &mut AsyncPgConnection, wanted: &Wanted, every: &[Row<Remediation>]) {
    let query = FacetsQuery::new(filter::<RemediationFilter>(wanted), Grouping::ALL.to_vec());
    let facets = query.limit(FacetsQuery::MAX_LIMIT).unwrap().run(conn).await.unwrap();
    assert_eq!(facets.iter().map(|facet| facet.field).collect::<Vec<_>>(), Grouping::ALL);
    for facet in facets {
        let column = facet.field.column();
        let is_of_others = |parameter: &&str| parameter.split('.').next() != Some(column);
        let others: Wanted = wanted
            .iter()
            .filter(|(name, _)| is_of_others(name))
            .map(|(name, it)| (*name, it.clone()))
            .collect();
        let mut counts: BTreeMap<Option<String>, i64> = BTreeMap::new();
        for row in every.iter().filter(|row| row.matches(&others)) {
            *counts.entry(row.text(column)).or_default() += 1;
        }
        let mut expected: Vec<_> = counts.into_iter().collect();
        expected.sort_by_key(|(value, count)| (-count, value.is_none(), value.clone()));
        let found: Vec<_> = facet.values.into_iter().map(|it| (it.value, it.count)).collect();
        assert_eq!((found, facet.is_truncated), (expected, false), "{column}");
    }
}

async fn check(conn: &mut AsyncPgConnection, rows: &[Row<Remediation>], wanted: &Wanted) {
    let matching: Rows<'_> = rows.iter().filter(|row| row.matches(wanted)).collect();
    let filter = filter::<RemediationFilter>(wanted);
    check_rate(conn, &filter, &matching).await;
    check_groups(conn, &filter, &matching).await;
    check_trend(conn, &filter, &matching).await;
    check_facets(conn, wanted, rows).await;
}

/// BR-STORAGE-012, BR-STORAGE-013: over any filter; F02: one filter feeds them all.
#[test]
fn aggregates_over_any_filter_are_what_rust_works_out() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (_database, mut conn, rows) = runtime.block_on(async {
        let (database, mut conn) = database().await;
        seed(&mut conn).await;
        let rows = Row::<Remediation>::every(&mut conn).await;
        (database, conn, rows)
    });
    runtime.block_on(check(&mut conn, &rows, &Wanted::new()));
    let conn = RefCell::new(&mut conn);
    TestRunner::new(Config::with_cases(100))
        .run(&any_wanted(&rows), |wanted| {
            runtime.block_on(check(&mut conn.borrow_mut(), &rows, &wanted));
            Ok(())
        })
        .unwrap();
}

/// Intervals are those of UTC, whatever the session's time zone says.
#[tokio::test]
async fn buckets_are_in_utc() {
    let (_database, mut conn) = database().await;
    execute(
        &mut conn,
        "INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time)
         SELECT 'n', 'ns', 'pending', 'scale', t::timestamptz
         FROM unnest(ARRAY['2026-03-28T23:59:59.999999Z', '2026-03-29T00:00:00Z', '2026-03-29T23:30:00Z']) AS t;
         SET timezone = 'Pacific/Apia'",
    )
    .await;
    let filter = RemediationFilter::default().until(now()).check(now()).unwrap();
    for (interval, expected) in [
        (Interval::Hour, vec![("2026-03-28T23", 1), ("2026-03-29T00", 1), ("2026-03-29T23", 1)]),
        (Interval::Day, vec![("2026-03-28T00", 1), ("2026-03-29T00", 2)]),
        (Interval::Week, vec![("2026-03-23T00", 3)]),
    ] {
        let buckets = TrendQuery::new(filter.clone(), interval, now()).run(&mut conn).await.unwrap().buckets;
        let filled = buckets.iter().filter(|it| it.total > 0);
        let filled: Vec<_> =
            filled.map(|it| (it.bucket.as_datetime().format("%Y-%m-%dT%H").to_string(), it.total)).collect();
        let filled: Vec<_> = filled.iter().map(|(bucket, total)| (bucket.as_str(), *total)).collect();
        assert_eq!(filled, expected);
    }
}

/// The interval that fits the range of time, from the first match where the filter has no beginning.
#[tokio::test]
async fn an_interval_is_chosen_for_the_range() {
    let (_database, mut conn) = database().await;
    execute(
        &mut conn,
        "INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time)
         SELECT 'n', 'ns', 'pending', 'scale', t::timestamptz FROM unnest(ARRAY['2026-03-01Z', '2026-03-30T23:00Z']) AS t",
    )
    .await;
    for (since, interval, buckets) in [
        (Some("2026-03-30T22:00:00Z"), Interval::Minute, 120),
        (Some("2026-03-25T00:00:00Z"), Interval::Hour, 144),
        (None, Interval::Day, 30),
        (Some("2025-01-01T00:00:00Z"), Interval::Week, 66),
    ] {
        let mut filter = RemediationFilter::default().until(now());
        filter.since = since.map(|since| since.parse().unwrap());
        let trend = TrendQuery::auto(filter.check(now()).unwrap(), now()).run(&mut conn).await.unwrap();
        assert_eq!(
            (trend.interval, trend.buckets.len(), trend.durations_of),
            (interval, buckets, 0),
            "{since:?}"
        );
    }
    let none = RemediationFilter::default().namespace("none").check(now()).unwrap();
    assert!(TrendQuery::auto(none, now()).run(&mut conn).await.unwrap().buckets.is_empty());
}

/// However many values and intervals there are, an answer has a bound, and says when it was reached.
#[tokio::test]
async fn groups_and_buckets_are_bounded() {
    let (_database, mut conn) = database().await;
    execute(
        &mut conn,
        "INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time)
         SELECT 'n', 'ns-' || n, 'pending', 'scale', '2026-01-01'::timestamptz + n % 1001 * interval '1 hour'
         FROM generate_series(1, 1001) AS n, generate_series(1, 1 + (n > 990)::int)",
    )
    .await;
    let found =
        GroupCountsQuery::new(CheckedFilter::default(), Grouping::Namespace).run(&mut conn).await.unwrap();
    assert!(found.is_truncated);
    assert_eq!((found.groups.len(), found.groups[10].count, found.groups[11].count), (MAX_GROUPS, 2, 1));

    let early: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let error =
        TrendQuery::new(CheckedFilter::default(), Interval::Hour, early).run(&mut conn).await.unwrap_err();
    let QueryError::Invalid(errors) = error else { panic!("{error}") };
    assert_eq!(errors.iter().map(|error| &*error.field).collect::<Vec<_>>(), ["since"]);
    let until: Timestamp = "2026-02-11T16:00:00Z".parse().unwrap();
    let fits = RemediationFilter::default().until(until).check(now()).unwrap();
    let fits = TrendQuery::new(fits, Interval::Hour, early).run(&mut conn).await.unwrap();
    assert_eq!(fits.buckets.len(), MAX_BUCKETS);
}
