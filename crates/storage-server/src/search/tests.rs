//! The filter in the words of the outside index.

use storage_dualwrite::index::Condition;
use storage_models::{RecordType, Timestamp};
use storage_query::{AuditFilter as _, CheckedFilter, RemediationFilter};

use super::outside::{conditions, serves};

fn filter(pairs: &[(&str, &str)]) -> CheckedFilter<RemediationFilter> {
    let now: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    RemediationFilter::from_pairs(pairs.iter().copied()).unwrap().check(now).unwrap()
}

/// The times that are not in the index.
const WRITTEN: [&str; 4] = ["created_since", "created_until", "updated_since", "updated_until"];

/// F22: every field of the filter reaches the index.
#[test]
fn every_field_of_a_filter_is_a_condition_of_the_index() {
    for name in RemediationFilter::FIELDS.iter().filter(|name| !WRITTEN.contains(name)) {
        let value = match *name {
            "phase" | "status" => "failed",
            "severity" => "high",
            "since" | "until" => "2026-01-01",
            "min_duration" | "max_duration" => "90s",
            _ => "x",
        };
        let filter = filter(&[(name, value)]);
        let time: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let expected = match *name {
            "since" => Condition::StartTime { since: Some(time), until: None },
            "until" => Condition::StartTime { since: None, until: Some(time) },
            "min_duration" => Condition::DurationMs { min: Some(90_000), max: None },
            "max_duration" => Condition::DurationMs { min: None, max: Some(90_000) },
            _ => {
                let field = RecordType::Remediation.field(name).unwrap();
                Condition::AnyOf { field, values: vec![value.to_owned()] }
            }
        };
        assert_eq!(conditions(&filter), [expected], "{name}");
        assert!(serves(&filter), "{name}");
    }
    assert_eq!(conditions(&CheckedFilter::default()), []);
    assert_eq!(conditions(&filter(&[("namespace", "a,b"), ("since", "1d"), ("until", "1h")])).len(), 2);
}

/// F22: what is excluded and what is null reach the index too.
#[test]
fn suffixes_are_conditions_of_the_index() {
    let field = |name| RecordType::Remediation.field(name).unwrap();
    for (pairs, expected) in [
        (
            &[("cluster.not", "a,b")][..],
            vec![Condition::NoneOf { field: field("cluster"), values: vec!["a".to_owned(), "b".to_owned()] }],
        ),
        (&[("severity.null", "true")], vec![Condition::Absent { field: field("severity"), is_absent: true }]),
        (
            &[("cluster.null", "false"), ("cluster.not", "a")],
            vec![
                Condition::NoneOf { field: field("cluster"), values: vec!["a".to_owned()] },
                Condition::Absent { field: field("cluster"), is_absent: false },
            ],
        ),
        (
            &[("namespace", "a"), ("namespace.not", "b")],
            vec![
                Condition::AnyOf { field: field("namespace"), values: vec!["a".to_owned()] },
                Condition::NoneOf { field: field("namespace"), values: vec!["b".to_owned()] },
            ],
        ),
    ] {
        let filter = filter(pairs);
        assert_eq!(conditions(&filter), expected, "{pairs:?}");
        assert!(serves(&filter), "{pairs:?}");
    }
}

#[test]
fn what_the_index_cannot_tell_is_not_for_it() {
    for pairs in [
        &[("namespace", "a"), ("metadata.team", "x")][..],
        &[("namespace.prefix", "a")],
        &[("cluster", "a"), ("cluster.null", "true")],
        &[("created_since", "1d")],
        &[("updated_since", "1d"), ("namespace", "a")],
    ] {
        assert!(!serves(&filter(pairs)), "{pairs:?}");
    }
}
