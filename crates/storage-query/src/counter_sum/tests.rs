//! Which ranges hold whole months, which filters the counters answer, and the SQL as a golden file.

use std::fmt::Write as _;

use storage_models::{Execution, Phase, Remediation, Severity, Status, Timestamp};

use super::months::Months;
use super::{of, total, total_of_counters};
use crate::{AuditFilter as _, CheckedFilter, Incident, ListQuery, RemediationFilter, TimeBound};

fn at(text: &str) -> Timestamp {
    text.parse::<TimeBound>().unwrap().resolve("2026-03-31T00:00:00Z".parse().unwrap()).unwrap()
}

fn checked(filter: RemediationFilter) -> CheckedFilter<RemediationFilter> {
    filter.check(at("2026-03-31")).unwrap()
}

#[test]
fn a_range_is_split_at_the_first_instants_of_months() {
    let span = |from: &str, to: &str| (Some(at(from)), Some(at(to)));
    for (since, until, expected) in [
        ("2026-01-01", "2026-02-01", Some((None, span("2026-01-01", "2026-02-01"), None))),
        ("2026-01-01T00:00:00.000001Z", "2026-02-28", None),
        ("2026-01-02", "2026-01-03", None),
        ("2026-01-31", "2026-02-01", None),
        ("2026-01-31", "2026-02-02", None),
        (
            "2025-11-30",
            "2026-02-02",
            Some((
                Some(span("2025-11-30", "2025-12-01")),
                span("2025-12-01", "2026-02-01"),
                Some(span("2026-02-01", "2026-02-02")),
            )),
        ),
    ] {
        let months = Months::of(Some(at(since)), Some(at(until)));
        let expected = expected.map(|(head, whole, tail)| Months { head, whole, tail });
        assert_eq!(months, expected, "{since} {until}");
    }
    let open = Months { head: None, whole: (None, None), tail: None };
    assert_eq!(Months::of(None, None), Some(open));
}

/// The parts of a range are the range: none of its instants is left out or in two of them.
#[test]
fn the_parts_follow_one_another_without_a_gap() {
    let since = at("2025-11-17");
    for days in 0..200 {
        let until = since.checked_add(chrono::TimeDelta::hours(13 * days)).unwrap();
        let Some(Months { head, whole, tail }) = Months::of(Some(since), Some(until)) else { continue };
        let spans: Vec<_> = head.into_iter().chain([whole]).chain(tail).collect();
        assert_eq!(spans.first().unwrap().0, Some(since));
        assert_eq!(spans.last().unwrap().1, Some(until));
        assert!(spans.windows(2).all(|pair| pair[0].1 == pair[1].0));
        assert!(spans.iter().all(|(from, to)| from < to));
    }
}

#[test]
fn counters_answer_what_they_know_and_nothing_else() {
    let known = RemediationFilter::default()
        .namespace("prod")
        .phase(Phase::Failed)
        .status(Status::Failed)
        .severity(Severity::High)
        .action_type("scale");
    assert!(of::<Remediation>(&checked(known.clone()), &[]).is_some());
    assert!(of::<Incident>(&checked(known), &[]).is_some());
    assert!(of::<Execution>(&CheckedFilter::default(), &[]).is_none());
    let all = RemediationFilter::default;
    for unknown in [
        all().name("a"),
        all().target_name("a"),
        all().environment("a"),
        all().cluster("a"),
        all().alert_name("a"),
        all().alert_fingerprint("a"),
        all().remediation_request_id("a"),
        all().min_duration(std::time::Duration::from_secs(1)),
        all().metadata("a", "b"),
        all().since(at("2026-03-01")).until(at("2026-03-31")),
    ] {
        assert!(of::<Remediation>(&checked(unknown.clone()), &[]).is_none(), "{unknown:?}");
    }
}

#[test]
fn golden_sql_of_totals_from_counters() {
    let all = RemediationFilter::default;
    let mut golden = String::new();
    for (title, filter) in [
        ("everything", all()),
        ("namespace and status", all().namespace("prod").status(Status::Failed)),
        (
            "two severities, 90 days",
            all().severity(Severity::Critical).severity(Severity::High).since(at("90d")),
        ),
        ("whole months", all().since(at("2026-01-01")).until(at("2026-03-01"))),
        ("months and both edges", all().since(at("2026-01-15")).until(at("2026-03-15"))),
    ] {
        let bound = total::<Remediation>(&checked(filter)).unwrap().into_bound();
        writeln!(golden, "-- {title}\n{}\n   {:?}\n", bound.text, bound.binds).unwrap();
    }
    let edges = checked(all().since(at("2026-01-15")).until(at("2026-03-15")));
    let bound = total_of_counters::<Remediation>(&edges).unwrap().into_bound();
    writeln!(golden, "-- the same of counters alone\n{}\n   {:?}\n", bound.text, bound.binds).unwrap();
    let filter = checked(all().namespace("prod"));
    let bound = ListQuery::<Remediation>::new(filter).to_sql().unwrap();
    writeln!(golden, "-- page with total\n{}\n   {:?}\n", bound.text, bound.binds).unwrap();
    insta::assert_snapshot!("counter_sum", golden);
}
