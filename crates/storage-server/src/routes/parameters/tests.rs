//! Query strings, table by table.

use proptest::prelude::*;
use storage_models::Timestamp;
use storage_query::{AuditFilter as _, RemediationFilter};

use super::{Parameters, decode};

#[test]
fn percent_escapes_and_pluses_are_decoded_strictly() {
    for (text, expected) in [
        ("a+b", Some("a b")),
        ("a%2Bb", Some("a+b")),
        ("%C3%A4", Some("ä")),
        ("%c3%a4", Some("ä")),
        ("100%", None),
        ("%4", None),
        ("%zz", None),
        ("%+1", None),
        ("%ff", None),
        ("", Some("")),
    ] {
        assert_eq!(decode(text).as_deref(), expected, "{text}");
    }
}

#[test]
fn several_values_come_by_comma_or_by_repetition() {
    let mut parameters = Parameters::parse("namespace=a,b&namespace=c%5C,d&&name=x%26y");
    let filter = parameters.take_filter::<RemediationFilter>();
    parameters.finish().unwrap();
    let expected = RemediationFilter::default().namespace("a").namespace("b").namespace("c,d").name("x&y");
    assert_eq!(filter, expected);
    assert!(filter.check(Timestamp::now()).is_ok());
}

#[test]
fn a_long_name_is_not_repeated_in_full() {
    let errors = Parameters::parse(&"n".repeat(5_000)).finish().unwrap_err();
    assert!(errors.violations()[0].message.len() < 200);
}

proptest! {
    /// F20: no query string whatever passes a parameter unseen.
    #[test]
    fn every_parameter_is_taken_or_refused(query in "[a-z=&%0-9+,;]{0,60}") {
        let names = query.split('&').filter(|part| !part.is_empty()).count();
        let errors = Parameters::parse(&query).finish().err().map_or(0, |problem| problem.violations().len());
        prop_assert_eq!(names, errors);
    }

    #[test]
    fn what_was_encoded_comes_back(text in any::<String>()) {
        let encoded: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let decoded = decode(&encoded);
        prop_assert_eq!(decoded.as_deref(), Some(text.as_str()));
    }
}
