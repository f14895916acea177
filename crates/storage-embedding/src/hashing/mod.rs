//! Vectors without a model: words and their parts, hashed.

#[cfg(test)]
mod tests;

use crate::embedder::{Embedder, ModelIdentity};
use crate::error::EmbedError;
use crate::local::normalise;
use async_trait::async_trait;
use ndarray::Array1;
use storage_models::Embedding;

/// Feature hashing (Weinberger et al. 2009) of words and of their runs of three to five characters.
///
/// Finds texts that share words or parts of words; knows nothing of meaning. Deterministic on every
/// machine, needs no file. For tests, and for machines too small for a model.
pub struct HashingEmbedder {
    identity: ModelIdentity,
}

/// How much a whole word counts beside one of its parts.
const WORD_WEIGHT: f32 = 3.0;

impl HashingEmbedder {
    /// The only one there is.
    #[must_use]
    pub fn new() -> Self {
        Self { identity: ModelIdentity::new("hashing-1") }
    }
}

impl Default for HashingEmbedder {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Embedder for HashingEmbedder {
    fn model(&self) -> &ModelIdentity {
        &self.identity
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>, EmbedError> {
        let vectors = texts.iter().map(|text| Embedding::new(hash_text(text)));
        vectors.collect::<Result<_, _>>().map_err(|error| EmbedError::Text {
            model: self.identity.name().to_owned(),
            reason: error.to_string(),
        })
    }
}

fn hash_text(text: &str) -> Vec<f32> {
    let mut vector = Array1::zeros(Embedding::DIMENSION);
    let text = text.to_lowercase();
    for word in text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty()) {
        add(&mut vector, word, WORD_WEIGHT);
        add_parts(&mut vector, word);
    }
    if vector.iter().all(|value| *value == 0.0) {
        // A text without words, or one whose features cancel out, still needs a direction.
        add(&mut vector, "\0", 1.0);
    }
    normalise(&mut vector);
    vector.to_vec()
}

/// Adds the runs of three to five characters, the word's ends counting as characters.
fn add_parts(vector: &mut Array1<f32>, word: &str) {
    let marked: Vec<char> = format!("^{word}$").chars().collect();
    for length in 3..=5 {
        for part in marked.windows(length) {
            add(vector, &part.iter().collect::<String>(), 1.0);
        }
    }
}

/// Adds a feature at the place, and with the sign, that its hash says.
fn add(vector: &mut Array1<f32>, feature: &str, weight: f32) {
    let hash = fnv1a(feature.as_bytes());
    let place = usize::try_from(hash % dimension()).unwrap_or(0);
    let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
    if let Some(value) = vector.get_mut(place) {
        *value += sign * weight;
    }
}

fn dimension() -> u64 {
    u64::try_from(Embedding::DIMENSION).unwrap_or(u64::MAX)
}

/// FNV-1a, 64 bits (Fowler, Noll and Vo).
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
