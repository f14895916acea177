//! One order out of two: how near a record is in meaning, and what its words add to that.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use storage_models::Remediation;

use super::order;
use crate::{Hit, LexicalHit};

/// The assumed, low similarity of a record that the search by meaning did not find among the nearest.
const FAR: f64 = 0.1;

/// The bonus of an identifier that equals the text: more than the sum of similarity and words can be.
const EXACT: f64 = 10.0;

/// A remediation that a search by meaning found, or one by words, or both.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FusedHit {
    /// How well it matches: comparable within one search only.
    pub score: f64,
    /// How near it is in meaning, if the search by meaning found it.
    pub similarity: Option<f64>,
    /// Whether the search by words found it.
    pub has_words: bool,
    /// The record.
    pub record: Remediation,
}

/// The first `limit` of both sides together, each record once: those with an identifier that is the text first, then by
/// similarity and [`LexicalHit::evidence`] together; records with equal scores newest first.
///
/// One side alone keeps its order.
#[must_use]
pub fn fuse(by_meaning: Vec<Hit>, by_words: Vec<LexicalHit>, limit: usize) -> Vec<FusedHit> {
    let is_alone = by_meaning.is_empty();
    let near = |hit: Hit| FusedHit {
        score: hit.similarity,
        similarity: Some(hit.similarity),
        has_words: false,
        record: hit.record,
    };
    let mut fused: HashMap<i64, FusedHit> =
        by_meaning.into_iter().map(|hit| (hit.record.id, near(hit))).collect();
    for hit in by_words {
        let exact = if hit.is_exact() { EXACT } else { 0.0 };
        let added = if is_alone { hit.rank } else { hit.evidence + exact };
        match fused.entry(hit.record.id) {
            Entry::Occupied(known) if known.get().has_words => {}
            Entry::Occupied(mut known) => {
                known.get_mut().score += added;
                known.get_mut().has_words = true;
            }
            Entry::Vacant(place) => {
                place.insert(FusedHit {
                    score: FAR + added,
                    similarity: None,
                    has_words: true,
                    record: hit.record,
                });
            }
        }
    }
    let mut fused: Vec<FusedHit> = fused.into_values().collect();
    order::sort(&mut fused, |hit| -hit.score, |hit| &hit.record);
    fused.truncate(limit);
    fused
}
