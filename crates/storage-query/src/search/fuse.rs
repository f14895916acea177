//! One order out of two, by reciprocal rank.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use storage_models::Remediation;

use super::order;
use crate::{Hit, LexicalHit};

/// How much the first places stand out (Cormack, Clarke and Büttcher 2009): with 60, being first is worth twice as
/// much as being 62nd.
const K: f64 = 60.0;

/// A remediation that a search by meaning found, or one by words, or both.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FusedHit {
    /// The sum of `1 / (60 + rank)` over the sides that found it.
    pub score: f64,
    /// How near it is in meaning, if the search by meaning found it.
    pub similarity: Option<f64>,
    /// Whether the search by words found it.
    pub has_words: bool,
    /// The record.
    pub record: Remediation,
}

/// The first `limit` of both sides together, each record once, ordered by reciprocal rank fusion; records with
/// equal scores newest first, then by id.
///
/// Each side must be in its own order, best first. Ranks are all that counts of it: distances and ranks of words are
/// not comparable.
#[must_use]
pub fn fuse(by_meaning: Vec<Hit>, by_words: Vec<LexicalHit>, limit: usize) -> Vec<FusedHit> {
    let mut fused: HashMap<i64, FusedHit> = HashMap::with_capacity(by_meaning.len() + by_words.len());
    for (score, hit) in scores().zip(by_meaning) {
        let similarity = Some(hit.similarity);
        fused.entry(hit.record.id).or_insert(FusedHit {
            score,
            similarity,
            has_words: false,
            record: hit.record,
        });
    }
    for (score, hit) in scores().zip(by_words) {
        match fused.entry(hit.record.id) {
            Entry::Occupied(mut known) if !known.get().has_words => {
                known.get_mut().score += score;
                known.get_mut().has_words = true;
            }
            Entry::Occupied(_) => {}
            Entry::Vacant(place) => {
                place.insert(FusedHit { score, similarity: None, has_words: true, record: hit.record });
            }
        }
    }
    let mut fused: Vec<FusedHit> = fused.into_values().collect();
    order::sort(&mut fused, |hit| -hit.score, |hit| &hit.record);
    fused.truncate(limit);
    fused
}

/// What each rank is worth, the first one first.
fn scores() -> impl Iterator<Item = f64> {
    (1_u32..).map(|rank| (K + f64::from(rank)).recip())
}
