//! Fast paths for the most common texts and numbers. The library reads all others.

/// Digits that certainly are in the range of f64 and of any integer.
const FEW_DIGITS: usize = 15;

/// The content of a text at the beginning that has no escape; `None` for all others.
pub(super) fn plain_string(rest: &str) -> Option<&str> {
    let content = rest.strip_prefix('"')?;
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..b' ');
    let end = content.as_bytes().iter().position(is_special)?;
    let (text, behind) = content.split_at_checked(end)?;
    behind.starts_with('"').then_some(text)
}

/// A short number at the beginning without sign, fraction or exponent; `None` for all others.
pub(super) fn short_integer(rest: &str) -> Option<&str> {
    let bytes = rest.as_bytes();
    let length = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_ended =
        matches!(bytes.get(length), None | Some(b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r'));
    let has_leading_zero = length > 1 && bytes.first() == Some(&b'0');
    let is_simple = is_ended && !has_leading_zero && (1..=FEW_DIGITS).contains(&length);
    rest.get(..length).filter(|_| is_simple)
}
