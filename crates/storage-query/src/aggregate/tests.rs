//! Tests for what aggregates work out themselves, and their SQL as a golden file.

use std::fmt::Write as _;

use chrono::{Datelike as _, Duration, NaiveTime, Timelike as _};
use proptest::prelude::*;
use storage_models::Timestamp;

use super::trend::complete;
use super::{Bucket, FacetsQuery, Group, Grouping, Interval, MAX_BUCKETS, SuccessRate, groups, rate, trend};
use crate::{AuditFilter as _, CheckedFilter, InvalidReason, RemediationFilter};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn range(since: Option<&str>, until: Option<&str>) -> CheckedFilter<RemediationFilter> {
    let mut filter = RemediationFilter::default();
    filter.since = since.map(|text| text.parse().unwrap());
    filter.until = until.map(|text| text.parse().unwrap());
    filter.check(at("2026-03-01T00:00:00Z")).unwrap()
}

#[test]
fn a_rate_over_nothing_is_null() {
    assert_eq!(SuccessRate::of(4, 3, 0).success_rate, Some(0.75));
    let json = serde_json::to_value(SuccessRate::of(0, 0, 0)).unwrap();
    assert_eq!(
        json,
        serde_json::json!({"total_count": 0, "success_count": 0, "failure_count": 0, "success_rate": null})
    );
}

#[test]
fn a_group_is_written_under_its_columns_name() {
    let group =
        |value: Option<&str>| Group { by: Grouping::Severity, value: value.map(str::to_owned), count: 12 };
    assert_eq!(serde_json::to_string(&group(Some("high"))).unwrap(), r#"{"severity":"high","count":12}"#);
    assert_eq!(serde_json::to_string(&group(None)).unwrap(), r#"{"severity":null,"count":12}"#);
}

/// F19
#[test]
fn groupings_and_intervals_are_words_of_a_set() {
    for grouping in Grouping::ALL {
        assert_eq!(grouping.column().parse(), Ok(grouping));
    }
    for interval in Interval::ALL {
        assert_eq!(interval.as_str().parse(), Ok(interval));
    }
    let error = "Severity".parse::<Grouping>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "group_by must be one of namespace, severity, action_type, phase, status, environment, cluster, target_name, alert_name, alert_fingerprint, recorded_by"
    );
    let error = "month".parse::<Interval>().unwrap_err();
    assert_eq!(error.to_string(), "interval must be one of minute, hour, day, week");
}

fn buckets(filter: &CheckedFilter<RemediationFilter>, interval: Interval, found: &[&str]) -> Vec<String> {
    let rows = found
        .iter()
        .map(|text| Bucket { total: 5, success: 3, failed: 1, ..Bucket::empty(at(text)) })
        .collect();
    let buckets = complete(filter, interval, at("2026-03-01T12:30:00Z"), rows).unwrap();
    buckets.iter().map(|it| format!("{} {}", it.bucket.as_datetime().format("%m-%d %H"), it.total)).collect()
}

#[test]
fn empty_buckets_are_present_from_end_to_end() {
    let found = ["2026-03-01T10:00:00Z"];
    for (since, until, expected) in [
        (None, None, vec!["03-01 10 5", "03-01 11 0", "03-01 12 0"]),
        (Some("2026-03-01T09:59:59Z"), Some("2026-03-01T11:00:00Z"), vec!["03-01 09 0", "03-01 10 5"]),
        (Some("2026-03-01T10:00:00Z"), Some("2026-03-01T11:00:01Z"), vec!["03-01 10 5", "03-01 11 0"]),
    ] {
        assert_eq!(buckets(&range(since, until), Interval::Hour, &found), expected, "{since:?} {until:?}");
    }
    let day_ahead = ["2026-03-02T00:00:00Z"];
    assert_eq!(
        buckets(&range(Some("2026-03-01"), None), Interval::Day, &day_ahead),
        ["03-01 00 0", "03-02 00 5"]
    );
    assert_eq!(buckets(&range(Some("2026-03-01"), None), Interval::Week, &[]), ["02-23 00 0"]);
    assert!(buckets(&range(None, Some("2026-03-01")), Interval::Day, &[]).is_empty());
    let empty = range(Some("2026-03-01"), Some("2026-03-01"));
    assert!(buckets(&empty, Interval::Day, &[]).is_empty());
}

#[test]
fn a_range_of_too_many_buckets_is_refused() {
    let until = Some("2026-01-01T00:00:00Z");
    let long = "1901-01-01T00:00:00Z";
    for (interval, since) in [
        (Interval::Minute, "2025-12-31T07:20:00Z"),
        (Interval::Hour, "2025-11-20T08:00:00Z"),
        (Interval::Day, "2023-04-07T00:00:00Z"),
        (Interval::Week, "2006-11-06T00:00:00Z"),
    ] {
        let fits = complete(&range(Some(since), until), interval, at(long), vec![]).unwrap();
        assert_eq!(fits.len(), MAX_BUCKETS);
        let earlier = Timestamp::from_micros(at(since).micros() - 1).unwrap().to_string();
        let error = complete(&range(Some(&earlier), until), interval, at(long), vec![]).unwrap_err();
        assert_eq!(
            (&*error.field, error.reason),
            ("since", InvalidReason::TooManyBuckets { max: MAX_BUCKETS })
        );
    }
    let row = Bucket { total: 1, ..Bucket::empty(at(long)) };
    assert!(complete(&range(None, None), Interval::Week, at("2026-03-01T00:00:00Z"), vec![row]).is_err());
}

/// The finest interval of which a range has few enough buckets to be drawn.
#[test]
fn an_interval_fits_its_range() {
    let since = "2026-01-01T00:00:00Z";
    for (until, interval) in [
        ("2026-01-01T00:00:00Z", Interval::Minute),
        ("2026-01-01T05:00:00Z", Interval::Minute),
        ("2026-01-01T05:00:00.000001Z", Interval::Hour),
        ("2026-01-13T12:00:00Z", Interval::Hour),
        ("2026-01-13T12:00:01Z", Interval::Day),
        ("2026-10-28T00:00:00Z", Interval::Day),
        ("2026-10-28T00:00:01Z", Interval::Week),
        ("2126-01-01T00:00:00Z", Interval::Week),
    ] {
        assert_eq!(Interval::fitting(at(since), at(until)), interval, "{until}");
    }
}

#[test]
fn facets_are_of_some_columns_each_once_and_of_so_many_values() {
    let of = |fields: &[Grouping]| FacetsQuery::new(CheckedFilter::default(), fields.to_vec());
    assert!(of(&Grouping::ALL).to_sql().is_ok());
    for fields in [&[][..], &[Grouping::Phase, Grouping::Phase]] {
        assert_eq!(of(fields).to_sql().unwrap_err().to_string(), "fields must name 1 to 11 columns");
    }
    for limit in [0, 101] {
        let error = of(&[Grouping::Phase]).limit(limit).unwrap_err();
        assert_eq!(error.to_string(), "limit must be a whole number from 1 to 100");
    }
    assert!(of(&[Grouping::Phase]).limit_of(Some("1x")).is_err());
    assert!(of(&[Grouping::Phase]).limit_of(None).is_ok());
}

proptest! {
    /// Against the calendar of another library.
    #[test]
    fn buckets_begin_where_the_calendar_says(micros in -60_000_000_000_000_000_i64..250_000_000_000_000_000) {
        let instant = Timestamp::from_micros(micros).unwrap().as_datetime();
        let midnight = instant.date_naive().and_time(NaiveTime::MIN).and_utc();
        let hour = midnight + Duration::hours(instant.hour().into());
        let minute = hour + Duration::minutes(instant.minute().into());
        let monday = midnight - Duration::days(instant.weekday().num_days_from_monday().into());
        let floor = |interval: Interval| interval.floor(micros);
        prop_assert_eq!(floor(Interval::Minute), minute.timestamp_micros());
        prop_assert_eq!(floor(Interval::Hour), hour.timestamp_micros());
        prop_assert_eq!(floor(Interval::Day), midnight.timestamp_micros());
        prop_assert_eq!(floor(Interval::Week), monday.timestamp_micros());
    }
}

#[test]
fn golden_sql_of_aggregates() {
    let filter = RemediationFilter::default().namespace("prod").since(at("2026-01-01T00:00:00Z"));
    let filter = filter.check(at("2026-03-01T00:00:00Z")).unwrap();
    let facets =
        FacetsQuery::new(filter.clone(), vec![Grouping::Severity, Grouping::Namespace, Grouping::Cluster]);
    let mut golden = String::new();
    for (title, sql) in [
        ("success rate", rate::sql(&filter)),
        ("success rate of everything", rate::sql(&CheckedFilter::default())),
        ("by namespace", groups::sql(&filter, Grouping::Namespace, 1_001)),
        ("by severity", groups::sql(&filter, Grouping::Severity, 1_001)),
        ("by action type", groups::sql(&filter, Grouping::ActionType, 1_001)),
        ("by alert name of everything", groups::sql(&CheckedFilter::default(), Grouping::AlertName, 1_001)),
        ("by alert name of a namespace", groups::sql(&filter, Grouping::AlertName, 1_001)),
        ("per week", trend::sql(&filter, Interval::Week, false)),
        ("per week with durations", trend::sql(&filter, Interval::Week, true)),
        ("facets", facets.sql()),
    ] {
        let bound = sql.into_bound();
        writeln!(golden, "-- {title}\n{}\n   {:?}\n", bound.text, bound.binds).unwrap();
    }
    insta::assert_snapshot!("aggregates", golden);
}
