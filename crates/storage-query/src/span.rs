//! Lengths of time as parameters write them: digits and a unit, such as `90m`, or several of them with the longer unit
//! first, such as `1h30m`.

/// A unit's name and its milliseconds.
type Unit = (&'static str, i64);

/// Every unit, the longest first.
const UNITS: [Unit; 6] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// The longest: a hundred years, in milliseconds.
pub(crate) const MAX_MILLIS: i64 = 36_500 * 86_400_000;

/// Why a text is no length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotASpan {
    /// It is written otherwise.
    Form,
    /// It is longer than [`MAX_MILLIS`].
    TooLong,
}

/// Reads milliseconds.
pub(crate) fn parse(text: &str) -> Result<i64, NotASpan> {
    parse_of(text, &UNITS)
}

/// Reads milliseconds, of which there are whole seconds.
pub(crate) fn parse_seconds(text: &str) -> Result<i64, NotASpan> {
    let [seconds @ .., _] = &UNITS;
    parse_of(text, seconds)
}

fn parse_of(text: &str, mut units: &[Unit]) -> Result<i64, NotASpan> {
    if text.is_empty() {
        return Err(NotASpan::Form);
    }
    let (mut rest, mut sum, mut is_too_long) = (text, 0_i64, false);
    while !rest.is_empty() {
        let (digits, behind) = split(rest, |c| !c.is_ascii_digit());
        let (name, next) = split(behind, |c| c.is_ascii_digit());
        let from_unit =
            units.iter().position(|(known, _)| *known == name).and_then(|place| units.get(place..));
        let Some([(_, millis), finer @ ..]) = from_unit.filter(|_| !digits.is_empty()) else {
            return Err(NotASpan::Form);
        };
        // Only digits are left, so that parsing fails for want of room alone.
        let part = digits.parse::<i64>().ok().and_then(|count| count.checked_mul(*millis));
        match part.and_then(|part| sum.checked_add(part)) {
            Some(longer) => sum = longer,
            None => is_too_long = true,
        }
        (rest, units) = (next, finer);
    }
    if is_too_long || sum > MAX_MILLIS { Err(NotASpan::TooLong) } else { Ok(sum) }
}

/// Splits the text before the first character that is an end.
fn split(text: &str, is_end: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(is_end).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::{MAX_MILLIS, NotASpan, parse, parse_seconds};

    /// F72: weeks and sums are read, in one order of units, so that each length has few ways to be written.
    #[test]
    fn spans_are_digits_and_units_the_longer_first() {
        for (text, expected) in [
            ("0s", Ok(0)),
            ("250ms", Ok(250)),
            ("90m", Ok(5_400_000)),
            ("1w", Ok(604_800_000)),
            ("1h30m", Ok(5_400_000)),
            ("1w2d3h4m5s6ms", Ok(788_645_006)),
            ("007d", Ok(604_800_000)),
            ("36500d", Ok(MAX_MILLIS)),
            ("36500d1ms", Err(NotASpan::TooLong)),
            ("5215w", Err(NotASpan::TooLong)),
            ("99999999999999999999d", Err(NotASpan::TooLong)),
            ("99999999999999999999d1s", Err(NotASpan::TooLong)),
            ("99999999999999999999y", Err(NotASpan::Form)),
            ("", Err(NotASpan::Form)),
            ("d", Err(NotASpan::Form)),
            ("7", Err(NotASpan::Form)),
            ("1h30", Err(NotASpan::Form)),
            ("30m1h", Err(NotASpan::Form)),
            ("1s1s", Err(NotASpan::Form)),
            ("1h 30m", Err(NotASpan::Form)),
            ("-1h", Err(NotASpan::Form)),
            ("1.5h", Err(NotASpan::Form)),
            ("1H", Err(NotASpan::Form)),
            ("1y", Err(NotASpan::Form)),
            ("\u{663}s", Err(NotASpan::Form)),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
        assert_eq!(parse_seconds("1h30m"), Ok(5_400_000));
        assert_eq!(parse_seconds("1s5ms"), Err(NotASpan::Form));
    }
}
