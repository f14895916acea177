//! Numbers in parameters: digits only, in a range.

/// Reads `text`, which must be all digits, as a number from `min` to `max`.
pub(crate) fn parse_in(text: &str, min: i64, max: i64) -> Option<i64> {
    // The standard parser also takes `+5`.
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && (min..=max).contains(number))
}
