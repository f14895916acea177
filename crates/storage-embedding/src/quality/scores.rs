//! The usual measures over graded answers.

use super::Grades;

/// Measures of one ranking, or their means over many; each from 0 to 1, where 1 is best.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Scores {
    /// Whether the first answer is relevant.
    pub top_1: f64,
    /// The share of the relevant answers among the first five; of more than five, five count.
    pub recall_5: f64,
    /// 1 / rank of the first relevant answer (Voorhees 1999).
    pub mrr: f64,
    /// Normalised discounted cumulative gain of the first ten, with gain `2^grade - 1`
    /// (Burges et al. 2005).
    pub ndcg_10: f64,
}

impl Scores {
    /// Judges `ranking`, keys from best to worst, each at most once.
    #[must_use]
    pub fn of<'a>(ranking: impl IntoIterator<Item = &'a str>, relevant: &Grades) -> Self {
        let grades: Vec<u8> =
            ranking.into_iter().map(|key| relevant.get(key).copied().unwrap_or_default()).collect();
        let mut ideal: Vec<u8> = relevant.values().copied().collect();
        ideal.sort_unstable_by(|left, right| right.cmp(left));
        let first = grades.iter().zip(1_u32..).find(|(grade, _)| **grade > 0);
        Self {
            top_1: f64::from(u8::from(first.is_some_and(|(_, rank)| rank == 1))),
            recall_5: ratio(relevant_within(&grades, 5), relevant_within(&ideal, 5)),
            mrr: first.map_or(0.0, |(_, rank)| f64::from(rank).recip()),
            ndcg_10: ratio(gain(&grades), gain(&ideal)),
        }
    }

    /// The mean of each measure; all 0 for no rankings.
    #[must_use]
    pub fn mean(all: &[Self]) -> Self {
        let count = f64::from(u32::try_from(all.len()).unwrap_or(u32::MAX));
        let mean = |measure: fn(&Self) -> f64| ratio(all.iter().map(measure).sum(), count);
        Self {
            top_1: mean(|scores| scores.top_1),
            recall_5: mean(|scores| scores.recall_5),
            mrr: mean(|scores| scores.mrr),
            ndcg_10: mean(|scores| scores.ndcg_10),
        }
    }
}

fn relevant_within(grades: &[u8], places: usize) -> f64 {
    grades.iter().take(places).map(|grade| f64::from(u8::from(*grade > 0))).sum()
}

fn gain(grades: &[u8]) -> f64 {
    let places = grades.iter().zip(2_u32..).take(10);
    places.map(|(grade, place)| (f64::from(*grade).exp2() - 1.0) / f64::from(place).log2()).sum()
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
