//! What was escaped comes back as it was.

use std::borrow::Cow;

use proptest::prelude::*;

use super::{escape, sent_document, sent_text, unescape};
use crate::{Alteration, Alterations, Altered, Json};

#[test]
fn the_three_characters_stand_as_references() {
    assert_eq!(escape("a<b> && \"c\" 'd' \u{a0}"), "a&lt;b&gt; &amp;&amp; \"c\" 'd' \u{a0}");
    assert_eq!(escape("&lt;"), "&amp;lt;");
}

/// Three references are replaced, once each; all others stay, and so does what only begins like one.
#[test]
fn only_what_escaping_writes_is_undone() {
    for (text, plain) in [
        ("", ""),
        ("&amp;lt;", "&lt;"),
        ("&amp;amp;", "&amp;"),
        ("&lt&gt;&am", "&lt>&am"),
        ("&quot;&#60;&LT;&nbsp;", "&quot;&#60;&LT;&nbsp;"),
        ("&&lt;&", "&<&"),
    ] {
        assert_eq!(unescape(text), plain, "{text}");
    }
    assert!(matches!(unescape("a & b"), Cow::Borrowed(_)));
}

fn escaped(pointers: &[&str]) -> Option<Alterations> {
    let mark = |pointer: &&str| Alteration { pointer: (*pointer).to_owned(), what: Altered::Escaped };
    Alterations::of(pointers.iter().map(mark).collect())
}

/// F68: only what the record names as escaped is read unescaped.
#[test]
fn a_value_is_read_as_its_record_says() {
    let marks = escaped(&["/error_message", "/metadata/a~1b/1"]);
    assert_eq!(sent_text(marks.as_ref(), "error_message", "&lt;b"), "<b");
    assert_eq!(sent_text(marks.as_ref(), "reasoning", "&lt;b"), "&lt;b");
    assert_eq!(sent_text(None, "error_message", "&lt;b"), "&lt;b");
    let cleaned = Alteration { pointer: "/error_message".to_owned(), what: Altered::Cleaned };
    assert_eq!(sent_text(Alterations::of(vec![cleaned]).as_ref(), "error_message", "&lt;b"), "&lt;b");

    let stored = || Json::parse(br#"{"a/b":["&lt;","&lt;",{"c":"&lt;"}],"d":"&lt;"}"#).unwrap().value;
    let text = |document: Json| serde_json::to_string(&document).unwrap();
    for (marks, sent) in [
        (marks, r#"{"a/b":["&lt;","<",{"c":"&lt;"}],"d":"&lt;"}"#),
        (escaped(&["/metadata"]), r#"{"a/b":["<","<",{"c":"<"}],"d":"<"}"#),
        (
            escaped(&["/metadata/a~1b/2/c", "/metadata/none/0"]),
            r#"{"a/b":["&lt;","&lt;",{"c":"<"}],"d":"&lt;"}"#,
        ),
        (None, r#"{"a/b":["&lt;","&lt;",{"c":"&lt;"}],"d":"&lt;"}"#),
    ] {
        assert_eq!(text(sent_document(marks.as_ref(), "metadata", stored())), sent, "{marks:?}");
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["(&|amp;|lt;|gt;|<|>|[a-z]){0,24}", any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// F68: whatever was escaped comes back exactly, and holds nothing that could begin markup meanwhile.
    #[test]
    fn what_was_escaped_comes_back(text in text()) {
        let escaped = escape(&text);
        prop_assert!(!escaped.contains(['<', '>']));
        prop_assert_eq!(unescape(&escaped), text);
    }
}
