//! Numbers in parameters, digits only and in a range; and rates of whole numbers.

/// Reads `text`, which must be all digits, as a number from `min` to `max`.
pub(crate) fn parse_in(text: &str, min: i64, max: i64) -> Option<i64> {
    // The standard parser also takes `+5`.
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && (min..=max).contains(number))
}

/// How much of a whole a part is; `None` of nothing.
pub(crate) fn ratio(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| float(part) / float(whole))
}

/// Exact up to 2^53, more rows than any table has.
#[expect(clippy::as_conversions, reason = "the standard library has no other way from i64 to f64")]
fn float(count: i64) -> f64 {
    count as f64
}
