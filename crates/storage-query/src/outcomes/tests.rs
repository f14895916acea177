//! Tests for what outcomes work out themselves, and their SQL as a golden file.

use std::fmt::Write as _;

use serde_json::json;
use storage_models::{IncidentKey, Timestamp};

use super::{ActionsQuery, HistoryQuery, OutcomeCounts, OutcomeGroup, OutcomesQuery, Settle};
use crate::{AuditFilter as _, CheckedFilter, Grouping, IncidentHit, InvalidReason, RemediationFilter};

fn now() -> Timestamp {
    "2026-03-01T00:00:00Z".parse().unwrap()
}

fn valid(filter: RemediationFilter) -> CheckedFilter<RemediationFilter> {
    filter.check(now()).unwrap()
}

#[test]
fn the_time_to_settle_is_a_span_in_a_range() {
    assert_eq!(Settle::default(), "24h".parse().unwrap());
    for (text, expected) in [
        ("90m", Some(5_400_000)),
        ("30d", Some(Settle::MAX_MILLIS)),
        ("1ms", Some(1)),
        ("30d1ms", None),
        ("0s", None),
        ("99999999999999999999d", None),
        ("", None),
        ("24", None),
        ("-1h", None),
    ] {
        assert_eq!(text.parse::<Settle>().ok().map(Settle::millis), expected, "{text}");
    }
    let error = "x".parse::<Settle>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "settle must be a duration such as 90m, 24h or 7d, of more than zero and at most 30d"
    );
}

#[test]
fn outcomes_are_by_one_to_three_columns_that_say_what_was_done_or_where() {
    let by = |by: &str| {
        let columns = Grouping::list("by", by, &OutcomesQuery::COLUMNS).map_err(|error| error.to_string())?;
        let query = OutcomesQuery::new(CheckedFilter::default(), columns, now()).check();
        query.map(|_| ()).map_err(|error| error.to_string())
    };
    for column in OutcomesQuery::COLUMNS {
        assert_eq!(by(column.column()), Ok(()));
    }
    assert_eq!(by("action_type, namespace,cluster,namespace"), Ok(()));
    let allowed = "must be one of alert_name, alert_fingerprint, action_type, namespace, cluster, environment, severity, target_name";
    assert_eq!(by("status"), Err(format!("by {allowed}")));
    for unknown in ["", "actions", "cluster,"] {
        assert_eq!(by(unknown), Err(format!("by {allowed}")), "{unknown}");
    }
    assert_eq!(by("action_type,namespace,cluster,severity"), Err("by must name 1 to 3 columns".to_owned()));
    let none = OutcomesQuery::new(CheckedFilter::default(), Vec::new(), now()).to_sql();
    assert_eq!(none.unwrap_err().reason, InvalidReason::ColumnCount { min: 1, max: 3 });
}

#[test]
fn a_history_is_of_one_alert_or_one_fingerprint() {
    let check = |pairs: &[(&str, &str)]| {
        let filter = RemediationFilter::from_pairs(pairs.iter().copied()).unwrap();
        HistoryQuery::new(valid(filter), now()).check().is_ok()
    };
    assert!(check(&[("alert_name", "a")]) && check(&[("alert_fingerprint", "f"), ("cluster", "c")]));
    assert!(check(&[("alert_fingerprint", "f"), ("alert_name", "a,b")]));
    for pairs in [&[][..], &[("alert_name", "a,b")], &[("alert_name.prefix", "a")], &[("cluster", "c")]] {
        assert!(!check(pairs), "{pairs:?}");
    }
    let error = HistoryQuery::new(CheckedFilter::default(), now()).to_sql().unwrap_err();
    assert_eq!(error.to_string(), "alert_fingerprint must have one value, or alert_name must");
}

#[test]
fn a_group_is_written_with_its_values_under_the_columns_names() {
    let counts = OutcomeCounts {
        total: 4,
        success: 3,
        failed: 0,
        unknown: 1,
        success_rate: Some(0.75),
        success_rate_bound: Some(0.3),
        held: 1,
        recurred: 1,
        too_early: 1,
        held_rate: Some(0.5),
        held_rate_bound: Some(0.1),
        last_seen: now(),
        duration_ms_p50: Some(7),
        duration_ms_p95: None,
    };
    let by = vec![(Grouping::ActionType, Some("scale".to_owned())), (Grouping::Cluster, None)];
    assert_eq!(
        serde_json::to_value(OutcomeGroup { by, counts }).unwrap(),
        json!({
            "action_type": "scale", "cluster": null, "total": 4, "success": 3, "failed": 0, "unknown": 1,
            "success_rate": 0.75, "success_rate_bound": 0.3, "held": 1, "recurred": 1, "too_early": 1,
            "held_rate": 0.5, "held_rate_bound": 0.1, "last_seen": "2026-03-01T00:00:00.000000Z",
            "duration_ms_p50": 7, "duration_ms_p95": null,
        })
    );
}

#[test]
fn golden_sql_of_outcomes() {
    let filter = valid(RemediationFilter::default().alert_name("OOM").since(now()));
    let by = vec![Grouping::ActionType, Grouping::Cluster];
    let settle: Settle = "1h".parse().unwrap();
    let hits = vec![IncidentHit::new(IncidentKey::new([7; 16]), 0.9)];
    let mut golden = String::new();
    for (title, sql) in [
        (
            "outcomes by action and cluster",
            OutcomesQuery::new(filter.clone(), by, now()).settle(settle).sql(),
        ),
        (
            "outcomes of everything by action",
            OutcomesQuery::new(CheckedFilter::default(), vec![Grouping::ActionType], now()).sql(),
        ),
        ("history of an alert", HistoryQuery::new(filter.clone(), now()).settle(settle).sql()),
        ("actions of incidents", ActionsQuery::new(hits.clone(), filter.clone(), now()).sql()),
        ("actions of incidents together", ActionsQuery::new(hits, filter.clone(), now()).together().sql()),
        ("actions of records", ActionsQuery::of_records(filter, now()).sql()),
    ] {
        let bound = sql.into_bound();
        writeln!(golden, "-- {title}\n{}\n   {:?}\n", bound.text, bound.binds).unwrap();
    }
    insta::assert_snapshot!("outcomes", golden);
}
