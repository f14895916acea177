//! The filter in the words of the outside index.

use storage_dualwrite::index::Condition;
use storage_models::{RecordType, Timestamp};
use storage_query::{AuditFilter as _, RemediationFilter, Valid};

use super::outside::{conditions, serves};

fn filter(pairs: &[(&str, &str)]) -> Valid<RemediationFilter> {
    let now: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    RemediationFilter::from_pairs(pairs.iter().copied()).unwrap().check(now).unwrap()
}

/// F22: every field of the filter reaches the index.
#[test]
fn every_field_of_a_filter_is_a_condition_of_the_index() {
    for name in RemediationFilter::FIELDS {
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
    assert_eq!(conditions(&Valid::default()), []);
    assert_eq!(conditions(&filter(&[("namespace", "a,b"), ("since", "1d"), ("until", "1h")])).len(), 2);
}

#[test]
fn a_filter_on_metadata_is_not_for_the_index() {
    assert!(!serves(&filter(&[("namespace", "a"), ("metadata.team", "x")])));
}
