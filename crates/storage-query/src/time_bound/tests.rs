//! Tests for points in time.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use storage_models::Timestamp;

use super::{MAX_AGE, TimeBound};
use crate::InvalidReason;

fn now() -> Timestamp {
    "2026-03-01T12:00:00.5Z".parse().unwrap()
}

/// F19: what is not entirely a time is refused.
#[test]
fn times_dates_and_ages_are_read_and_nothing_else() {
    for (text, expected) in [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000000Z"),
        ("2026-01-31T12:00:00.1234567+02:00", "2026-01-31T10:00:00.123456Z"),
        ("2026-01-31", "2026-01-31T00:00:00.000000Z"),
        ("2024-02-29", "2024-02-29T00:00:00.000000Z"),
        ("30s", "2026-03-01T11:59:30.500000Z"),
        ("90m", "2026-03-01T10:30:00.500000Z"),
        ("24h", "2026-02-28T12:00:00.500000Z"),
        ("7d", "2026-02-22T12:00:00.500000Z"),
        ("007d", "2026-02-22T12:00:00.500000Z"),
        ("0d", "2026-03-01T12:00:00.500000Z"),
        ("36500d", "1926-03-26T12:00:00.500000Z"),
        ("1w", "2026-02-22T12:00:00.500000Z"),
        ("1h30m", "2026-03-01T10:30:00.500000Z"),
        ("1w2d3h4m5s", "2026-02-20T08:55:55.500000Z"),
    ] {
        let bound: TimeBound = text.parse().unwrap_or_else(|reason| panic!("{text}: {reason}"));
        assert_eq!(bound.resolve(now()).unwrap().to_string(), expected, "{text}");
    }
    for text in [
        "",
        " ",
        "d",
        "10",
        "10abc",
        "10dd",
        "1.5h",
        "-7d",
        "+7d",
        " 7d",
        "7d ",
        "7 d",
        "7D",
        "7y",
        "30m1h",
        "1s1s",
        "1s5ms",
        "٣d",
        "2026-02-30",
        "2026-1-2",
        "+2026-01-02",
        "02026-01-02",
        "2026-01-02T03:04:05",
        "yesterday",
        "1e3s",
        "NaN",
    ] {
        assert_eq!(text.parse::<TimeBound>(), Err(InvalidReason::NotATime), "{text}");
    }
}

/// F70: an offset whose sign arrived as a space is told with the remedy.
#[test]
fn a_plus_that_arrived_as_a_space_is_told_so() {
    for text in ["2026-11-29T00:00:00 02:00", "2026-11-29T00:00:00.5 00:00"] {
        let reason = text.parse::<TimeBound>().unwrap_err();
        assert_eq!(reason, InvalidReason::PlusAsSpace, "{text}");
        assert!(reason.to_string().contains("%2B"), "{reason}");
    }
    for text in ["2026-11-29 00:00:00", "2026-11-29T00:00:00 Z", "2026-11-29T00:00:00 2:00", "7d 00:00"] {
        assert_eq!(text.parse::<TimeBound>(), Err(InvalidReason::NotATime), "{text}");
    }
}

/// F52: every form that the messages show is taken.
#[test]
fn what_the_messages_show_is_taken() {
    let message = InvalidReason::NotATime.to_string();
    let is_form = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && *word != "3339";
    let shown = message.split([' ', ',']).filter(is_form);
    let taken: Vec<bool> = shown.map(|word| word.parse::<TimeBound>().is_ok()).collect();
    assert_eq!(taken, [true; 5], "{message}");
}

/// F19: an age is refused rather than wrapped round, and so is a time that the database does not have.
#[test]
fn what_is_out_of_range_is_refused() {
    for text in ["36501d", "9223372036854775807d", "9223372036854775808s", "99999999999999999999999h"] {
        assert_eq!(text.parse::<TimeBound>(), Err(InvalidReason::TimeOutOfRange), "{text}");
    }
    for bound in [
        TimeBound::Ago(TimeDelta::seconds(-1)),
        TimeBound::Ago(TimeDelta::MAX),
        TimeBound::Ago(TimeDelta::MIN),
        TimeBound::At(Timestamp::new(DateTime::<Utc>::MIN_UTC)),
        TimeBound::At(Timestamp::new(DateTime::<Utc>::MAX_UTC)),
    ] {
        assert_eq!(bound.resolve(now()), Err(InvalidReason::TimeOutOfRange), "{bound:?}");
    }
    let oldest = Timestamp::new(DateTime::<Utc>::MIN_UTC);
    assert_eq!(TimeBound::Ago(MAX_AGE).resolve(oldest), Err(InvalidReason::TimeOutOfRange));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC*") {
        let _ = text.parse::<TimeBound>().map(|bound| bound.resolve(now()));
    }

    #[test]
    fn a_written_instant_reads_back(micros in -62_000_000_000_000_000_i64..250_000_000_000_000_000) {
        let instant = Timestamp::from_micros(micros).unwrap();
        prop_assert_eq!(instant.to_string().parse(), Ok(TimeBound::At(instant)));
    }
}
