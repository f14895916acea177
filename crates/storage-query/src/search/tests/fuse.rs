//! Fusion by similarity and evidence: by hand on a small case, and its laws on random ones.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::remediation;
use crate::{FusedHit, Hit, LexicalHit, fuse};

/// Each a tenth less near than the one before.
fn by_meaning(ids: &[i64]) -> Vec<Hit> {
    let near = |(id, rank): (&i64, u32)| Hit {
        similarity: 0.9 - f64::from(rank) / 100.0,
        record: remediation(*id, "2026-01-01T00:00:00Z"),
    };
    ids.iter().zip(0..).map(near).collect()
}

fn holding(id: i64, rank: f64, evidence: f64) -> LexicalHit {
    LexicalHit { rank, evidence, record: remediation(id, "2026-01-01T00:00:00Z") }
}

/// Each with less evidence than the one before.
fn by_words(ids: &[i64]) -> Vec<LexicalHit> {
    let held = |(id, rank): (&i64, u32)| {
        let share = f64::from(rank + 2).recip();
        holding(*id, share, share)
    };
    ids.iter().zip(0..).map(held).collect()
}

fn ids(hits: &[FusedHit]) -> Vec<i64> {
    hits.iter().map(|hit| hit.record.id).collect()
}

/// F74: evidence is added to the similarity, and to little where there is none.
#[test]
fn scores_are_as_computed_by_hand() {
    let words = vec![holding(3, 0.9, 0.5), holding(4, 0.8, 0.3), holding(2, 0.7, 0.0)];
    let hits = fuse(by_meaning(&[1, 2, 3]), words, 10);
    assert_eq!(ids(&hits), [3, 1, 2, 4]);
    for (hit, expected) in hits.iter().zip([0.88 + 0.5, 0.9, 0.89, 0.1 + 0.3]) {
        assert!((hit.score - expected).abs() < 1e-12, "{hit:?}");
    }
    let sides: Vec<_> = hits.iter().map(|hit| (hit.similarity.is_some(), hit.has_words)).collect();
    assert_eq!(sides, [(true, true), (true, false), (true, true), (false, true)]);
    assert_eq!(ids(&fuse(by_meaning(&[1, 2, 3]), vec![holding(3, 0.9, 0.5)], 2)), [3, 1]);
}

/// F51: however near others are, and whatever words they hold.
#[test]
fn an_identifier_that_is_the_text_comes_first() {
    let words = vec![holding(9, 3.0, 0.0), holding(1, 2.0, 1.3)];
    assert_eq!(ids(&fuse(by_meaning(&[1, 2]), words, 10)), [9, 1, 2]);
}

#[test]
fn equal_scores_are_ordered_newest_first() {
    let mut newer = holding(9, 0.5, 0.8);
    newer.record.start_time = "2026-01-02T00:00:00Z".parse().unwrap();
    assert_eq!(ids(&fuse(by_meaning(&[1]), vec![newer], 10)), [9, 1]);
    assert_eq!(ids(&fuse(by_meaning(&[7]), vec![holding(5, 0.5, 0.8)], 10)), [7, 5]);
}

fn distinct() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(1_i64..60, 0..40).prop_map(|ids| {
        let mut seen = BTreeSet::new();
        ids.into_iter().filter(|id| seen.insert(*id)).collect()
    })
}

proptest! {
    #[test]
    fn each_record_comes_once_and_none_is_lost(a in distinct(), b in distinct(), limit in 1_usize..80) {
        let all: BTreeSet<i64> = a.iter().chain(&b).copied().collect();
        let hits = fuse(by_meaning(&a), by_words(&b), limit);
        let found: BTreeSet<i64> = ids(&hits).into_iter().collect();
        prop_assert_eq!(hits.len(), all.len().min(limit));
        prop_assert_eq!(found.len(), hits.len());
        prop_assert!(found.is_subset(&all));
        for hit in &hits {
            prop_assert_eq!(hit.similarity.is_some(), a.contains(&hit.record.id));
            prop_assert_eq!(hit.has_words, b.contains(&hit.record.id));
        }
        for pair in hits.windows(2) {
            prop_assert!(pair[0].score >= pair[1].score - 1e-6);
        }
    }

    #[test]
    fn one_side_alone_keeps_its_order(a in distinct()) {
        prop_assert_eq!(ids(&fuse(by_meaning(&a), Vec::new(), 100)), a.clone());
        prop_assert_eq!(ids(&fuse(Vec::new(), by_words(&a), 100)), a);
    }

    /// A record that is not below another one on either side, and above it on one, is not below it in the end.
    #[test]
    fn who_is_better_on_both_sides_is_better(a in distinct(), b in distinct()) {
        let order = ids(&fuse(by_meaning(&a), by_words(&b), 100));
        let place = |list: &[i64], id: i64| list.iter().position(|it| *it == id).unwrap_or(usize::MAX);
        for x in &order {
            for y in &order {
                if place(&a, *x) < place(&a, *y) && place(&b, *x) < place(&b, *y) {
                    prop_assert!(place(&order, *x) < place(&order, *y), "{} before {}", x, y);
                }
            }
        }
    }
}
