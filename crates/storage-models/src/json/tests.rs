//! What strict parsing keeps and what it refuses.

use proptest::prelude::*;

use super::{Json, JsonFaultKind, JsonText};

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
    let long = "1".repeat(super::MAX_NUMBER_LENGTH + 1);
    for literal in ["1e400", "-1e400", "1e-400", &long] {
        assert_eq!(faults(literal), [(String::new(), JsonFaultKind::NumberOutOfRange)], "{literal}");
    }
    assert_eq!(faults("0e-400"), []);
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

#[test]
fn malformed_text_has_a_line_and_a_column() {
    for (text, line, column) in
        [("{\n  \"a\": tru]}", 2, 11), ("", 1, 0), ("{\"a\":1} x", 1, 9), ("[1,]", 1, 4)]
    {
        let error = Json::parse(text.as_bytes()).unwrap_err();
        assert_eq!((error.line, error.column), (line, column), "{text:?}: {error}");
        assert!(!error.reason.contains("line"), "{error}");
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

proptest! {
    #[test]
    fn what_is_written_reads_back_equal(value in any_json()) {
        let text = JsonText::try_from(&value).unwrap();
        let parsed = Json::parse(text.as_str().as_bytes()).unwrap();
        prop_assert_eq!(parsed.faults, []);
        prop_assert_eq!(parsed.value, value);
    }
}
