//! What a text asks for, what weighs, and the SQL of a search as a golden file.

use storage_models::Timestamp;

use super::statement::rarities;
use super::words::{QueryWords, Weighed};
use super::{LexicalHit, LexicalQuery};
use crate::read::rows::{Ranked, Rarity, Word};
use crate::search::tests::remediation;
use crate::{AuditFilter as _, Bind, RemediationFilter, SearchRequest};

/// As the database cuts a text into these words; those in CamelCase name the whole one.
fn asked(text: &str, words: &[(&str, &str)]) -> QueryWords {
    let row = |(word, whole): &(&str, &str)| Word {
        identifier: Some(format!("={}", text.to_lowercase())),
        word: Some((*word).to_owned()),
        whole: Some((*whole).to_owned()),
    };
    QueryWords::of(text, &words.iter().map(row).collect::<Vec<_>>())
}

fn plain(text: &str) -> QueryWords {
    let words: Vec<_> = text.split(' ').map(|word| (word, word)).collect();
    asked(text, &words)
}

fn wanted(asked: &QueryWords) -> Vec<&str> {
    asked.terms.iter().map(|term| &*term.wanted).collect()
}

const SHARED: Rarity = Rarity { weight: 0.5, is_shared: true, is_own: false };
const UNKNOWN: Rarity = Rarity { weight: 1.0, is_shared: false, is_own: false };

/// F50, F74: a last word is a prefix from three letters on, and a word of the language is none at all.
#[test]
fn words_of_the_language_weigh_nothing_and_short_last_words_are_whole() {
    for (text, expected) in [
        ("what is wrong with it", &["'wrong'"][..]),
        ("the disk is full", &["'disk'", "'full':*"]),
        ("disk io", &["'disk'", "'io'"]),
        ("disk usa", &["'disk'", "'usa':*"]),
        ("to be or not", &["'not':*"]),
        ("where is it", &["'where'", "'is'", "'it'"]),
        ("disk disk disk", &["'disk':*"]),
    ] {
        assert_eq!(wanted(&plain(text)), expected, "{text}");
    }
}

/// F63: a part of a word in CamelCase is held by a record that has the whole word, however that is written.
#[test]
fn a_word_in_camel_case_is_asked_for_whole_and_by_its_parts() {
    let asked = asked("OOMKilled", &[("oom", "oomkilled"), ("killed", "oomkilled")]);
    assert_eq!(wanted(&asked), ["'oom' | 'oomkilled'", "'killed':* | 'oomkilled':*"]);
    assert_eq!(
        (asked.exact.as_deref(), asked.begun.as_deref()),
        (Some("'=oomkilled'"), Some("'=oomkilled':*"))
    );
}

#[test]
fn quotes_and_backslashes_are_no_operators() {
    assert_eq!(asked("a", &[("it's\\odd", "it's\\odd")]).terms[0].wanted, "'it''s\\\\odd':*");
}

#[test]
fn what_is_joined_or_has_a_digit_or_is_camel_case_is_meant_literally() {
    let text = "why does compute-quota of ShareLock fail 137 times";
    let words = [
        ("compute", "compute"),
        ("quota", "quota"),
        ("share", "sharelock"),
        ("lock", "sharelock"),
        ("fail", "fail"),
        ("137", "137"),
        ("times", "times"),
    ];
    let literal: Vec<_> = asked(text, &words).terms.iter().map(|term| term.is_literal).collect();
    assert_eq!(literal, [true, true, true, true, false, true, false]);
}

/// The rarest words make the candidates: as many as half of the weight cannot do without. Those that no stored record has
/// are asked of the waiting ones alone.
#[test]
fn the_rarest_words_make_the_candidates() {
    let weighed = |weights: &[f64], text: &str| {
        let known = |weight: &f64| Rarity { weight: *weight, ..SHARED };
        let rarities: Vec<_> = weights.iter().map(known).chain([UNKNOWN, UNKNOWN, UNKNOWN]).collect();
        Weighed::of(plain(text), &rarities)
    };
    assert_eq!(weighed(&[0.2, 0.9, 0.1], "pod zanzibar failed").shared.as_deref(), Some("'zanzibar'"));
    assert_eq!(weighed(&[0.4, 0.4, 0.4], "pod node failed").shared.as_deref(), Some("'pod' | 'node'"));
    let one = weighed(&[0.2], "pod nowhere");
    assert_eq!((one.shared.as_deref(), one.own.as_deref()), (Some("'pod'"), None));
    assert_eq!(one.terms.iter().map(|term| &*term.wanted).collect::<Vec<_>>(), ["'pod'", "'nowhere':*"]);
    assert_eq!(weighed(&[], "nowhere").shared, None);
}

/// However long a text is, so many words are counted, and so many weighed.
#[test]
fn words_beyond_the_bounds_are_left_out() {
    let long: Vec<String> = (0..300).map(|n| format!("word{n}")).collect();
    let asked = plain(&long.join(" "));
    assert_eq!(asked.terms.len(), 128);
    let rarities: Vec<_> = (0..130).map(|_| SHARED).collect();
    assert_eq!(Weighed::of(asked, &rarities).terms.len(), 32);
}

#[test]
fn literal_words_are_evidence_at_once_and_others_beyond_the_rarest_word() {
    let evidence = |held, literal| {
        let record = remediation(1, "2026-01-01T00:00:00Z");
        LexicalHit::of(Ranked { record, rank: 0.5, held, literal }).evidence
    };
    for (held, literal, expected) in
        [(1.0, 0.0, 0.0), (2.0, 0.0, 0.2), (1.0, 1.0, 0.3), (9.0, 0.0, 0.4), (9.0, 9.0, 0.9), (0.0, 0.0, 0.0)]
    {
        let found: f64 = evidence(held, literal);
        assert!((found - expected).abs() < 1e-12, "{held} {literal}: {found}");
    }
}

#[test]
fn golden_sql_of_a_search_by_words() {
    let filter = RemediationFilter::default().namespace("prod").check(now()).unwrap();
    let query =
        LexicalQuery::new("restart-pod check", filter, SearchRequest::default()).unwrap().for_fusion();
    let asked = asked("restart-pod check", &[("restart", "restart"), ("pod", "pod"), ("check", "check")]);
    let own = || Rarity { is_own: true, ..SHARED };
    let weighed = Weighed::of(asked.clone(), &[SHARED, own(), UNKNOWN, own(), own()]);
    assert_eq!(query.to_sql().unwrap_err().to_string(), "weights must be read first, by LexicalQuery::weigh");
    let [counted, search] = [rarities(&asked).into_bound(), query.search(&weighed).sql().into_bound()];
    assert_eq!(search.binds.last(), Some(&Bind::BigInt(50)));
    insta::assert_snapshot!(
        "lexical",
        format!(
            "-- settings\n{}\n\n-- rarity\n{}\n   {:?}\n\n-- search\n{}\n   {:?}\n",
            LexicalQuery::SETTINGS,
            counted.text,
            counted.binds,
            search.text,
            search.binds
        )
    );
}

fn now() -> Timestamp {
    "2026-03-01T00:00:00Z".parse().unwrap()
}
