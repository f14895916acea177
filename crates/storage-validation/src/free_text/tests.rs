//! What free text keeps, what it loses, and what finding out may cost.

use proptest::prelude::*;

use super::gate::{Verdict, judge};
use super::{TooComplex, may_hold_tag, sanitize, verdict};

/// BR-STORAGE-011: text in which nothing runs is stored as it came.
#[test]
fn what_runs_nothing_is_unchanged() {
    for text in [
        "",
        "a < b && c > d",
        "a<b and b>c",
        "Vec<String>, HashMap<K, V>, &'a str",
        "error: <nil pointer at 0x0>",
        "at com.example.Foo.<init>(Foo.java:12)\r\n\tat com.example.Foo.<clinit>(Foo.java:3)",
        "<timeout on node-3 at line 7>",
        "x <y on line 3 of 7",
        "i<n;i++)",
        "<b>bold</b> <p>paragraph</p> <br/>",
        "<a href=\"https://example.com/?q=1&r=2\">x</a> <a href='/relative'>y</a> <a href=\"mailto:a@b.c\">z</a>",
        "<img src=10.0.0.1:8080>",
        "<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>",
        "key: value\n- item: \"<none>\"\n# comment; still yaml",
        "<!-- <script>alert(1)</script> -->",
        "<textarea><script>alert(1)</script></textarea>",
        "</script>",
        "javascript:alert(1)",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "{{ 7 * 7 }} ${7*7} #{7*7} %{(1)}",
        "'; DROP TABLE remediation_audit; --",
        "naïve 日本語 \u{202e} \u{0}".trim_end_matches('\0'),
    ] {
        assert_eq!(sanitize(text), Ok(None), "{text}");
    }
}

/// BR-STORAGE-011: each thing that runs is found, and gone from what is stored.
#[test]
fn what_runs_is_replaced() {
    for (text, stored) in [
        ("a<script>alert(1)</script>b", "ab"),
        ("<SCRIPT SRC=//evil.example/x.js></SCRIPT>", ""),
        ("<style>*{color:red}</style>x", "x"),
        ("<iframe src=https://evil.example></iframe>x", "x"),
        ("<frame src=x>y", "y"),
        ("<object data=x></object>y", "y"),
        ("<embed src=x>y", "y"),
        ("<applet code=x></applet>y", "y"),
        ("<link rel=stylesheet href=x>y", "y"),
        ("<meta http-equiv=refresh content=0>y", "y"),
        ("<base href=x>y", "y"),
        ("<form action=x>y</form>", "y"),
        ("<template>x</template>y", "y"),
        ("<noscript>x</noscript>y", "xy"),
        ("<b onclick=alert(1)>x</b>", "<b>x</b>"),
        ("<b/ONFOO>x</b>", "<b>x</b>"),
        ("<b style=color:red>x</b>", "<b>x</b>"),
        ("<b srcdoc=x>x</b>", "<b>x</b>"),
        ("<a href=javascript:alert(1)>x</a>", "<a rel=\"noopener noreferrer\">x</a>"),
        ("<a href=' \u{1}JaVa\tScRiPt:alert(1)'>x</a>", "<a rel=\"noopener noreferrer\">x</a>"),
        ("<a href=&#106;avascript:alert(1)>x</a>", "<a rel=\"noopener noreferrer\">x</a>"),
        ("<a href=ftp://x/>x</a>", "<a rel=\"noopener noreferrer\">x</a>"),
        ("<img src=data:image/png;base64,AA>", "<img>"),
        ("<img srcset='a.png 1x, javascript:x 2x'>", "<img>"),
        ("<q cite=javascript:x>y</q>", "<q>y</q>"),
        ("x<!--><script>alert(1)</script>-->", "x--&gt;"),
        ("<title><!--</title><script>alert(1)</script>", "&lt;!--"),
        ("<a & b> <script></script>", "<a rel=\"noopener noreferrer\"> </a>"),
    ] {
        assert_eq!(sanitize(text), Ok(Some(stored.to_owned())), "{text}");
    }
    for active in ["<svg><a></svg>", "<math><mi></math>", "<svg/onload=alert(1)>", "<body onload=alert(1)>"] {
        assert!(matches!(sanitize(active), Ok(Some(_))), "{active}");
    }
}

/// BR-STORAGE-011: a tag that the text's end cuts off would be closed by the page around it.
#[test]
fn a_tag_that_is_cut_off_counts() {
    for text in [
        "<script src=//evil.example/x.js",
        "<script",
        "<img src=x onerror=alert(1) title=\"a'b",
        "<img src=x onerror=alert(1",
        "<img onerror='alert(1)",
        "<a href=javascript:x",
    ] {
        assert_eq!(sanitize(text), Ok(Some(String::new())), "{text}");
    }
    assert_eq!(sanitize("x <y onwards z"), Ok(None));
}

/// Long texts of the kinds that logs hold are judged, however carelessly their `<` are used.
#[test]
fn long_legitimate_text_is_judged() {
    for unit in [
        "    at com.example.Foo.<init>(Foo.java:123)\n",
        "Vec<String> HashMap<K, V> Foo<A, B> ",
        "if (a <b) { c(); } ",
        "<tr><td><a href=\"https://example.com/x?y=1\" class=\"k\">link</a></td><td><b>Name</b></td></tr>\n",
        "<p>Some text &amp; more<br>line<ul><li>one<li>two</ul>",
        "goroutine 1 [running]: main.main() /tmp/x.go:7 +0x1d ",
    ] {
        let long = unit.repeat(64 * 1024 / unit.len());
        assert_eq!(sanitize(&long), Ok(None), "{unit}");
        assert_eq!(sanitize(&format!("x <y {long}")), Ok(None), "{unit}");
    }
}

/// Hostile texts: the parser's work would grow with the square of their length.
fn hostile(length: usize) -> Vec<String> {
    let repeat = |unit: &str, length: usize| unit.repeat(length / unit.len());
    let count = |unit: &str, length: usize| {
        let numbered = (0..length / (unit.len() + 5)).map(|number| unit.replace('#', &number.to_string()));
        numbered.collect::<String>()
    };
    let half = length / 2;
    vec![
        repeat("<div>", length),
        repeat("<a><div>", length),
        repeat("<b>", length),
        repeat("<x>", half) + &repeat("</y>", half),
        count("<b x#>", length),
        count("<b a#=1 b#=2 c#=3 d#=4>", length),
        "<p>".to_owned() + &count("<b x#>", half) + &repeat("</p>x", half),
        format!("<p><b title='{}'>", "&".repeat(half)) + &repeat("</p><p>x", half),
        "<table>".to_owned() + &repeat("x<br>", length),
        format!("<b {}>", count("x# ", half)) + &count("<b x#>", half),
    ]
}

/// Each hostile text is given up on, after work that is linear in its length.
#[test]
fn hostile_text_is_given_up_on() {
    for text in hostile(64 * 1024) {
        let start: String = text.chars().take(24).collect();
        assert_eq!(sanitize(&text), Err(TooComplex), "{start}");
        let max = text.len() * super::STEPS_PER_BYTE;
        let (_, stopped) = judge(&text, max);
        assert!(stopped < 2 * max, "{start}: stopped only after {stopped} of {max} steps");
        assert_eq!(judge(&text, 2 * max).0, Verdict::TooComplex, "{start}: not hostile");
    }
}

/// Writing very many escapes costs the sanitizer more than reading them; text that is kept may hold them.
#[test]
fn endless_escapes_are_given_up_on() {
    let escapes = |length: usize| "&x".repeat(length / 2);
    assert_eq!(sanitize(&format!("<b>{}", escapes(256 * 1024))), Ok(None));
    assert_eq!(sanitize(&format!("<b onx>{}", escapes(256 * 1024))), Err(TooComplex));
    assert!(matches!(sanitize(&format!("<b onx>{}", escapes(8 * 1024))), Ok(Some(_))));
}

/// One tag with ever more attributes is given up on too, and prose that merely follows a `<` is not.
#[test]
fn a_tag_of_endless_attributes_is_given_up_on() {
    let tag = |names: usize| (0..names).fold("<x ".to_owned(), |tag, name| format!("{tag}{name} "));
    assert_eq!(sanitize(&tag(30_000)), Err(TooComplex));
    assert_eq!(sanitize(&tag(4_000)), Ok(None));
    assert_eq!(sanitize(&format!("<x {}", "the quick brown fox ".repeat(10_000))), Ok(None));
}

fn html() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "</?(script|style|svg|math|a|b|p|table|td|select|option|textarea|title|noscript|xmp|body|img|mi|desc|template|plaintext|form|frameset|iframe|li|font)",
        "[ /](on[a-z]{0,3}|href|src|cite|style|title|lang|id)=?",
        "['\"<>&;= /-]",
        "(javascript:|data:|https://|mailto:|&#106;|&#x1b;|&lt;|<!--|-->|--!>|<!|<\\?|\\]\\]>|<!\\[CDATA\\[)",
        "[a-z \n\u{301}é]{0,4}",
        Just(">".to_owned()),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// BR-STORAGE-011: the gate finds nothing active in what is stored, so that twice equals once.
    #[test]
    fn what_is_stored_runs_nothing(text in prop_oneof![html(), any::<String>()]) {
        let stored = sanitize(&text).unwrap().unwrap_or(text);
        prop_assert_eq!(verdict(&stored), Verdict::Inert);
        prop_assert_eq!(sanitize(&stored), Ok(None));
    }

    /// BR-STORAGE-011: no markup, no change.
    #[test]
    fn text_without_tags_is_unchanged(text in "[^<]{0,64}|([^<]|<[^a-zA-Z<]){0,64}") {
        prop_assert_eq!(sanitize(&text), Ok(None));
    }

    /// The short cut around the parser gives what the parser would.
    #[test]
    fn without_a_letter_behind_a_less_than_the_parser_finds_nothing(
        text in prop_oneof![html().prop_map(|text| text.replace('<', "< ")), any::<String>()],
    ) {
        prop_assume!(!may_hold_tag(&text));
        prop_assert_eq!(judge(&text, usize::MAX).0, Verdict::Inert);
    }

    /// However the text is cut into pieces for the parser.
    #[test]
    fn padding_changes_no_verdict(text in html(), padding in 4080_usize..4100) {
        prop_assert_eq!(verdict(&format!("{}{text}", "é".repeat(padding / 2))), verdict(&text));
    }
}
