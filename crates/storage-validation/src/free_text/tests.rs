//! Which free text is escaped, that nothing of it is lost, and what finding out may cost.

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer};
use proptest::prelude::*;
use storage_models::escape::{escape, unescape};

use super::markup::{Verdict, judge};
use super::{Unsafe, escape_active, if_no_markup, is_active, may_hold_tag};

/// What is stored for a text.
fn stored(text: &str) -> String {
    escape_active(text).unwrap().unwrap_or_else(|| text.to_owned())
}

/// F68, BR-STORAGE-011: text in which nothing runs is stored as it came.
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
        "Cannot deserialize java.util.List<Pod> from <null> && retry",
        "apply <script.sh>, then <b onboarding> and <exactly one of> a, b",
        "<b/ONFOO>x</b> <b onclick=''>x</b> <b style srcdoc='' href>x</b>",
        "<b on1=2 on=3>x</b>",
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
        assert_eq!(escape_active(text), Ok(None), "{text}");
    }
}

/// F68, BR-STORAGE-011: each thing that runs is found, and no character of its text is lost.
#[test]
fn what_runs_is_escaped() {
    for text in [
        "a<script>alert(1)</script>b",
        "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
        "<style>*{color:red}</style>x",
        "<iframe src=https://evil.example></iframe>x",
        "<frame src=x>y",
        "<object data=x></object>y",
        "<embed src=x>y",
        "<applet code=x></applet>y",
        "<link rel=stylesheet href=x>y",
        "<meta http-equiv=refresh content=0>y",
        "<base href=x>y",
        "<form action=x>y</form>",
        "<template>x</template>y",
        "<noscript>x</noscript>y",
        "<svg><a></svg>",
        "<math><mi></math>",
        "kubectl get -o jsonpath=<template>",
        "Cannot deserialize java.util.List<Object> from <null> && retry",
        "TypeError: unsupported operand: <object object at 0x7f2a3c0>",
        "see <link to the runbook> &amp; retry",
        "<b onclick=alert(1)>x</b>",
        "<b/ONFOO=x>x</b>",
        "<svg/onload=alert(1)>",
        "<body onload=alert(1)>",
        "<b style=color:red>x</b>",
        "<b srcdoc=x>x</b>",
        "<a href=javascript:alert(1)>x</a>",
        "<a href=' \u{1}JaVa\tScRiPt:alert(1)'>x</a>",
        "<a href=&#106;avascript:alert(1)>x</a>",
        "<a href=ftp://x/>x</a>",
        "<img src=data:image/png;base64,AA>",
        "<img srcset='a.png 1x, javascript:x 2x'>",
        "<q cite=javascript:x>y</q>",
        "x<!--><script>alert(1)</script>-->",
        "<title><!--</title><script>alert(1)</script>",
        "<a & b> <script></script> \u{a0}\r\n\u{feff}",
    ] {
        let escaped = stored(text);
        assert_eq!(escaped, escape(text), "{text}");
        assert_eq!(unescape(&escaped), text);
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
        "<img src=x onerror=",
        "<img onerror='alert(1)",
        "<a href=javascript:x",
    ] {
        assert!(is_active(text), "{text}");
    }
    assert!(!is_active("x <y onwards z"));
    assert!(!is_active("x <y onwards"));
}

/// An escaped text that another reader takes for markup all the same is refused.
#[test]
fn what_is_markup_after_escaping_is_refused() {
    assert_eq!(if_no_markup("a<b>".to_owned()), Err(Unsafe));
    assert_eq!(if_no_markup(escape("a<b>")), Ok("a&lt;b&gt;".to_owned()));
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
        assert!(!is_active(&long), "{unit}");
        assert!(!is_active(&format!("x <y {long}")), "{unit}");
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

/// F68: a text that takes too long to be judged counts as active, after work that is linear in its length.
#[test]
fn hostile_text_is_given_up_on_and_counts_as_active() {
    for text in hostile(64 * 1024) {
        let start: String = text.chars().take(24).collect();
        assert!(is_active(&text), "{start}");
        let max = text.len() * super::STEPS_PER_BYTE;
        let (_, stopped) = judge(&text, max);
        assert!(stopped < 2 * max, "{start}: stopped only after {stopped} of {max} steps");
        assert_eq!(judge(&text, 2 * max).0, Verdict::TooComplex, "{start}: not hostile");
        assert_eq!(unescape(&stored(&text)), text, "{start}");
    }
}

/// One tag with ever more attributes is given up on too, and prose that merely follows a `<` is not.
#[test]
fn a_tag_of_endless_attributes_is_given_up_on() {
    let tag = |names: usize| (0..names).fold("<x ".to_owned(), |tag, name| format!("{tag}{name} "));
    assert!(is_active(&tag(30_000)));
    assert!(!is_active(&tag(4_000)));
    assert!(!is_active(&format!("<x {}", "the quick brown fox ".repeat(10_000))));
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

/// Start tags as a reader finds them that knows no elements, and so takes nothing for raw text or a comment's end.
#[derive(Default)]
struct StartTags(std::cell::RefCell<Vec<Tag>>);

impl TokenSink for StartTags {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => self.0.borrow_mut().push(tag),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// Whether anything in a text runs, found without the parser that judges texts.
fn runs(text: &str) -> bool {
    let tokenizer = Tokenizer::new(StartTags::default(), Default::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from_slice(text));
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    let found = tokenizer.sink.0.take();
    let acts = |name: &str, value: &str| {
        let value = value.replace(|c: char| c <= ' ', "").to_ascii_lowercase();
        let is_handler = name.strip_prefix("on").is_some_and(|event| event.contains(char::is_alphabetic));
        let is_address = matches!(name, "href" | "src" | "cite");
        let is_foreign = value.starts_with("javascript:") || value.starts_with("data:");
        !value.is_empty() && (is_handler || matches!(name, "style" | "srcdoc") || is_address && is_foreign)
    };
    found.iter().any(|tag| {
        ["script", "style", "svg", "math", "iframe", "form", "template", "noscript"].contains(&&*tag.name)
            || tag.attrs.iter().any(|attribute| acts(&attribute.name.local, &attribute.value))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// F68, BR-STORAGE-011: twice equals once, and with the mark what was sent comes back.
    #[test]
    fn twice_is_once_and_nothing_is_lost(text in prop_oneof![html(), any::<String>()]) {
        let once = stored(&text);
        prop_assert!(!is_active(&once));
        prop_assert_eq!(stored(&once), once.clone());
        let sent = if is_active(&text) { unescape(&once).into_owned() } else { once.clone() };
        prop_assert_eq!(sent, text);
    }

    /// F68, BR-STORAGE-011: as HTML, what is stored runs nothing. Raw text and comments, in which the parser finds nothing
    /// and the other reader does, are left out.
    #[test]
    fn what_is_stored_runs_nothing(text in html()) {
        let raw = ["<title", "<textarea", "<xmp", "<plaintext", "<noembed", "<noframes", "<select", "<frameset"];
        let is_raw = raw.iter().any(|tag| text.contains(tag));
        prop_assume!(!is_raw || is_active(&text));
        prop_assert!(!runs(&stored(&text)), "{}", text);
    }

    /// F68, BR-STORAGE-011: no markup, no change.
    #[test]
    fn text_without_tags_is_unchanged(text in "[^<]{0,64}|([^<]|<[^a-zA-Z<]){0,64}") {
        prop_assert_eq!(escape_active(&text), Ok(None));
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
        prop_assert_eq!(is_active(&format!("{}{text}", "é".repeat(padding / 2))), is_active(&text));
    }
}
