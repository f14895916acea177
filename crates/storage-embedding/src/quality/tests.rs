//! The measures of a ranking, on rankings small enough to count by hand.

use super::{Grades, Scores};

fn grades(pairs: &[(&str, u8)]) -> Grades {
    pairs.iter().map(|(key, grade)| ((*key).to_owned(), *grade)).collect()
}

#[test]
fn the_ideal_ranking_scores_1_throughout() {
    let relevant = grades(&[("a", 3), ("b", 2), ("c", 1)]);
    let best = Scores { top_1: 1.0, recall_5: 1.0, mrr: 1.0, ndcg_10: 1.0 };
    assert_eq!(Scores::of(["a", "b", "c", "x"], &relevant), best);
}

#[test]
fn a_hit_at_rank_three_scores_as_computed_by_hand() {
    let scores = Scores::of(["x", "y", "a", "z", "w", "b"], &grades(&[("a", 3), ("b", 1)]));
    assert_eq!((scores.top_1, scores.recall_5), (0.0, 0.5));
    assert!((scores.mrr - 1.0 / 3.0).abs() < 1e-12);
    // (7/log2(4) + 1/log2(7)) / (7/log2(2) + 1/log2(3))
    assert!((scores.ndcg_10 - (3.5 + 1.0 / 7_f64.log2()) / (7.0 + 1.0 / 3_f64.log2())).abs() < 1e-12);
}

#[test]
fn five_answers_fill_the_first_five_places_even_when_more_are_relevant() {
    let relevant = grades(&[("a", 1), ("b", 1), ("c", 1), ("d", 1), ("e", 1), ("f", 1)]);
    assert_eq!(Scores::of(["a", "b", "c", "d", "e"], &relevant).recall_5, 1.0);
}

#[test]
fn a_ranking_without_a_hit_scores_0_and_the_mean_is_taken_over_all() {
    let relevant = grades(&[("a", 3)]);
    let (hit, miss) = (Scores::of(["a"], &relevant), Scores::of(["x"], &relevant));
    assert_eq!(miss, Scores::default());
    assert_eq!(Scores::mean(&[hit, miss]), Scores { top_1: 0.5, recall_5: 0.5, mrr: 0.5, ndcg_10: 0.5 });
    assert_eq!(Scores::mean(&[]), Scores::default());
}
