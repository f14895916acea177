//! Tests for filters without a database.

use std::time::Duration;

use proptest::prelude::*;
use serde::Deserialize as _;
use serde::de::value::{Error as ValueError, MapDeserializer};
use storage_models::{AiAnalysis, Execution, Phase, Remediation, Severity, Timestamp, Workflow};

use super::define::sealed::Fields as _;
use super::value::split_values;
use super::{
    AiAnalysisFilter, AuditFilter, Conditions, ExecutionFilter, MAX_METADATA_KEYS, MAX_VALUES,
    RemediationFilter, Valid, WorkflowFilter,
};
use crate::{InvalidParameters, InvalidReason, Listed};

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

/// F19: `since` after `until` is refused, and so are texts that nothing can be equal to.
#[test]
fn what_the_types_leave_open_is_checked() {
    let many = (0..=MAX_VALUES).fold(RemediationFilter::default(), |filter, _| filter.name("a"));
    let filter =
        many.cluster("ok").cluster("a\0b").alert_name("ä".repeat(1_000)).alert_name("a".repeat(1_001));
    let errors =
        filter.since(now()).until("1d".parse::<crate::TimeBound>().unwrap()).check(now()).unwrap_err();
    let until = "2026-02-28T12:00:00Z".parse().unwrap();
    let reasons: Vec<_> = errors.iter().map(|error| (&*error.field, error.reason.clone())).collect();
    assert_eq!(
        reasons,
        [
            ("name", InvalidReason::TooManyValues),
            ("cluster", InvalidReason::Nul),
            ("alert_name", InvalidReason::ValueTooLong { max: 1_000 }),
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
    assert_eq!(filter.values("namespace"), ["a", "b", "c"]);

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

fn check_methods<R: Listed>(methods: &[&str]) {
    let filterable = || R::Filter::TYPE.fields().iter().filter(|field| field.is_filterable);
    assert_eq!(methods, filterable().map(|field| field.name).collect::<Vec<_>>(), "{}", R::TABLE);
    for field in filterable() {
        let example = field.example.to_json();
        let example = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
        let filter = R::Filter::from_pairs([(field.name, example.as_str())]).unwrap();
        assert_eq!(filter.values(field.name), [example]);
    }
    assert_eq!(R::Filter::TIME, R::TIME);
}

/// F03: each field that may be filtered by has a method of its own and takes its values as a parameter.
#[test]
fn every_filterable_field_has_its_method() {
    check_methods::<Remediation>(RemediationFilter::METHODS);
    check_methods::<AiAnalysis>(AiAnalysisFilter::METHODS);
    check_methods::<Workflow>(WorkflowFilter::METHODS);
    check_methods::<Execution>(ExecutionFilter::METHODS);
}

/// F19: durations have one strict grammar.
#[test]
fn durations_are_digits_and_a_unit() {
    for (text, millis) in [
        ("0ms", 0),
        ("250ms", 250),
        ("90s", 90_000),
        ("5m", 300_000),
        ("2h", 7_200_000),
        ("007d", 604_800_000),
        ("36500d", 3_153_600_000_000),
    ] {
        let filter = RemediationFilter::from_pairs([("min_duration", text)]).unwrap();
        assert_eq!(
            filter,
            RemediationFilter::default().min_duration(Duration::from_millis(millis)),
            "{text}"
        );
    }
    for text in [
        "",
        "ms",
        "5",
        "90000",
        "-5m",
        "+5m",
        "1.5h",
        "5 m",
        " 5m",
        "5M",
        "1h30m",
        "5mm",
        "5sms",
        "36501d",
        "1w",
        "99999999999999999999s",
        "\u{663}s",
    ] {
        let errors = RemediationFilter::from_pairs([("max_duration", text)]).unwrap_err();
        let errors: Vec<_> = errors.iter().map(|error| (&*error.field, error.reason.clone())).collect();
        assert_eq!(errors, [("max_duration", InvalidReason::NotADuration)], "{text}");
    }
}

/// F19: a range of durations is checked as a range of time is.
#[test]
fn a_range_of_durations_has_an_order_and_bounds() {
    let any = RemediationFilter::default;
    let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3_600));
    for (filter, expected) in [
        (any().min_duration(hour).max_duration(hour), ""),
        (
            any().min_duration(hour).max_duration(second),
            "min_duration must not be above max_duration, which is 1000ms",
        ),
        (
            any().max_duration(Duration::MAX),
            "max_duration must be a duration such as 250ms, 90s, 5m or 2h, of at most 36500d",
        ),
    ] {
        let error = filter.check(now()).err().map(|errors| errors.to_string());
        assert_eq!(error.unwrap_or_default(), expected);
    }
    let twice = RemediationFilter::from_pairs([("min_duration", "1s"), ("min_duration", "1s")]).unwrap_err();
    assert_eq!(twice.to_string(), "min_duration is given more than once");
    assert_eq!(
        sql_of(any().min_duration(second).max_duration(hour)),
        " WHERE duration_ms >= $1 AND duration_ms <= $2"
    );
    assert!(ExecutionFilter::from_pairs([("min_duration", "1s")]).is_err());
}

#[test]
fn keys_of_metadata_add_up_and_their_values_are_alternatives() {
    let pairs =
        [("metadata.team", "a,b"), ("metadata.", r"x\,y"), ("metadata.a.b=c,d", "1"), ("metadata.team", "c")];
    let filter = RemediationFilter::from_pairs(pairs).unwrap();
    let built =
        RemediationFilter::default().metadata("team", "a").metadata("team", "b").metadata("team", "c");
    assert_eq!(filter, built.metadata("", "x,y").metadata("a.b=c,d", "1"));
    assert_eq!(
        sql_of(filter.clone()),
        " WHERE (metadata ->> $1) = $2 AND (metadata ->> $3) = $4 AND (metadata ->> $5) = ANY($6)"
    );
    let read: RemediationFilter = serde_json::from_str(
        r#"{"metadata.team": ["a", "b,c"], "metadata.": "x\\,y", "metadata.a.b=c,d": 1}"#,
    )
    .unwrap();
    assert_eq!(read, filter);
    for field in ["metadata", "Metadata.a", "metadata_a"] {
        assert!(!RemediationFilter::has_field(field), "{field}");
        assert!(RemediationFilter::from_pairs([(field, "a")]).is_err(), "{field}");
    }
    assert!(!ExecutionFilter::has_field("metadata.a"));
}

#[test]
fn keys_of_metadata_are_bounded() {
    let keys = |count: usize| {
        (0..count).fold(RemediationFilter::default(), |filter, n| filter.metadata(n.to_string(), "v"))
    };
    assert!(keys(MAX_METADATA_KEYS).check(now()).is_ok());
    let fine = RemediationFilter::default().metadata("k".repeat(255), "ä".repeat(1_000));
    assert!(fine.check(now()).is_ok());
    let many = (0..=MAX_VALUES).fold(RemediationFilter::default(), |filter, _| filter.metadata("k", "v"));
    for (filter, expected) in [
        (keys(MAX_METADATA_KEYS + 1), "metadata names more than 10 keys"),
        (
            RemediationFilter::default().metadata("k".repeat(256), "v"),
            "metadata has a key of more than 255 characters",
        ),
        (
            RemediationFilter::default().metadata("k", "v".repeat(1_001)),
            "metadata.k has a value of more than 1000 characters",
        ),
        (many, "metadata.k has more than 100 values"),
        (RemediationFilter::default().metadata("k", "\0"), "metadata.k holds the character NUL"),
        (RemediationFilter::default().metadata("\0", "v"), "metadata has a key with a control character"),
        (RemediationFilter::default().metadata("a\nb", "v"), "metadata has a key with a control character"),
    ] {
        assert_eq!(filter.check(now()).unwrap_err().to_string(), expected);
    }
}
