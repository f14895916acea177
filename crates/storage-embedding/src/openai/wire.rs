//! The protocol: `POST /embeddings` with texts, vectors back.

use super::failure::Failure;
use crate::local::normalise;
use ndarray::Array1;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use storage_models::Embedding;

/// The request.
#[derive(Serialize)]
pub(super) struct Question<'a> {
    pub(super) model: &'a str,
    pub(super) input: &'a [Cow<'a, str>],
    pub(super) encoding_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dimensions: Option<usize>,
}

/// The answer, as far as it is used.
#[derive(Deserialize)]
struct EmbeddingsBody {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    /// Which of the texts this is the vector of; the order of the items means nothing.
    index: usize,
    embedding: Vec<f32>,
}

/// The refusal of an API, as far as it is used.
#[derive(Deserialize)]
struct Refusal {
    error: RefusalError,
}

#[derive(Deserialize)]
struct RefusalError {
    message: String,
}

/// How much of an API's words an error repeats, in characters.
const WORDS_SHOWN: usize = 200;

/// One vector of length 1 for each of `count` texts, in their order.
pub(super) fn read(body: &[u8], count: usize) -> Result<Vec<Embedding>, Failure> {
    let answer: EmbeddingsBody = serde_json::from_slice(body)
        .map_err(|error| Failure::unusable(format!("its answer is not the expected JSON: {error}")))?;
    if answer.data.len() != count {
        return Err(Failure::unusable(format!(
            "its answer has {} vectors for {count} texts",
            answer.data.len()
        )));
    }
    let mut vectors: Vec<Option<Embedding>> = vec![None; count];
    for Item { index, embedding } in answer.data {
        let embedding = scaled(embedding)?;
        let free = vectors.get_mut(index).filter(|place| place.is_none());
        *free.ok_or_else(|| {
            Failure::unusable(format!("its answer has the index {index} twice, or beyond the last text"))
        })? = Some(embedding);
    }
    Ok(vectors.into_iter().flatten().collect())
}

fn scaled(numbers: Vec<f32>) -> Result<Embedding, Failure> {
    if numbers.len() != Embedding::DIMENSION {
        return Err(Failure::unusable(format!(
            "its vectors have {} numbers, and the stores need {}: choose a model whose vectors have that many \
             numbers, or a model that can shorten them and set openai.send_dimensions",
            numbers.len(),
            Embedding::DIMENSION
        )));
    }
    let mut vector = Array1::from_vec(numbers);
    if vector.iter().all(|number| *number == 0.0) {
        return Err(Failure::unusable("a vector of its answer holds zeros alone".to_owned()));
    }
    normalise(&mut vector);
    Embedding::new(vector.to_vec()).map_err(|error| Failure::unusable(error.to_string()))
}

/// The message in a refusal; the beginning of the body when there is none.
pub(super) fn words(body: &[u8]) -> String {
    let told = serde_json::from_slice::<Refusal>(body).map(|refusal| refusal.error.message);
    let text = told.unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned());
    text.chars().take(WORDS_SHOWN).collect()
}
