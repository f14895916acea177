//! The words of what is searched for, and what each of them weighs.

use std::collections::HashSet;

use crate::read::rows::{Rarity, Word};

/// Words of the language, which weigh nothing: they say nothing of what happened, however rare they are among records.
/// `down`, `no`, `not`, `off` and `out` do.
const LANGUAGE: &str = "a about after again all also am an and any are as at be because been before being both but by can \
    could did do does doing done during each else few for from further get gets getting give given go goes got had has have \
    having he her here hers him his how i if in into is it its itself just keep keeps kept let like made make makes many may \
    me might more most much must my near never nor now of often on once one only onto or other our over own please put same \
    see seen set she should since so some still such than that the their them then there these they this those though \
    through to too until up upon us use very was we were what when where whether which while who whom whose why will with \
    within without would yet you your";

/// Words that are counted, the first ones of a text: 1,000 characters have more only when most are of two letters.
const MAX_COUNTED: usize = 128;

/// The most words that count, the rarest first: more than 32 words find nothing else. As many again may count that only
/// waiting records have.
const MAX_WEIGHED: usize = 32;

/// Letters from which on the last word may be only begun: `it:*` would be half the dictionary.
const MIN_BEGUN: usize = 3;

/// Characters of the longest identifier, with its mark.
const MAX_IDENTIFIER: usize = 256;

/// Bytes of the longest word that PostgreSQL takes.
const MAX_WORD: usize = 2046;

/// The text of a search, each part as `tsquery`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct QueryWords {
    pub(super) terms: Vec<Term>,
    /// The last word as a whole one, where it may be only begun.
    pub(super) ending: Option<String>,
    /// The text as an identifier.
    pub(super) exact: Option<String>,
    /// The text as the beginning of one.
    pub(super) begun: Option<String>,
}

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) wanted: String,
    /// Whether it may be among a record's own words.
    pub(super) may_be_own: bool,
    /// Whether it is meant literally: a part of an identifier, or a word with a digit.
    pub(super) is_literal: bool,
}

impl QueryWords {
    /// The words of a text, as the database splits it, without common words of the language unless there are no others.
    pub(super) fn of(text: &str, rows: &[Word]) -> Self {
        let words: Vec<(&str, &str)> =
            rows.iter().filter_map(|row| row.word.as_deref().zip(row.whole.as_deref())).collect();
        let is_begun = |last: &&str| last.chars().count() >= MIN_BEGUN && !is_language(last);
        let begun = words.last().map(|(last, _)| *last).filter(is_begun);
        let content = words.iter().copied().filter(|(word, _)| !is_language(word));
        let mut kept = distinct(content);
        if kept.is_empty() {
            kept = distinct(words.into_iter());
        }
        let joined = joined(text);
        let whole = rows.first().and_then(|row| row.identifier.as_deref());
        let whole = whole.filter(|whole| whole.chars().count() <= MAX_IDENTIFIER);
        Self {
            terms: kept
                .iter()
                .map(|(word, whole)| Term::of(word, whole, begun == Some(*word), &joined))
                .collect(),
            ending: begun.map(quoted),
            exact: whole.map(quoted),
            begun: whole.filter(|whole| whole.chars().count() > MIN_BEGUN).map(|whole| quoted(whole) + ":*"),
        }
    }
}

impl Term {
    fn of(word: &str, whole: &str, is_begun: bool, joined: &HashSet<String>) -> Self {
        let ending = if is_begun { ":*" } else { "" };
        let mut wanted = quoted(word) + ending;
        if whole != word && whole.len() <= MAX_WORD {
            wanted = format!("{wanted} | {}{ending}", quoted(whole));
        }
        Self {
            wanted,
            may_be_own: is_begun || may_be_drawn(word) || may_be_drawn(whole),
            is_literal: whole != word || has_digit(word) || joined.contains(word),
        }
    }
}

/// The parts of a search with their weights.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Weighed {
    /// The rarest first, then those that no stored record has; waiting records may have them.
    pub(super) terms: Vec<Counted>,
    /// One of these at least is among the shared words of a record that holds half of the weight by them.
    pub(super) shared: Option<String>,
    /// One of these at least is among the own words of a record that holds half of the weight by them, or has an identifier
    /// that begins like the text.
    pub(super) own: Option<String>,
    /// The last word as a whole one, where it may be only begun.
    pub(super) ending: Option<String>,
    /// The text as an identifier.
    pub(super) exact: Option<String>,
    /// Whether a stored record has it.
    pub(super) is_exact_known: bool,
    /// The text as the beginning of an identifier.
    pub(super) begun: Option<String>,
}

/// A word with its weight.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Counted {
    pub(super) wanted: String,
    pub(super) is_literal: bool,
    /// 1 is the most that a word can weigh.
    pub(super) weight: f64,
    /// Whether it is among shared words, and among own ones.
    is_shared: bool,
    is_own: bool,
}

impl Counted {
    /// Whether a stored record has it.
    pub(super) const fn is_known(&self) -> bool {
        self.is_shared || self.is_own
    }
}

impl Weighed {
    /// Weighs by rarities: those of the terms, of the exact identifier and of the begun one, in this order.
    pub(super) fn of(asked: QueryWords, rarities: &[Rarity]) -> Self {
        let (of_terms, of_wholes) = rarities.split_at_checked(asked.terms.len()).unwrap_or((rarities, &[]));
        let counted =
            asked.terms.into_iter().zip(of_terms).map(|(Term { wanted, is_literal, .. }, rarity)| {
                let Rarity { weight, is_shared, is_own } = *rarity;
                Counted { wanted, is_literal, weight, is_shared, is_own }
            });
        let (mut known, mut unknown): (Vec<_>, Vec<_>) = counted.partition(Counted::is_known);
        known.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        known.truncate(MAX_WEIGHED);
        unknown.truncate(MAX_WEIGHED);
        let is_known = |at: usize| of_wholes.get(at).is_some_and(|rarity| rarity.is_own);
        let leading = leading(&known);
        let shared = leading.iter().filter(|term| term.is_shared).map(|term| &*term.wanted);
        let own = leading.iter().filter(|term| term.is_own).map(|term| &*term.wanted);
        Self {
            shared: any(shared),
            own: any(own.chain(asked.begun.as_deref().filter(|_| is_known(1)))),
            ending: asked.ending,
            exact: asked.exact,
            is_exact_known: is_known(0),
            begun: asked.begun,
            terms: known.into_iter().chain(unknown).collect(),
        }
    }
}

/// The first terms, until the rest weighs less than half. A record with half of the weight has at least one of these
/// terms.
fn leading(terms: &[Counted]) -> &[Counted] {
    let total: f64 = terms.iter().map(|term| term.weight).sum();
    let mut rest = total;
    let is_needed = |term: &&Counted| {
        let is_needed = rest >= total / 2.0;
        rest -= term.weight;
        is_needed
    };
    let needed = terms.iter().take_while(is_needed).count();
    terms.get(..needed).unwrap_or(terms)
}

fn any<'w>(wanted: impl Iterator<Item = &'w str>) -> Option<String> {
    let wanted: Vec<&str> = wanted.collect();
    (!wanted.is_empty()).then(|| wanted.join(" | "))
}

/// Each word once, at most [`MAX_COUNTED`].
fn distinct<'w>(words: impl Iterator<Item = (&'w str, &'w str)>) -> Vec<(&'w str, &'w str)> {
    let mut kept: Vec<(&str, &str)> = Vec::new();
    for word in words {
        if kept.len() < MAX_COUNTED && !kept.contains(&word) {
            kept.push(word);
        }
    }
    kept
}

/// The words, in small letters, that are joined to others as in `compute-quota`, `payments.svc` or `exit_code=137`.
fn joined(text: &str) -> HashSet<String> {
    let mut joined = HashSet::new();
    for chunk in text.split_whitespace() {
        let chunk = chunk.trim_matches(|edge: char| !edge.is_alphanumeric());
        if chunk.contains(['-', '_', '.', '/', ':', '@', '=']) {
            joined.extend(chunk.split(|it: char| !it.is_alphanumeric()).map(str::to_lowercase));
        }
    }
    joined
}

fn is_language(word: &str) -> bool {
    LANGUAGE.split_whitespace().any(|known| known == word)
}

/// As far as `audit_words` may take the word for one that was drawn: it has a digit, or no vowel.
fn may_be_drawn(word: &str) -> bool {
    has_digit(word) || !word.contains(['a', 'e', 'i', 'o', 'u', 'y'])
}

fn has_digit(word: &str) -> bool {
    word.contains(|it: char| it.is_ascii_digit())
}

/// A word as `tsquery` takes it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\\', r"\\").replace('\'', "''"))
}
