//! Multi-head self-attention (Vaswani et al. 2017), each text for itself.

use super::functions::softmax;
use super::matrix::Linear;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, Slice};

/// Length of a token's vector inside the model, and of its output.
pub(super) const WIDTH: usize = 384;
const HEADS: usize = 12;
const HEAD_WIDTH: usize = WIDTH / HEADS;

/// `1 / sqrt(HEAD_WIDTH)`.
const SCALE: f32 = 0.176_776_7;

/// The four maps of one layer's attention.
pub(super) struct Attention {
    pub(super) query: Linear,
    pub(super) key: Linear,
    pub(super) value: Linear,
    pub(super) output: Linear,
}

impl Attention {
    /// Lets every token of a text see the tokens of the same text. `lengths` are the texts' token
    /// counts, which sum to the rows of `hidden`.
    pub(super) fn apply(&self, hidden: ArrayView2<'_, f32>, lengths: &[usize]) -> Array2<f32> {
        let queries = self.query.apply(hidden);
        let keys = self.key.apply(hidden);
        let values = self.value.apply(hidden);
        let mut context = Array2::zeros(hidden.raw_dim());
        let mut start = 0;
        for length in lengths {
            let rows = Slice::from(start..start + length);
            let text = [&queries, &keys, &values].map(|matrix| matrix.slice_axis(Axis(0), rows));
            mix(text, context.slice_axis_mut(Axis(0), rows));
            start += length;
        }
        self.output.apply(context.view())
    }
}

/// One text, each head for itself: `softmax(queries * keysᵀ / sqrt(width)) * values`.
fn mix([queries, keys, values]: [ArrayView2<'_, f32>; 3], mut context: ArrayViewMut2<'_, f32>) {
    let mut scores = Array2::zeros((queries.nrows(), keys.nrows()));
    let queries = queries.axis_chunks_iter(Axis(1), HEAD_WIDTH);
    let keys = keys.axis_chunks_iter(Axis(1), HEAD_WIDTH);
    let values = values.axis_chunks_iter(Axis(1), HEAD_WIDTH);
    let contexts = context.axis_chunks_iter_mut(Axis(1), HEAD_WIDTH);
    for (((queries, keys), values), mut context) in queries.zip(keys).zip(values).zip(contexts) {
        general_mat_mul(SCALE, &queries, &keys.t(), 0.0, &mut scores);
        scores.rows_mut().into_iter().for_each(softmax);
        general_mat_mul(1.0, &scores, &values, 0.0, &mut context);
    }
}
