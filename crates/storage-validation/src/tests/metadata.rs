//! Metadata: limits, numbers, strings, keys.

use serde_json::{Value, json};
use storage_models::NewRecord;
use storage_models::RecordType::Remediation;

use super::{errors, only_error, run, run_text, with};
use crate::{Invalid, ValidRecord};

fn run_metadata(text: &str) -> Result<ValidRecord, Invalid> {
    run_text(Remediation, &with(Remediation, "metadata", "#").to_string().replace("\"#\"", text))
}

/// The text that is stored for a metadata text, and what was altered in it.
#[track_caller]
fn stored(text: &str) -> (String, Vec<String>) {
    let valid = run_metadata(text).unwrap();
    let NewRecord::Remediation(record) = valid.record else { panic!("another type") };
    (record.metadata.unwrap().as_str().to_owned(), valid.sanitized_fields)
}

/// F29: literals of numbers, the order of members and every string survive.
#[test]
fn untouched_metadata_keeps_its_value() {
    let text = concat!(
        r#"{"z":9007199254740993,"a":123456789012345678901234567890,"m":0.1000000000000000000001,"e":1E+2,"#,
        r#""s":["a < b","Vec<String>","\n\t"," ",""],"n":null,"o":{},"l":[],"t":true,"-":-0}"#,
    );
    assert_eq!(stored(text), (text.to_owned(), vec![]));
    assert_eq!(stored("{ \"a\" : [ 1 , \"\\u00e9\" ] }").0, r#"{"a":[1,"é"]}"#);
}

/// F68, BR-STORAGE-011: strings are free text at any depth, and each that is escaped is named.
#[test]
fn active_strings_are_escaped_and_named() {
    let text = r#"{"ok":"<b>","a/b":["x<script>1</script>",{"c":"<b onclick=x>&</b>"}],"n":1e2}"#;
    let escaped = concat!(
        r#"{"ok":"<b>","a/b":["x&lt;script&gt;1&lt;/script&gt;",{"c":"&lt;b onclick=x&gt;&amp;&lt;/b&gt;"}],"#,
        r#""n":1e2}"#,
    );
    let altered = vec!["/metadata/a~1b/0".to_owned(), "/metadata/a~1b/1/c".to_owned()];
    assert_eq!(stored(text), (escaped.to_owned(), altered));
}

/// F68: when more than 100 strings are active, or the place of one is too long to be named, all are escaped, and the field
/// is named as a whole.
#[test]
fn many_active_strings_are_escaped_with_all_others() {
    for (count, is_whole) in [(100, false), (101, true)] {
        let strings = vec!["<script></script>"; count];
        let (text, altered) = stored(&json!({"a": strings, "b": "a < b"}).to_string());
        assert_eq!(altered.len(), if is_whole { 1 } else { count });
        assert_eq!(altered.iter().any(|pointer| pointer == "/metadata"), is_whole);
        assert_eq!(text.contains(r#""b":"a &lt; b""#), is_whole);
        assert_eq!(text.matches("&lt;script&gt;").count(), count);
    }
    let (text, altered) = stored(&json!({"k".repeat(500): "<script>", "b": "a < b"}).to_string());
    assert_eq!(altered, ["/metadata"]);
    assert!(text.contains(r#""b":"a &lt; b""#), "{text}");
}

/// BR-STORAGE-011: keys are never altered; what may not be stored in one is refused.
#[test]
fn keys_are_kept_or_refused() {
    for key in ["a", "", " a ", "a.b/c", "Vec<String>", "x;y", "f(x)", "日本", "a < b"] {
        let text = json!({key: 1}).to_string();
        assert_eq!(stored(&text), (text.clone(), vec![]));
    }
    for (key, code) in [
        ("a\nb", "forbidden_character"),
        ("a\u{202e}", "forbidden_character"),
        ("\u{2028}", "forbidden_character"),
        ("<script>", "forbidden_markup"),
        ("<img src=x onerror=alert(1)>", "forbidden_markup"),
        ("<svg", "forbidden_markup"),
    ] {
        let error = only_error(run_metadata(&json!({"x": [{key: 1}]}).to_string()));
        assert_eq!((error.pointer, error.code), (format!("/metadata/x/0/{key}"), code));
    }
}

/// BR-STORAGE-010
#[test]
fn metadata_has_a_depth() {
    let nested = |levels: usize| "{\"a\":".repeat(levels - 1) + "{}" + &"}".repeat(levels - 1);
    assert!(run_metadata(&nested(32)).is_ok());
    let in_arrays = format!("{{\"a\":{}1{}}}", "[".repeat(31), "]".repeat(31));
    assert!(run_metadata(&in_arrays).is_ok());
    let error = only_error(run_metadata(&nested(33)));
    assert_eq!((error.pointer.as_str(), error.code), ("/metadata", "too_deep"));
    assert_eq!(error.message, "metadata is nested deeper than 32 levels");
    // Deeper than the parser follows: said once, by the parser.
    assert_eq!(only_error(run_metadata(&nested(140))).code, "too_deep");
}

/// BR-STORAGE-010, F41: the limit counts bytes as PostgreSQL gives them back, as sent and as sanitized.
#[test]
fn metadata_has_a_size() {
    const MAX: usize = 256 * 1024;
    let of_size = |size: usize| json!({"a": "x".repeat(size - r#"{"a": ""}"#.len())}).to_string();
    assert!(run_metadata(&of_size(MAX)).is_ok());
    assert!(run_metadata(&of_size(MAX).replace(':', ": \n ")).is_ok(), "white space does not count");
    let growing = json!({"a": vec!["<b onx=1>".to_owned() + &"&".repeat(4096); 16]}).to_string();
    let grown = r#"{"a": []}"#.len() + 16 * (2 + 15 + 5 * 4096) + 15 * 2;
    for (text, bytes) in [(of_size(MAX + 1), MAX + 1), (growing, grown)] {
        let error = only_error(run_metadata(&text));
        let message = format!("metadata has {bytes} bytes when stored; the limit is 262144");
        assert_eq!((error.pointer.as_str(), error.code, error.message), ("/metadata", "too_large", message));
    }
}

/// F41: a number counts with all the digits that every reader gets.
#[test]
fn numbers_count_with_all_their_digits() {
    let sent = |count: usize| format!("{{\"a\":[{}]}}", vec!["1e308"; count].join(","));
    let stored = |count: usize| count * 311 - 2 + r#"{"a": []}"#.len();
    assert!(stored(842) <= 256 * 1024 && stored(843) > 256 * 1024);
    assert!(run_metadata(&sent(842)).is_ok());
    let error = only_error(run_metadata(&sent(843)));
    assert_eq!(error.message, format!("metadata has {} bytes when stored; the limit is 262144", stored(843)));
}

/// BR-STORAGE-011
#[test]
fn strings_are_refused_by_the_rules_of_free_text() {
    let sent = json!({"a": ["\u{1b}[0m"], "b": "x\u{9b}", "c": "<script>"});
    let found = errors(run(Remediation, &with(Remediation, "metadata", sent)));
    let places: Vec<_> = found.iter().map(|(pointer, code, _)| (pointer.as_str(), *code)).collect();
    assert_eq!(places, [("/metadata/a/0", "forbidden_character"), ("/metadata/b", "forbidden_character")]);
    assert_eq!(found[1].2, "metadata/b has the forbidden character U+009B at position 2");
}

/// A long key over many bad values must not be spelled out for each of them.
#[test]
fn long_keys_do_not_multiply() {
    let sent = json!({"k".repeat(100_000): vec![Value::from("\u{1}"); 10_000]});
    let invalid = run(Remediation, &with(Remediation, "metadata", sent)).unwrap_err();
    assert_eq!(invalid.errors().len() + invalid.omitted(), 10_000);
    let size: usize = invalid.errors().iter().map(|error| error.pointer.len() + error.message.len()).sum();
    assert!(size < 200_000, "{size}");
}
