//! One spelling for all texts that say the same.

use std::fmt::{self, Write};

use super::Json;
use super::number::{Literal, length};

/// Digits before the point up to which a number is written without an exponent (ECMA-262, `Number::toString`).
const PLAIN_DIGITS: i64 = 21;

/// Zeros behind the point beyond which a number is written with an exponent.
const PLAIN_ZEROS: i64 = 6;

impl Json {
    /// The canonical form of RFC 8785: no white space, members sorted by UTF-16, one spelling for each string and
    /// number.
    ///
    /// Numbers are the one difference: RFC 8785 rounds them to 64-bit floating point, so that two integers above
    /// 2^53 become one. Here a number is written by the same rules with all its digits: `1`, `1.0` and `10e-1` are
    /// equal, 9007199254740992 and 9007199254740993 are not. A number that is the shortest spelling of its floating
    /// point value is written as RFC 8785 writes it.
    #[must_use]
    pub fn to_canonical(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _written = self.write_canonical(&mut text);
        text
    }

    /// Writes [`Self::to_canonical`] piece by piece, to what need not keep it.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_canonical(&self, out: &mut impl Write) -> fmt::Result {
        self.write_with(number, out)
    }

    /// The form of RFC 8785 itself, which other programs use: numbers are 64-bit floating point.
    #[must_use]
    pub fn to_rfc8785(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _written = self.write_with(rounded, &mut text);
        text
    }

    fn write_with(&self, number: fn(&str) -> String, out: &mut impl Write) -> fmt::Result {
        match self {
            Self::Null => out.write_str("null"),
            Self::Bool(flag) => out.write_str(if *flag { "true" } else { "false" }),
            Self::Number(literal) => out.write_str(&number(literal)),
            Self::String(text) => write_string(text, out),
            Self::Array(items) => {
                write_between(['[', ']'], items.iter(), |item, out| item.write_with(number, out), out)
            }
            Self::Object(members) => write_between(
                ['{', '}'],
                sorted(members).into_iter(),
                |(key, value), out| {
                    write_string(key, out)?;
                    out.write_char(':')?;
                    value.write_with(number, out)
                },
                out,
            ),
        }
    }
}

/// The members in the order of their keys in UTF-16.
fn sorted(members: &[(String, Json)]) -> Vec<&(String, Json)> {
    let mut sorted: Vec<_> = members.iter().collect();
    // UTF-8 orders alike where nothing stands behind the surrogates, U+E000 and above.
    if members.iter().all(|(key, _)| key.bytes().all(|byte| byte < 0xEE)) {
        sorted.sort_by(|(left, _), (right, _)| left.cmp(right));
    } else {
        sorted.sort_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
    }
    sorted
}

fn write_between<T, W: Write>(
    [open, close]: [char; 2],
    items: impl Iterator<Item = T>,
    write_item: impl Fn(T, &mut W) -> fmt::Result,
    out: &mut W,
) -> fmt::Result {
    out.write_char(open)?;
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.write_char(',')?;
        }
        write_item(item, out)?;
    }
    out.write_char(close)
}

/// Text that needs no escape is written in one piece.
fn write_string(text: &str, out: &mut impl Write) -> fmt::Result {
    out.write_char('"')?;
    for part in text.split_inclusive(|c: char| c < ' ' || matches!(c, '"' | '\\')) {
        let Some(special) = part.chars().next_back().filter(|c| *c < ' ' || matches!(c, '"' | '\\')) else {
            out.write_str(part)?;
            continue;
        };
        out.write_str(part.strip_suffix(special).unwrap_or_default())?;
        write_escaped(special, out)?;
    }
    out.write_char('"')
}

fn write_escaped(special: char, out: &mut impl Write) -> fmt::Result {
    match special {
        '"' => out.write_str("\\\""),
        '\\' => out.write_str("\\\\"),
        '\u{8}' => out.write_str("\\b"),
        '\t' => out.write_str("\\t"),
        '\n' => out.write_str("\\n"),
        '\u{c}' => out.write_str("\\f"),
        '\r' => out.write_str("\\r"),
        c => write!(out, "\\u{:04x}", u32::from(c)),
    }
}

/// Laid out as `Number::toString` does, from the literal's own digits.
fn number(literal: &str) -> String {
    // A parsed number has an exponent that fits.
    let Some(parts) = Literal::of(literal) else { return literal.to_owned() };
    let (significant, point) = parts.digits();
    match significant.trim_end_matches('0') {
        "" => "0".to_owned(),
        digits => format!("{}{}", parts.sign, layout(digits, point)),
    }
}

/// The same for the nearest 64-bit floating point number, with the fewest digits that identify it.
fn rounded(literal: &str) -> String {
    let value = literal.parse().ok().and_then(serde_json::Number::from_f64);
    value.map_or_else(|| literal.to_owned(), |value| number(&value.to_string()))
}

/// The number 0.`digits` times ten to the power of `point`.
fn layout(digits: &str, point: i64) -> String {
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or_default());
    let count = length(digits);
    let cut = |place: i64| digits.split_at_checked(usize::try_from(place).unwrap_or_default());
    if count <= point && point <= PLAIN_DIGITS {
        return format!("{digits}{}", zeros(point - count));
    }
    if 0 < point && point <= PLAIN_DIGITS {
        let (whole, rest) = cut(point).unwrap_or((digits, ""));
        return format!("{whole}.{rest}");
    }
    if -PLAIN_ZEROS < point && point <= 0 {
        return format!("0.{}{digits}", zeros(-point));
    }
    let (first, rest) = cut(1).unwrap_or((digits, ""));
    let dot = if rest.is_empty() { "" } else { "." };
    format!("{first}{dot}{rest}e{:+}", point - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::Json;

    fn canonical(text: &str) -> String {
        let parsed = Json::parse(text.as_bytes()).unwrap();
        assert_eq!(parsed.faults, []);
        parsed.value.to_canonical()
    }

    /// The examples of RFC 8785, sections 3.2.2 to 3.2.4.
    #[test]
    fn the_examples_of_rfc_8785_come_out_as_printed() {
        let numbers = r#"{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001]}"#;
        // 333333333.33333329 has more digits than its floating point value needs and keeps them.
        assert_eq!(canonical(numbers), r#"{"numbers":[333333333.33333329,1e+30,4.5,0.002,1e-27]}"#);
        let string =
            r#"{"string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}"#;
        assert_eq!(
            canonical(string),
            "{\"literals\":[null,true,false],\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}"
        );
        let keys =
            r#"{"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\ud83d\ude00": 5, "\u0080": 6, "\u00f6": 7}"#;
        assert_eq!(
            canonical(keys),
            "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\u{fb33}\":3}"
        );
    }

    #[test]
    fn equal_numbers_are_spelled_alike_and_others_are_not() {
        for (literals, spelling) in [
            (vec!["1", "1.0", "10e-1", "0.1E+1"], "1"),
            (vec!["0", "-0", "0.00", "0e999"], "0"),
            (vec!["-1.50", "-15e-1"], "-1.5"),
            (vec!["1e21", "1000000000000000000000"], "1e+21"),
            (vec!["1e20"], "100000000000000000000"),
            (vec!["1e-6", "0.000001"], "0.000001"),
            (vec!["1e-7", "0.0000001"], "1e-7"),
            (vec!["12.5e-9"], "1.25e-8"),
            (vec!["9007199254740993", "9007199254740993.0"], "9007199254740993"),
            (vec!["9007199254740992"], "9007199254740992"),
            (vec!["1.7976931348623157e308"], "1.7976931348623157e+308"),
        ] {
            for literal in literals {
                assert_eq!(canonical(literal), spelling, "{literal}");
            }
        }
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i32>().prop_map(Into::into),
            prop::num::f64::NORMAL.prop_map(Into::into),
            "[^\u{0}]{0,8}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
                prop::collection::hash_map("[^\u{0}]{0,4}", inner, 0..5)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        /// Where numbers are floating point in their shortest spelling, the form is that of RFC 8785.
        #[test]
        fn it_is_what_an_independent_implementation_writes(value in any_json()) {
            let text = serde_json::to_string(&value).unwrap();
            prop_assert_eq!(canonical(&text), serde_json_canonicalizer::to_string(&value).unwrap());
        }

        /// However a number is spelled, and whatever its digits.
        #[test]
        fn the_form_of_the_rfc_is_what_an_independent_implementation_writes(
            value in any_json(),
            literals in prop::collection::vec("-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][-+]?[0-9]{1,2})?", 0..4),
        ) {
            let text = format!("[{},[{}]]", serde_json::to_string(&value).unwrap(), literals.join(","));
            let parsed = Json::parse(text.as_bytes()).unwrap();
            prop_assert_eq!(&parsed.faults, &[]);
            let read: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(parsed.value.to_rfc8785(), serde_json_canonicalizer::to_string(&read).unwrap());
        }

        #[test]
        fn canonicalizing_twice_is_once(value in any_json()) {
            let once = canonical(&serde_json::to_string(&value).unwrap());
            prop_assert_eq!(canonical(&once), once.clone());
        }
    }
}
