//! Numbers from their literals.

#[cfg(test)]
mod tests;

/// The whole number that a JSON literal stands for, however it is spelled: `3`, `3.0` and `30e-1` are equal,
/// as JSON Schema says. What 128 bits cannot hold becomes the nearest that they can; `None` for a fraction.
pub(crate) fn whole(literal: &str) -> Option<i128> {
    let (is_negative, unsigned) = match literal.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, literal),
    };
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{integer}{fraction}");
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    let dropped = digits.len() - significant.len();
    let exponent: i64 = exponent.parse().ok()?;
    let scale = exponent
        .saturating_add(i64::try_from(dropped).ok()?)
        .saturating_sub(i64::try_from(fraction.len()).ok()?);
    let zeros = usize::try_from(scale).ok()?;
    let magnitude =
        format!("{significant}{}", "0".repeat(zeros.min(MAX_DIGITS))).parse().unwrap_or(i128::MAX);
    Some(if is_negative { -magnitude } else { magnitude })
}

/// More digits than any number that fits.
const MAX_DIGITS: usize = 40;
