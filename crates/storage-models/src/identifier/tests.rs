//! What identifiers lose and what they keep.

use proptest::prelude::*;
use unicode_normalization::{UnicodeNormalization as _, is_nfc};
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory as _};

use super::{is_forbidden, sanitize};

/// BR-STORAGE-011: every row of the specification's table.
#[test]
fn the_table_of_the_specification_holds() {
    for (sent, stored) in [
        ("test<script>alert('xss')</script>", "testscriptalert'xss'/script"),
        ("<script>alert('xss')</script>", "scriptalert'xss'/script"),
        ("<script src='evil.js'>alert(1)</script>", "script src='evil.js'alert1/script"),
        ("<script><script>alert('xss')</script></script>", "scriptscriptalert'xss'/script/script"),
        ("test'; DROP TABLE users; --", "test' DROP TABLE users --"),
        ("test' UNION SELECT * FROM passwords", "test' UNION SELECT * FROM passwords"),
        ("<iframe src='evil.com'></iframe>", "iframe src='evil.com'/iframe"),
        ("<img src=x onerror='alert(1)'>", "img src=x onerror='alert1'"),
        ("<div>test</div>", "divtest/div"),
        ("<script></script>", "script/script"),
        ("test@#$%^&*()", "test@#$%^&*()"),
        ("test@example.com, user#123", "test@example.com, user#123"),
        ("test-用户-τεστ", "test-用户-τεστ"),
        ("用户-τεστ-مستخدم", "用户-τεστ-مستخدم"),
        ("", ""),
        ("a((b))", "ab"),
        ("a(", "a"),
        ("a)b", "a)b"),
        ("alert<(>1)", "alert1"),
        ("my-app-delete-jobs", "my-app-delete-jobs"),
    ] {
        assert_eq!(sanitize(sent), stored, "{sent:?}");
    }
}

#[test]
fn parentheses_follow_their_own_partner() {
    for (sent, stored) in [
        ("(a)", "(a)"),
        ("(a(b)c)", "(abc)"),
        ("a( (b) )", "a (b)"),
        ("*(f(x))", "*(fx)"),
        ("x\u{301}(x)", "x\u{301}x"),
        ("-\u{301}(x)", "-\u{301}(x)"),
        ("٣(x)", "٣x"),
        (")(", ")("),
        ("((", "(("),
    ] {
        assert_eq!(sanitize(sent), stored, "{sent:?}");
    }
}

#[test]
fn white_space_is_trimmed_before_and_after() {
    for sent in ["  a b\t", "\u{a0}a b\u{2003}", "< a b >", ";\n<a b\u{2028}", "\u{3000}(a b)\u{85}"] {
        assert_eq!(sanitize(sent).trim_matches(['(', ')']), "a b", "{sent:?}");
    }
    assert_eq!(sanitize(" \u{2029}<\t>; "), "");
}

/// F12: no legitimate name loses a character.
#[test]
fn legitimate_names_survive_byte_for_byte() {
    for name in [
        "my-app-delete-jobs",
        "select-best-node",
        "drop-table-controller",
        "update-or-insert-union",
        "kube-system",
        "web-7d4b9c6f5-x2x9z",
        "system:serviceaccount:default:deployer",
        "registry.example.com/team/app@sha256:0a1b",
        "app.kubernetes.io/name=web",
        "O'Reilly's cluster",
        "CPU > is not here, 95% & rising",
        "Größe-été-日本語",
    ] {
        let name = name.replace("> ", "");
        assert_eq!(sanitize(&name), name);
    }
}

#[test]
fn forbidden_are_controls_separators_and_direction() {
    for c in [
        '\0', '\n', '\t', '\u{1b}', '\u{7f}', '\u{85}', '\u{2028}', '\u{2029}', '\u{61c}', '\u{200e}',
        '\u{200f}', '\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}',
    ] {
        assert!(is_forbidden(c), "{c:?}");
    }
    for c in [' ', 'a', '<', '\u{a0}', '\u{200d}', '\u{301}', '\u{fffd}', '🚀'] {
        assert!(!is_forbidden(c), "{c:?}");
    }
}

/// The same letters composed otherwise are one name; what becomes a forbidden character by that is removed too.
#[test]
fn names_are_composed() {
    for (sent, stored) in [
        ("e\u{301}clair", "éclair"),
        ("éclair", "éclair"),
        ("e<\u{301}clair", "éclair"),
        ("\u{1112}\u{1161}\u{11ab}글", "한글"),
        ("a\u{37e}b", "ab"),
        ("\u{212b}ngström", "Ångström"),
        ("=;\u{338}(x)", "≠(x)"),
        ("ﬁ①", "ﬁ①"),
    ] {
        assert_eq!(sanitize(sent), stored, "{sent:?}");
    }
}

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a(<>;) \u{301}٣\\-]{0,24}",
        "(alert|[(<>;)]|\\s|é|\u{301}){0,16}",
        "[ae=<;(\u{300}-\u{345}\u{37e}\u{1100}-\u{11ff}\u{3046}\u{3099}\u{9c7}\u{9be}]{0,24}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// BR-STORAGE-011
    #[test]
    fn twice_equals_once(text in hostile()) {
        let once = sanitize(&text);
        prop_assert_eq!(sanitize(&once), once);
    }

    /// BR-STORAGE-011
    #[test]
    fn it_cannot_create_what_it_removes(text in hostile()) {
        let stored = sanitize(&text);
        prop_assert!(!stored.contains(['<', '>', ';']));
        prop_assert_eq!(stored.trim(), &stored);
        let mut last = ' ';
        for c in stored.chars().filter(|c| c.general_category_group() != GeneralCategoryGroup::Mark) {
            prop_assert!(!(c == '(' && last.is_alphanumeric()), "a call survives in {:?}", stored);
            last = c;
        }
    }

    /// Nothing comes in that was not sent, whatever is composed.
    #[test]
    fn it_only_removes(text in hostile()) {
        let mut sent: Vec<char> = text.nfd().collect();
        for c in sanitize(&text).nfd() {
            let place = sent.iter().position(|sent| *sent == c);
            prop_assert!(place.is_some(), "{:?}", c);
            sent.swap_remove(place.unwrap());
        }
    }

    #[test]
    fn what_is_stored_is_composed(text in hostile()) {
        prop_assert!(is_nfc(&sanitize(&text)));
    }

    /// F12
    #[test]
    fn kubernetes_names_survive(name in "[a-z0-9]([-a-z0-9.]{0,60}[a-z0-9])?(/[A-Za-z0-9][-A-Za-z0-9_.:]{0,40})?") {
        prop_assert_eq!(sanitize(&name), name);
    }
}
