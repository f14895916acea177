//! The ratio of paired figures, with the interval of Student's t for the mean of its logarithm.

use std::fmt;

use crate::report::{Figures, number};

/// The 97.5th percentile of Student's t, from one degree of freedom on.
const T: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/// Figures of one side and the other, measured beside each other.
pub(super) struct Pairs {
    one: Vec<f64>,
    other: Vec<f64>,
}

impl Pairs {
    pub(super) fn new(pairs: impl Iterator<Item = (f64, f64)>) -> Self {
        let (one, other) = pairs.unzip();
        Self { one, other }
    }

    /// The geometric mean of the ratios, and the ends of its 95 % interval.
    fn ratio(&self) -> [f64; 3] {
        let logarithms: Vec<f64> =
            self.one.iter().zip(&self.other).map(|(one, other)| (one / other).ln()).collect();
        let count = f64::from(u32::try_from(logarithms.len()).unwrap_or(u32::MAX));
        let mean = logarithms.iter().sum::<f64>() / count;
        let squares: f64 = logarithms.iter().map(|it| (it - mean).powi(2)).sum();
        let error = (squares / (count - 1.0) / count).sqrt();
        // More pairs than the table has get its last value, which is a little too wide for them.
        let freedom = logarithms.len().saturating_sub(2).min(T.len() - 1);
        let reach = T.get(freedom).copied().unwrap_or(f64::NAN) * error;
        [mean, mean - reach, mean + reach].map(f64::exp)
    }
}

impl fmt::Display for Pairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [ratio, low, high] = self.ratio();
        let [this, earlier] = [&self.one, &self.other].map(|it| number(Figures::of(it.clone()).median));
        write!(f, "{ratio:>7.3}  {low:>6.3} to {high:>6.3} {this:>10} {earlier:>10}")
    }
}

#[cfg(test)]
mod tests {
    use super::Pairs;

    /// Worked out by hand: the standard error is 0.0391, and t with two degrees of freedom 4.303.
    #[test]
    fn the_interval_is_that_of_the_mean_logarithm() {
        let pairs = Pairs::new([(110.0, 100.0), (105.0, 100.0), (120.0, 100.0)].into_iter());
        let [ratio, low, high] = pairs.ratio();
        for (found, expected) in [(ratio, 1.11495), (low, 0.94216), (high, 1.31943)] {
            assert!((found - expected).abs() < 1e-4, "{found} is not {expected}");
        }
    }

    #[test]
    fn a_single_pair_has_a_ratio_and_no_interval() {
        let [ratio, low, high] = Pairs::new(std::iter::once((3.0, 2.0))).ratio();
        assert!((ratio - 1.5).abs() < 1e-12 && low.is_nan() && high.is_nan());
    }
}
