//! Tests for cursors without a database.

use proptest::prelude::*;
use storage_models::{Execution, Remediation, Timestamp};

use super::{Boundary, Cursor, Order, Position, Side};
use crate::filter::Times;
use crate::record::sealed::Shape as _;
use crate::{
    AuditFilter, CheckedFilter, Incident, InvalidReason, Listed, RemediationFilter, Sort, TimeBound,
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn filter<F: AuditFilter>(pairs: &[(&str, &str)]) -> CheckedFilter<F> {
    F::from_pairs(pairs.iter().copied()).unwrap().check(at("2026-03-01T00:00:00Z")).unwrap()
}

/// A sort by its parameter, or `feed`.
fn order<R: Listed>(name: &str) -> Order<R> {
    if name == "feed" { Order::Written } else { Order::By(name.parse().unwrap()) }
}

fn cursor<R: Listed>(pairs: &[(&str, &str)], order: &str, value: Option<i64>) -> Cursor {
    Cursor::new::<R>(&filter(pairs), self::order(order), Position { value, id: 7 }.after())
}

fn opened<R: Listed>(cursor: &Cursor, pairs: &[(&str, &str)], order: &str) -> Result<(), InvalidReason> {
    let outcome = cursor.open::<R>(filter(pairs), self::order(order));
    outcome.map(|_| ()).map_err(|error| {
        assert_eq!(error.field, "cursor");
        error.reason
    })
}

fn other(part: &'static str) -> Result<(), InvalidReason> {
    Err(InvalidReason::OtherCursor { part })
}

#[test]
fn a_cursor_belongs_to_one_filter_one_sort_and_one_type() {
    let pairs: &[_] = &[("namespace", "a,b"), ("metadata.k", "v"), ("min_duration", "1s"), ("since", "7d")];
    let cursor = cursor::<Remediation>(pairs, "-start_time", Some(5));
    assert_eq!(opened::<Remediation>(&cursor, pairs, "-start_time"), Ok(()));
    assert_eq!(opened::<Incident>(&cursor, pairs, "-start_time"), other("record type"));
    assert_eq!(opened::<Execution>(&cursor, &[], "-start_time"), other("record type"));
    for sort in ["start_time", "-created_at", "duration_ms"] {
        assert_eq!(opened::<Remediation>(&cursor, pairs, sort), other("sort"), "{sort}");
    }
    for (index, changed) in [
        (0, ("namespace", "a")),
        (0, ("namespace", "a,b,c")),
        (0, ("name", "a,b")),
        (1, ("metadata.k", "w")),
        (1, ("metadata.l", "v")),
        (2, ("min_duration", "2s")),
        (2, ("max_duration", "1s")),
        (3, ("since", "8d")),
        (3, ("until", "7d")),
        (3, ("since", "2026-02-22")),
    ] {
        let mut pairs = pairs.to_vec();
        pairs[index] = changed;
        assert_eq!(opened::<Remediation>(&cursor, &pairs, "-start_time"), other("filter"), "{changed:?}");
    }
    assert_eq!(opened::<Remediation>(&cursor, &pairs[1..], "-start_time"), other("filter"));
    let reordered =
        [("since", "168h"), ("min_duration", "1000ms"), ("metadata.k", "v"), ("namespace", "b,a,b")];
    assert_eq!(opened::<Remediation>(&cursor, &reordered, "-start_time"), Ok(()));
}

#[test]
fn an_age_keeps_the_instant_it_meant_at_first() {
    let (first, later) = (at("2026-03-01T00:00:00Z"), at("2026-03-09T00:00:00Z"));
    let filter = RemediationFilter::default().since("7d".parse::<TimeBound>().unwrap()).until(later);
    let order = Order::<Remediation>::By(Sort::default());
    let cursor =
        Cursor::new(&filter.clone().check(first).unwrap(), order, Position { value: Some(0), id: 1 }.after());
    let cursor: Cursor = cursor.to_string().parse().unwrap();
    let (filter, _) = cursor.open(filter.check(later).unwrap(), order).unwrap();
    assert_eq!((filter.since(), filter.until()), (Some(at("2026-02-22T00:00:00Z")), Some(later)));
}

/// F49: the beginning of a feed may move along, and only that of a feed; an age goes on meaning what it meant.
#[test]
fn the_cursor_of_a_feed_takes_another_beginning() {
    let of = |since: &'static str| [("namespace", "a"), ("created_since", since)];
    let cursor = cursor::<Remediation>(&of("2026-02-20"), "feed", Some(5));
    for pairs in [of("2026-02-25").as_slice(), &of("7d"), &[("namespace", "a")]] {
        assert_eq!(opened::<Remediation>(&cursor, pairs, "feed"), Ok(()), "{pairs:?}");
    }
    let later = [("namespace", "a"), ("created_until", "2026-02-25")];
    assert_eq!(opened::<Remediation>(&cursor, &later, "feed"), other("filter"));
    for sort in ["created_at", "-created_at"] {
        assert_eq!(opened::<Remediation>(&cursor, &of("2026-02-20"), sort), other("sort"));
        let fixed = self::cursor::<Remediation>(&of("2026-02-20"), sort, Some(5));
        assert_eq!(opened::<Remediation>(&fixed, &of("2026-02-20"), sort), Ok(()));
        assert_eq!(opened::<Remediation>(&fixed, &of("2026-02-25"), sort), other("filter"));
    }

    let begins = |pairs: &[(&str, &str)], cursor: &Cursor| {
        cursor.open::<Remediation>(filter(pairs), Order::Written).unwrap().0.times().created.since
    };
    assert_eq!(begins(&of("2026-02-25"), &cursor), Some(at("2026-02-25T00:00:00Z")));
    assert_eq!(begins(&of("1h"), &cursor), None, "a reader that was away misses nothing");
    let of_age = self::cursor::<Remediation>(&of("7d"), "feed", Some(5));
    assert_eq!(begins(&of("1h"), &of_age), Some(at("2026-02-22T00:00:00Z")));
}

/// F66: a cursor goes by what is compared, however that was written.
#[test]
fn a_cursor_knows_values_as_they_are_compared() {
    let cursor =
        cursor::<Remediation>(&[("namespace", "a, b"), ("severity", "HIGH")], "-start_time", Some(5));
    let cleaned = [("severity", "high"), ("namespace", "a,b")];
    assert_eq!(opened::<Remediation>(&cursor, &cleaned, "-start_time"), Ok(()));
    for suffixed in [("namespace.not", "a,b"), ("namespace.prefix", "a,b"), ("namespace.null", "true")] {
        let pairs = [("severity", "high"), suffixed];
        assert_eq!(opened::<Remediation>(&cursor, &pairs, "-start_time"), other("filter"), "{suffixed:?}");
    }
}

#[test]
fn a_place_that_no_record_can_have_is_refused() {
    for (sort, value, is_place) in [
        ("duration_ms", None, true),
        ("-duration_ms", Some(-1), true),
        ("start_time", None, false),
        ("created_at", Some(i64::MAX), false),
        ("-start_time", Some(i64::MIN), false),
    ] {
        let cursor = cursor::<Remediation>(&[], sort, value);
        let expected = if is_place { Ok(()) } else { Err(InvalidReason::NotACursor) };
        assert_eq!(opened::<Remediation>(&cursor, &[], sort), expected, "{sort} {value:?}");
    }
}

/// F19: what is not entirely a cursor is refused and named.
#[test]
fn what_is_no_cursor_is_refused() {
    let every = ["since", "created_since", "updated_since"].map(|name| (name, "7d"));
    let every = [every, ["until", "created_until", "updated_until"].map(|name| (name, "0s"))].concat();
    let longest = cursor::<Remediation>(&every, "-start_time", Some(5)).to_string();
    assert_eq!(longest.len(), Cursor::MAX_LENGTH);
    let whole =
        cursor::<Remediation>(&[("since", "7d"), ("until", "0s")], "-start_time", Some(5)).to_string();
    let longer = format!("{longest}AAAA");
    let padded = format!("{whole}==");
    for text in [
        "",
        "10abc",
        " ",
        "é",
        whole.get(4..).unwrap(),
        whole.get(..whole.len() - 4).unwrap(),
        &longer,
        &padded,
    ] {
        let error = text.parse::<Cursor>().unwrap_err();
        assert_eq!((&*error.field, &*error.value, error.reason), ("cursor", text, InvalidReason::NotACursor));
    }
    // Another version, a flag without meaning, and a time beyond the calendar.
    for (from, to) in [("AQ", "Ag"), ("AQEBB", "AQEBD")] {
        assert!(whole.starts_with(from), "{whole}");
        assert!(whole.replacen(from, to, 1).parse::<Cursor>().is_err(), "{to}");
    }
    let beyond = format!("{}____________", whole.get(..whole.len() - 11).unwrap());
    assert!(beyond.parse::<Cursor>().is_err());
}

fn any_cursor() -> impl Strategy<Value = Cursor> {
    let instant = || {
        prop::option::of(
            (0..250_000_000_000_000_000_i64).prop_map(|micros| Timestamp::from_micros(micros).unwrap()),
        )
    };
    let ends = || (instant(), instant());
    let fixed = (any::<u8>(), any::<u8>(), any::<[u8; 16]>());
    let boundary = (prop::bool::ANY, any::<i64>(), any::<Option<i64>>()).prop_map(|(is_after, id, value)| {
        Boundary { side: if is_after { Side::After } else { Side::Before }, position: Position { value, id } }
    });
    (fixed, boundary, ends(), ends(), ends()).prop_map(
        |((list, sort, filter), boundary, (a, b), (c, d), (e, f))| Cursor {
            list,
            sort,
            filter,
            ages: Times::of_ends([a, b, c, d, e, f]),
            boundary,
        },
    )
}

proptest! {
    #[test]
    fn a_written_cursor_reads_back(cursor in any_cursor()) {
        let text = cursor.to_string();
        prop_assert!(text.len() <= Cursor::MAX_LENGTH);
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
        prop_assert_eq!(text.parse(), Ok(cursor));
    }

    /// One text for one cursor, so that nothing can be hidden in a text that is taken.
    #[test]
    fn what_reads_as_a_cursor_is_written_the_same(text in "AQ[A-Za-z0-9_-]{36,68}") {
        if let Ok(cursor) = text.parse::<Cursor>() {
            prop_assert_eq!(cursor.to_string(), text);
        }
    }

    #[test]
    fn no_cursor_makes_a_list_panic(cursor in any_cursor()) {
        for order in Sort::<Remediation>::all().map(Order::By).chain([Order::Written]) {
            let cursor = Cursor { list: Remediation::CODE, sort: order.code(), ..cursor.clone() };
            let _ = cursor.open(CheckedFilter::default(), order);
        }
    }
}
