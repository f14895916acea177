//! The model's learned maps, and how to let rows through them.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView2};

/// A learned affine map: `x * weightᵀ + bias`.
pub(super) struct Linear {
    /// One row for each output.
    pub(super) weight: Array2<f32>,
    /// One number for each output.
    pub(super) bias: Array1<f32>,
}

impl Linear {
    /// Maps each row of `input`.
    pub(super) fn apply(&self, input: ArrayView2<'_, f32>) -> Array2<f32> {
        let mut out = Array2::zeros((input.nrows(), self.bias.len()));
        out += &self.bias;
        general_mat_mul(1.0, &input, &self.weight.t(), 1.0, &mut out);
        out
    }
}
