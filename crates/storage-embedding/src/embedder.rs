//! Embedders turn texts into vectors; sets say which vectors are comparable.

use crate::composition::COMPOSITION_VERSION;
use crate::error::EmbedError;
use async_trait::async_trait;
use std::fmt;
use storage_models::Embedding;

/// A model by name, with the length of its vectors.
///
/// Two vectors may be compared only when their models are equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ModelIdentity {
    name: String,
    dimension: usize,
}

impl ModelIdentity {
    /// A model whose vectors have [`Embedding::DIMENSION`] numbers, the only length there is here.
    ///
    /// `name` must change whenever the vectors of the same text would.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), dimension: Embedding::DIMENSION }
    }

    /// The name, such as `all-MiniLM-L6-v2`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many numbers its vectors have.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.dimension
    }
}

/// Stamp of a set of comparable vectors: the same composition, model and dimension.
///
/// Stored beside the vectors. A difference at the start means that the vectors must be made again before a search with
/// this embedder.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EmbeddingSetKey {
    /// [`COMPOSITION_VERSION`] of the texts.
    pub composition: u32,
    /// [`ModelIdentity::name`].
    pub model: String,
    /// [`ModelIdentity::dimension`].
    pub dimension: usize,
}

impl EmbeddingSetKey {
    /// The stamp of what this build and `model` produce.
    #[must_use]
    pub fn current(model: &ModelIdentity) -> Self {
        Self {
            composition: COMPOSITION_VERSION,
            model: model.name().to_owned(),
            dimension: model.dimension(),
        }
    }
}

impl fmt::Display for EmbeddingSetKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "composition {}, model {}, dimension {}",
            self.composition, self.model, self.dimension
        )
    }
}

/// A provider of embeddings: the local model, a remote API, or hashing.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// The model whose vectors [`Self::embed`] returns.
    fn model(&self) -> &ModelIdentity;

    /// One vector of length 1 for each text, in the order of the texts.
    ///
    /// A text gives the same vector alone and in any batch, to 1e-6 in each number.
    ///
    /// # Errors
    /// The batch as a whole fails; [`EmbedError::fault`] says whether for one of the texts or for
    /// the provider.
    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>, EmbedError>;

    /// The same for texts that a caller waits for. If there is a queue, they come before the texts of records.
    ///
    /// # Errors
    /// As [`Self::embed`].
    async fn embed_query(&self, texts: &[String]) -> Result<Vec<Embedding>, EmbedError> {
        self.embed(texts).await
    }
}
