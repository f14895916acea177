//! The BERT encoder of all-MiniLM-L6-v2 over ragged batches: no padding, so no text pays for a
//! longer neighbour, and none can change its neighbour's vector.

use super::attention::{Attention, WIDTH};
use super::functions::{LayerNorm, count, gelu, normalise};
use super::matrix::Linear;
use super::tensor_file::{Rows, TensorFile};
use crate::error::LoadError;
use ndarray::{Array1, Array2, ArrayView2, Axis, Slice};
use std::io;

const INNER_WIDTH: usize = 1_536;
const LAYERS: usize = 6;
const VOCABULARY: usize = 30_522;
const POSITIONS: usize = 512;

/// Tokens that go through the layers at once: enough to keep the multiplication busy, few enough
/// for the widest intermediate result (6 MiB) to stay near the processor.
const MAX_PASS_TOKENS: usize = 1_024;

/// The model's weights and how to apply them.
pub(super) struct Encoder {
    /// Half of the model, of which texts need little: most of the vocabulary hardly ever occurs.
    words: Rows,
    positions: Array2<f32>,
    segment: Array1<f32>,
    norm: LayerNorm,
    layers: Vec<Layer>,
}

struct Layer {
    attention: Attention,
    attention_norm: LayerNorm,
    widen: Linear,
    narrow: Linear,
    norm: LayerNorm,
}

impl Encoder {
    /// Reads all weights.
    pub(super) fn load(file: &TensorFile) -> Result<Self, LoadError> {
        Ok(Self {
            words: file.rows("embeddings.word_embeddings.weight", VOCABULARY, WIDTH)?,
            positions: file.matrix("embeddings.position_embeddings.weight", POSITIONS, WIDTH)?,
            segment: file.matrix("embeddings.token_type_embeddings.weight", 2, WIDTH)?.row(0).to_owned(),
            norm: layer_norm(file, "embeddings.LayerNorm")?,
            layers: (0..LAYERS).map(|index| Layer::load(file, index)).collect::<Result<_, _>>()?,
        })
    }

    /// One unit vector for each text, in order. Every text has at least one token, and no token is
    /// outside the vocabulary.
    ///
    /// # Errors
    /// When the file of the model cannot be read any more, or has changed.
    pub(super) fn encode(&self, texts: &[Vec<usize>]) -> io::Result<Vec<Vec<f32>>> {
        let mut vectors = Vec::with_capacity(texts.len());
        for pass in passes(texts) {
            vectors.extend(self.forward(pass)?);
        }
        Ok(vectors)
    }

    fn forward(&self, texts: &[Vec<usize>]) -> io::Result<Vec<Vec<f32>>> {
        let lengths: Vec<usize> = texts.iter().map(Vec::len).collect();
        let mut hidden = self.look_up(texts)?;
        for layer in &self.layers {
            hidden = layer.apply(hidden.view(), &lengths);
        }
        let mut start = 0;
        let pool_next = |length: &usize| {
            let tokens = hidden.slice_axis(Axis(0), Slice::from(start..start + length));
            start += length;
            pool(tokens)
        };
        Ok(lengths.iter().map(pool_next).collect())
    }

    fn look_up(&self, texts: &[Vec<usize>]) -> io::Result<Array2<f32>> {
        let mut hidden = Array2::zeros((texts.iter().map(Vec::len).sum(), WIDTH));
        let places = texts.iter().flat_map(|text| text.iter().zip(self.positions.rows()));
        for (mut row, (&token, position)) in hidden.rows_mut().into_iter().zip(places) {
            let word = row.as_slice_mut().ok_or_else(|| io::Error::other("a row lies apart in memory"))?;
            self.words.read(token, word)?;
            row += &position;
            row += &self.segment;
            self.norm.apply(row);
        }
        self.words.check()?;
        Ok(hidden)
    }
}

impl Layer {
    fn load(file: &TensorFile, index: usize) -> Result<Self, LoadError> {
        let layer = format!("encoder.layer.{index}");
        Ok(Self {
            attention: Attention {
                query: linear(file, &format!("{layer}.attention.self.query"), WIDTH, WIDTH)?,
                key: linear(file, &format!("{layer}.attention.self.key"), WIDTH, WIDTH)?,
                value: linear(file, &format!("{layer}.attention.self.value"), WIDTH, WIDTH)?,
                output: linear(file, &format!("{layer}.attention.output.dense"), WIDTH, WIDTH)?,
            },
            attention_norm: layer_norm(file, &format!("{layer}.attention.output.LayerNorm"))?,
            widen: linear(file, &format!("{layer}.intermediate.dense"), INNER_WIDTH, WIDTH)?,
            narrow: linear(file, &format!("{layer}.output.dense"), WIDTH, INNER_WIDTH)?,
            norm: layer_norm(file, &format!("{layer}.output.LayerNorm"))?,
        })
    }

    fn apply(&self, hidden: ArrayView2<'_, f32>, lengths: &[usize]) -> Array2<f32> {
        let attended = add_and_norm(self.attention.apply(hidden, lengths), hidden, &self.attention_norm);
        let mut inner = self.widen.apply(attended.view());
        gelu(&mut inner);
        add_and_norm(self.narrow.apply(inner.view()), attended.view(), &self.norm)
    }
}

fn add_and_norm(mut change: Array2<f32>, hidden: ArrayView2<'_, f32>, norm: &LayerNorm) -> Array2<f32> {
    change += &hidden;
    change.rows_mut().into_iter().for_each(|row| norm.apply(row));
    change
}

/// The unit vector along the mean of the token vectors.
fn pool(tokens: ArrayView2<'_, f32>) -> Vec<f32> {
    let mut mean = tokens.sum_axis(Axis(0)) / count(tokens.nrows());
    normalise(&mut mean);
    mean.to_vec()
}

/// Cuts the batch where the next text would exceed [`MAX_PASS_TOKENS`].
fn passes(texts: &[Vec<usize>]) -> impl Iterator<Item = &[Vec<usize>]> {
    let mut tokens = 0;
    texts.chunk_by(move |text, next| {
        tokens += text.len();
        let fits = tokens + next.len() <= MAX_PASS_TOKENS;
        if !fits {
            tokens = 0;
        }
        fits
    })
}

fn linear(file: &TensorFile, name: &str, outputs: usize, inputs: usize) -> Result<Linear, LoadError> {
    Ok(Linear {
        weight: file.matrix(&format!("{name}.weight"), outputs, inputs)?,
        bias: file.vector(&format!("{name}.bias"), outputs)?,
    })
}

fn layer_norm(file: &TensorFile, name: &str) -> Result<LayerNorm, LoadError> {
    Ok(LayerNorm {
        scale: file.vector(&format!("{name}.weight"), WIDTH)?,
        shift: file.vector(&format!("{name}.bias"), WIDTH)?,
    })
}
