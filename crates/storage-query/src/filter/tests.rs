//! Tests for filters without a database.

use proptest::prelude::*;
use serde::Deserialize as _;
use serde::de::value::{Error as ValueError, MapDeserializer};
use storage_models::{AiAnalysis, Execution, Phase, Remediation, Severity, Timestamp, Workflow};

use super::value::split_values;
use super::{AuditFilter, Conditions, ExecutionFilter, MAX_VALUES, RemediationFilter, Valid};
use crate::{AuditRecord, InvalidParameters, InvalidReason};

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn sql_of<F: AuditFilter>(filter: F) -> String {
    Conditions::of(&filter.check(now()).unwrap()).into_sql().into_bound().text
}

#[test]
fn an_empty_filter_has_no_clause() {
    assert_eq!(sql_of(RemediationFilter::default()), "");
    assert_eq!(Conditions::of(&Valid::<ExecutionFilter>::default()).into_sql().into_bound().text, "");
}

#[test]
fn values_of_a_field_are_alternatives_and_fields_add_up() {
    let filter = RemediationFilter::default()
        .phase(Phase::Failed)
        .namespace("a")
        .namespace("b")
        .since("7d".parse::<crate::TimeBound>().unwrap())
        .until(now());
    assert_eq!(
        sql_of(filter),
        " WHERE namespace = ANY($1) AND phase = $2 AND start_time >= $3 AND start_time < $4"
    );
}

#[test]
fn values_are_parted_by_commas_that_are_not_escaped() {
    for (text, values) in [
        ("", vec![""]),
        ("a", vec!["a"]),
        ("a,b", vec!["a", "b"]),
        (",a,", vec!["", "a", ""]),
        (r"a\,b,c", vec!["a,b", "c"]),
        (r"C:\dir,\d", vec![r"C:\dir", r"\d"]),
        (r"a\\,b", vec![r"a\,b"]),
        (r"\", vec![r"\"]),
    ] {
        assert_eq!(split_values(text), values, "{text}");
    }
}

proptest! {
    #[test]
    fn values_with_escaped_commas_read_back(values in prop::collection::vec("[a-zé, ]{0,5}", 1..5)) {
        let text: Vec<_> = values.iter().map(|value| value.replace(',', r"\,")).collect();
        prop_assert_eq!(split_values(&text.join(",")), values);
    }
}

fn fields_of(errors: &InvalidParameters) -> Vec<(&str, &str)> {
    errors.iter().map(|error| (&*error.field, &*error.value)).collect()
}

/// F19, F20: unknown parameters and values that cannot be read are refused, all at once, by name.
#[test]
fn every_bad_parameter_is_named() {
    let pairs = [
        ("colour", "red"),
        ("phase", "failed,Failed"),
        ("severity", ""),
        ("since", "10abc"),
        ("until", "1d"),
        ("until", "2d"),
        ("namespace", "fine"),
    ];
    let errors = RemediationFilter::from_pairs(pairs).unwrap_err();
    assert_eq!(
        fields_of(&errors),
        [("colour", "red"), ("phase", "Failed"), ("severity", ""), ("since", "10abc"), ("until", "2d")]
    );
    for (field, text) in [
        ("remediation_id", "0"),
        ("remediation_id", "-1"),
        ("remediation_id", "+1"),
        ("remediation_id", "1,x"),
        ("remediation_id", "9223372036854775808"),
        ("dry_run", "yes"),
        ("dry_run", "TRUE"),
        ("phase", "failed"),
        ("Namespace", "a"),
    ] {
        assert!(ExecutionFilter::from_pairs([(field, text)]).is_err(), "{field}={text}");
    }
}

/// F19: `since` after `until` is refused.
#[test]
fn what_the_types_leave_open_is_checked() {
    let filter = RemediationFilter {
        name: vec!["a".to_owned(); MAX_VALUES + 1],
        cluster: vec!["ok".to_owned(), "a\0b".to_owned()],
        ..RemediationFilter::default()
    };
    let errors =
        filter.since(now()).until("1d".parse::<crate::TimeBound>().unwrap()).check(now()).unwrap_err();
    let until = "2026-02-28T12:00:00Z".parse().unwrap();
    let reasons: Vec<_> = errors.iter().map(|error| (&*error.field, error.reason.clone())).collect();
    assert_eq!(
        reasons,
        [
            ("name", InvalidReason::TooManyValues),
            ("cluster", InvalidReason::Nul),
            ("since", InvalidReason::AfterUntil { until }),
        ]
    );
    assert!(RemediationFilter::default().since(now()).until(now()).check(now()).is_ok());
}

#[test]
fn serde_reads_scalars_and_lists_and_refuses_other_names() {
    let filter: RemediationFilter = serde_json::from_str(
        r#"{"namespace": ["a", "b,c"], "severity": "high", "since": "7d", "until": null, "name": []}"#,
    )
    .unwrap();
    let expected = RemediationFilter::default().namespace("a").namespace("b").namespace("c");
    assert_eq!(filter, expected.severity(Severity::High).since("7d".parse::<crate::TimeBound>().unwrap()));

    let filter: ExecutionFilter =
        serde_json::from_str(r#"{"remediation_id": [1, "2"], "dry_run": true}"#).unwrap();
    assert_eq!(filter, ExecutionFilter::default().remediation_id(1).remediation_id(2).dry_run(true));

    // As a query string comes, with a key twice.
    let pairs = [("namespace", "a,b"), ("namespace", "c")].into_iter();
    let filter = RemediationFilter::deserialize(MapDeserializer::<_, ValueError>::new(pairs)).unwrap();
    assert_eq!(filter.namespace, ["a", "b", "c"]);

    for (json, part) in [
        (r#"{"colour": "red"}"#, "unknown field `colour`"),
        (r#"{"phase": "done"}"#, "phase must be one of pending, processing"),
        (r#"{"since": ["1d", "2d"]}"#, "since is given more than once"),
        (r#"{"name": {"a": 1}}"#, "invalid type"),
        (r#"{"name": 1.5}"#, "invalid type"),
    ] {
        let error = serde_json::from_str::<RemediationFilter>(json).unwrap_err().to_string();
        assert!(error.contains(part), "{json}: {error}");
    }
}

fn check_columns<R: AuditRecord>() {
    for field in R::Filter::FIELDS.iter().filter(|field| !["since", "until"].contains(*field)) {
        assert!(R::COLUMNS.split(", ").any(|column| column == *field), "{field} of {}", R::TYPE);
    }
    assert_eq!(<R::Filter as super::define::sealed::Fields>::TIME, R::TIME);
}

/// F03: no filter names a column that its record lacks.
#[test]
fn every_filter_is_a_column_of_its_record() {
    check_columns::<Remediation>();
    check_columns::<AiAnalysis>();
    check_columns::<Workflow>();
    check_columns::<Execution>();
}
