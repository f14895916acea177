//! Tests for filters without a database.

use std::time::Duration;

use proptest::prelude::*;
use serde::Deserialize as _;
use serde::de::value::{Error as ValueError, MapDeserializer};
use storage_models::{AiAnalysis, Execution, Phase, Remediation, Severity, Timestamp, Workflow};

use super::fields::Fields as _;
use super::value::split_values;
use super::{
    AiAnalysisFilter, AuditFilter, CheckedFilter, Conditions, ExecutionFilter, MAX_METADATA_KEYS, MAX_VALUES,
    RemediationFilter, WorkflowFilter,
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
    assert_eq!(Conditions::of(&CheckedFilter::<ExecutionFilter>::default()).into_sql().into_bound().text, "");
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
            ("since", InvalidReason::AfterEnd { end: "until", until }),
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
        ("1w", 604_800_000),
        ("1h30m", 5_400_000),
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
        "30m1h",
        "5mm",
        "5sms",
        "36501d",
        "1y",
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
            "max_duration must be a duration such as 250ms, 90s, 5m or 1h30m, of at most 36500d",
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
        (RemediationFilter::default().metadata("k", "\0"), "metadata.k contains the character NUL"),
        (RemediationFilter::default().metadata("\0", "v"), "metadata has a key with a control character"),
        (RemediationFilter::default().metadata("a\nb", "v"), "metadata has a key with a control character"),
    ] {
        assert_eq!(filter.check(now()).unwrap_err().to_string(), expected);
    }
}

fn remediations(pairs: &[(&str, &str)]) -> RemediationFilter {
    RemediationFilter::from_pairs(pairs.iter().copied()).unwrap()
}

/// F72: what is asked of one field joins as the table of [`AuditFilter`] says.
#[test]
fn suffixes_join_within_a_field() {
    for (pairs, expected) in [
        (&[("cluster.not", "a")][..], "(cluster IS NULL OR cluster <> $1)"),
        (&[("cluster.not", "a,b")], "(cluster IS NULL OR cluster <> ALL($1))"),
        (&[("namespace.not", "a")], "namespace <> $1"),
        (&[("phase.not", "failed,completed")], "phase <> ALL($1)"),
        (&[("cluster.null", "true")], "cluster IS NULL"),
        (&[("cluster.null", "false")], "cluster IS NOT NULL"),
        (&[("cluster.prefix", "eu-")], "cluster ^@ $1"),
        (&[("cluster.prefix", "eu-,us-")], "cluster ^@ ANY($1)"),
        (&[("cluster", "a"), ("cluster.null", "true")], "(cluster = $1 OR cluster IS NULL)"),
        (
            &[
                ("cluster", "a,b"),
                ("cluster.prefix", "eu-"),
                ("cluster.null", "true"),
                ("cluster.not", "eu-1"),
            ],
            "(cluster = ANY($1) OR cluster ^@ $2 OR cluster IS NULL) AND (cluster IS NULL OR cluster <> $3)",
        ),
        (
            &[("cluster.null", "false"), ("cluster.not", "a")],
            "cluster IS NOT NULL AND (cluster IS NULL OR cluster <> $1)",
        ),
        (
            &[("severity.null", "true"), ("cluster.not", "a")],
            "(cluster IS NULL OR cluster <> $1) AND severity IS NULL",
        ),
    ] {
        assert_eq!(sql_of(remediations(pairs)), format!(" WHERE {expected}"), "{pairs:?}");
    }
}

/// F71: what says nothing, or is no suffix of the field, is refused by its name.
#[test]
fn suffixes_that_make_no_sense_are_refused() {
    for pairs in
        [[("cluster", "a"), ("cluster.null", "false")], [("cluster.prefix", "a"), ("cluster.null", "false")]]
    {
        assert_eq!(
            remediations(&pairs).check(now()).unwrap_err().to_string(),
            "cluster.null has no effect together with values of the same field; remove one of them"
        );
    }
    for (pairs, expected) in [
        (&[("cluster.null", "yes")][..], "cluster.null must be one of true, false"),
        (&[("cluster.null", "true"), ("cluster.null", "true")], "cluster.null is given more than once"),
        (&[("phase.prefix", "comp")], "phase.prefix is not a parameter here"),
        (&[("since.not", "7d")], "since.not is not a parameter here"),
        (&[("min_duration.null", "true")], "min_duration.null is not a parameter here"),
        (&[("namespace.like", "a")], "namespace.like is not a parameter here"),
        (&[("namespace.", "a")], "namespace. is not a parameter here"),
        (&[("phase.not", "done")], "phase.not must be one of pending, processing, completed, failed"),
    ] {
        let error = RemediationFilter::from_pairs(pairs.iter().copied()).unwrap_err();
        assert_eq!(error.to_string(), expected, "{pairs:?}");
    }
    let many = vec!["a"; MAX_VALUES + 1].join(",");
    let error = remediations(&[("name.not", many.as_str())]).check(now()).unwrap_err();
    assert_eq!(error.to_string(), "name.not has more than 100 values");
    for (field, has_it) in [
        ("remediation_id.not", false),
        ("dry_run.null", false),
        ("status.not", true),
        ("target_name.prefix", true),
    ] {
        assert_eq!(ExecutionFilter::has_field(field), has_it, "{field}");
    }
    assert_eq!(remediations(&[("metadata.a.not", "b")]), RemediationFilter::default().metadata("a.not", "b"));
}

/// F66: values are compared as records store them, and each that this changes is told.
#[test]
fn values_go_through_the_rules_of_writes() {
    let filter = remediations(&[
        ("namespace", "a, b"),
        ("alert_name", "HostHighCpuLoad(prod)"),
        ("severity", "Critical,high"),
        ("phase", " failed"),
        ("cluster.not", "<eu>"),
        ("metadata.team", " x "),
    ]);
    let values = |parameter: &str| filter.values(parameter);
    assert_eq!(values("namespace"), ["a", "b"]);
    assert_eq!(values("alert_name"), ["HostHighCpuLoadprod"]);
    assert_eq!(values("severity"), ["critical", "high"]);
    assert_eq!(values("phase"), ["failed"]);
    assert_eq!(values("cluster.not"), ["eu"]);
    assert_eq!(filter.metadata.iter().next(), Some(("team", [" x ".to_owned()].as_slice())));
    let notes: Vec<_> = filter.notes().iter().map(|it| (&*it.parameter, &*it.given, &*it.compared)).collect();
    assert_eq!(
        notes,
        [
            ("namespace", " b", "b"),
            ("alert_name", "HostHighCpuLoad(prod)", "HostHighCpuLoadprod"),
            ("severity", "Critical", "critical"),
            ("phase", " failed", "failed"),
            ("cluster.not", "<eu>", "eu"),
        ]
    );
    let built = RemediationFilter::default().alert_name("f(x)");
    assert_eq!((built.values("alert_name"), built.notes().len()), (vec!["fx".to_owned()], 1));
}

/// A range of the time of writing is bounded, since only an index of ranges leads to it.
#[test]
fn a_long_range_of_writing_needs_another_filter() {
    let refused = "created_since covers more than 31 days; ask for fewer days, or add namespace, target_name, status, \
                   remediation_request_id, alert_name, alert_fingerprint, or a since within 31 days";
    for (pairs, expected) in [
        (&[("created_since", "31d")][..], ""),
        (&[("created_since", "2026-01-01"), ("created_until", "2026-02-01")], ""),
        (&[("created_since", "32d")], refused),
        (&[("created_since", "32d"), ("namespace", "a")], ""),
        (&[("created_since", "32d"), ("since", "30d")], ""),
        (&[("created_since", "32d"), ("since", "60d")], refused),
        (&[("created_since", "32d"), ("namespace.not", "a")], refused),
        (&[("created_since", "32d"), ("cluster", "a")], refused),
    ] {
        let error = remediations(pairs).check(now()).err().map(|errors| errors.to_string());
        assert_eq!(error.unwrap_or_default(), expected, "{pairs:?}");
    }
    let error = remediations(&[("updated_until", "1h")]).check(now()).unwrap_err();
    assert_eq!(error.iter().map(|it| &*it.field).collect::<Vec<_>>(), ["updated_until"]);
    let error = remediations(&[("updated_since", "1h"), ("updated_until", "2h")]).check(now()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "updated_since must not be after updated_until, which is 2026-03-01T10:00:00.000000Z"
    );
    assert!(!ExecutionFilter::has_field("updated_since") && ExecutionFilter::has_field("created_since"));
}
