//! The encoder's functions beside matrix products: GELU, softmax, normalisation.

use ndarray::{Array1, Array2, ArrayViewMut1};
use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

/// Gaussian error linear unit in its exact form, `x/2 * (1 + erf(x/√2))` (Hendrycks and Gimpel 2016).
pub(super) fn gelu(values: &mut Array2<f32>) {
    values.mapv_inplace(|value| 0.5 * value * (1.0 + erf(value * FRAC_1_SQRT_2)));
}

/// The error function to 4e-7.
///
/// A rational function of degree 5 over 5 in x², fitted by least squares on Chebyshev nodes of
/// [0, 3.92], where erf reaches 1 in f32. Without branches, so that the compiler can do several
/// numbers at once; the C library's takes them one by one.
fn erf(x: f32) -> f32 {
    const NUMERATOR: [f32; 6] =
        [2.034_617_6e-6, 2.874_438_4e-4, 3.867_58e-3, 5.305_819e-2, 1.927_492_2e-1, FRAC_2_SQRT_PI];
    const DENOMINATOR: [f32; 6] =
        [3.806_753_4e-5, 1.187_897_2e-3, 1.517_084_2e-2, 1.150_781_7e-1, 5.041_512e-1, 1.0];
    let x = x.clamp(-3.92, 3.92);
    x * polynomial(&NUMERATOR, x * x) / polynomial(&DENOMINATOR, x * x)
}

/// Horner's rule, highest coefficient first.
fn polynomial(coefficients: &[f32; 6], x: f32) -> f32 {
    coefficients.iter().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

/// Turns one row of scores into weights that sum to 1.
pub(super) fn softmax(mut scores: ArrayViewMut1<'_, f32>) {
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    scores.mapv_inplace(|score| (score - highest).exp());
    let sum = scores.sum();
    scores /= sum;
}

/// A learned scale and shift of rows that were brought to mean 0 and variance 1.
pub(super) struct LayerNorm {
    /// One factor for each column.
    pub(super) scale: Array1<f32>,
    /// One addend for each column.
    pub(super) shift: Array1<f32>,
}

impl LayerNorm {
    /// The model's guard against a variance of 0.
    const EPSILON: f32 = 1e-12;

    /// Normalises one row in place (Ba, Kiros and Hinton 2016).
    pub(super) fn apply(&self, mut row: ArrayViewMut1<'_, f32>) {
        let count = count(row.len());
        let mean = row.sum() / count;
        row -= mean;
        let variance = row.dot(&row) / count;
        row *= (variance + Self::EPSILON).sqrt().recip();
        row *= &self.scale;
        row += &self.shift;
    }
}

/// A count as a number; counts here stay far below the 2^16 that this can tell.
pub(super) fn count(length: usize) -> f32 {
    f32::from(u16::try_from(length).unwrap_or(u16::MAX))
}

/// Scales `vector` to length 1; one of length 0 stays as it is.
pub(crate) fn normalise(vector: &mut Array1<f32>) {
    let length = vector.dot(vector).sqrt();
    if length > 0.0 {
        *vector /= length;
    }
}
