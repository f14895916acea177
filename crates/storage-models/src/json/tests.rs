//! What strict parsing keeps and what it refuses.

use proptest::prelude::*;
use serde::de::IgnoredAny;

use super::{Json, JsonError, JsonFaultKind, JsonText};

fn faults(text: &str) -> Vec<(String, JsonFaultKind)> {
    Json::parse(text.as_bytes()).unwrap().faults.into_iter().map(|f| (f.pointer, f.kind)).collect()
}

/// F29: numbers keep their value, however large or precise.
#[test]
fn numbers_keep_their_literal() {
    for literal in
        ["9007199254740993", "123456789012345678901234567890", "0.1000000000000000000001", "-0", "1e300"]
    {
        let parsed = Json::parse(literal.as_bytes()).unwrap();
        assert_eq!(parsed.value, Json::Number(literal.to_owned()));
        assert_eq!(parsed.faults, []);
        assert_eq!(JsonText::try_from(&parsed.value).unwrap().as_str(), literal);
    }
}

/// F29: what f64 cannot hold is refused rather than rounded to infinity or to nothing.
#[test]
fn numbers_outside_f64_are_faults() {
    for literal in ["1e400", "-1e400", "1e-400", "0e99999999999"] {
        assert_eq!(faults(literal), [(String::new(), JsonFaultKind::NumberOutOfRange)], "{literal}");
    }
    assert_eq!(faults("0e-400"), []);
}

/// F70: a number that is too long is refused for its length, wherever it lies.
#[test]
fn numbers_of_too_many_digits_are_told_so() {
    let (integer, fraction) = ("1".repeat(1_001), format!("0.{}", "1".repeat(1_000)));
    // Short as it is sent; PostgreSQL would write out 1,002 digits.
    let small = format!("0.{}1e-300", "1".repeat(700));
    for literal in [&integer, &fraction, &small, "0e-1001"] {
        assert_eq!(faults(literal), [(String::new(), JsonFaultKind::NumberTooLong)], "{literal}");
    }
    assert_eq!(faults(&format!("0.{}", "1".repeat(998))), []);
}

/// F70: nothing is told as nothing, not as a text that ends.
#[test]
fn an_empty_text_is_told_as_empty() {
    for text in ["", " ", "\n\t\r\n"] {
        assert_eq!(Json::parse(text.as_bytes()), Err(JsonError::Empty), "{text:?}");
    }
}

#[test]
fn each_fault_is_named_with_its_pointer() {
    for (text, pointer, kind) in [
        (r#"{"a":1,"a":2}"#, "/a", JsonFaultKind::DuplicateKey),
        (r#"{"a":{"b/c":[1,{"~":1,"~":2}]}}"#, "/a/b~1c/1/~0", JsonFaultKind::DuplicateKey),
        (r#"["x","\u0000"]"#, "/1", JsonFaultKind::NulCharacter),
        (r#"{"a":"\ud800"}"#, "/a", JsonFaultKind::InvalidString),
        (r#"{"a":{"\ud800":1}}"#, "/a", JsonFaultKind::InvalidString),
    ] {
        assert_eq!(faults(text), [(pointer.to_owned(), kind)], "{text}");
    }
    let deep = "[".repeat(super::MAX_DEPTH + 1) + &"]".repeat(super::MAX_DEPTH + 1);
    assert_eq!(faults(&deep), [("/0".repeat(super::MAX_DEPTH), JsonFaultKind::TooDeep)]);
}

/// A hostile text is not answered with something far larger than itself.
#[test]
fn the_description_of_faults_is_bounded() {
    let text = format!(r#"{{"{}":[{}1e999]}}"#, "k".repeat(100_000), "1e999,".repeat(10_000));
    let found = faults(&text);
    assert_eq!(found.len(), super::MAX_FAULTS);
    assert!(found.iter().all(|(pointer, _)| pointer.len() < super::MAX_TOKEN_LENGTH + 10));
}

/// F42: an object of many keys costs one look-up a key, and each key that comes again is found.
#[test]
fn keys_that_come_again_are_found_among_many() {
    let members =
        |from: usize, to: usize| (from..to).map(|n| format!("\"k{n}\":{n}")).collect::<Vec<_>>().join(",");
    let found = faults(&format!("{{{},{},\"k7\":0}}", members(0, 60_000), members(59_990, 60_001)));
    let expected = (59_990..60_000).map(|n| format!("/k{n}")).chain(["/k7".to_owned()]);
    assert_eq!(found, expected.map(|pointer| (pointer, JsonFaultKind::DuplicateKey)).collect::<Vec<_>>());
}

/// F70: both are counted from 1.
#[test]
fn malformed_text_has_a_line_and_a_column() {
    for (text, line, column) in [
        ("{\n  \"a\": tru]}", 2, 11),
        ("{\"a\":1} x", 1, 9),
        ("[1,]", 1, 4),
        ("{\"a\":\n", 2, 1),
        ("\"a\nb\"", 1, 2),
        ("{\"a\":", 1, 6),
        ("nul", 1, 3),
    ] {
        let error = Json::parse(text.as_bytes()).unwrap_err();
        let JsonError::Malformed { line: found_line, column: found_column, reason } = &error else {
            panic!("{error}")
        };
        assert_eq!((*found_line, *found_column), (line, column), "{text:?}: {error}");
        assert!(!reason.contains("line"), "{error}");
    }
    assert!(Json::parse(b"\"\xff\"").is_err());
}

#[test]
fn depth_counts_containers() {
    for (text, depth) in [("1", 0), ("{}", 1), (r#"{"a":[1]}"#, 2), ("[[],[[]]]", 3)] {
        assert_eq!(Json::parse(text.as_bytes()).unwrap().value.depth(), depth, "{text}");
    }
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i128>().prop_map(|number| Json::Number(number.to_string())),
        "[^\0]{0,8}".prop_map(Json::String),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
            prop::collection::btree_map("[^\0]{0,4}", inner, 0..4)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

/// Pieces of JSON in any order, which are sometimes a text.
fn any_pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        "[",
        "]",
        ",",
        ",",
        ":",
        "\"a\":",
        "\"b\"",
        "1",
        "-0.5e3",
        "01",
        "null",
        "tru",
        " ",
        "\n",
        "\"\\u00e9\"",
        "\"\\x\"",
        "\"\t\"",
        "\"",
    ]);
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    /// F42: what is one pass of ours takes and refuses what an independent reader does.
    #[test]
    fn a_text_is_json_to_us_when_it_is_json_to_serde_json(text in any_pieces()) {
        let is_json = serde_json::from_str::<IgnoredAny>(&text).is_ok();
        prop_assert_eq!(Json::parse(text.as_bytes()).is_ok(), is_json);
    }

    #[test]
    fn what_is_written_reads_back_equal(value in any_json()) {
        let text = JsonText::try_from(&value).unwrap();
        let parsed = Json::parse(text.as_str().as_bytes()).unwrap();
        prop_assert_eq!(parsed.faults, []);
        prop_assert_eq!(parsed.value, value);
    }
}
