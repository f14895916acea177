//! all-MiniLM-L6-v2 in this process, on the processor, without native libraries.

mod attention;
mod encoder;
mod files;
mod functions;
mod matrix;
mod tensor_file;
#[cfg(test)]
mod tests;
mod tokens;
mod turns;

use crate::embedder::{Embedder, ModelIdentity};
use crate::error::{EmbedError, LoadError};
use async_trait::async_trait;
use encoder::Encoder;
use files::WEIGHTS;
pub(crate) use functions::normalise;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use storage_models::Embedding;
use tensor_file::TensorFile;
use tokens::Tokens;
use tokio::sync::AcquireError;
use tokio::task::{JoinError, spawn_blocking};
use turns::{Turn, Turns};

/// The model's name in cache keys and stamps.
const NAME: &str = "all-MiniLM-L6-v2";

/// Sentence embeddings by all-MiniLM-L6-v2: mean of the token vectors, scaled to length 1.
///
/// Texts are cut at 256 tokens. Inference runs off the async threads; a call waits for its turn
/// and gives it up when dropped while waiting. Queries come before batches. Holds about 45 MiB; the vectors of
/// words, which are as much again, are read from the file when a text has them.
pub struct LocalEmbedder {
    identity: ModelIdentity,
    model: Arc<Model>,
    turns: Turns,
}

struct Model {
    tokens: Tokens,
    encoder: Encoder,
}

impl LocalEmbedder {
    /// Reads and checks `model.safetensors` and `tokenizer.json` in `directory`.
    ///
    /// At most `threads` batches are computed at the same time; 1 is right for up to a few cores.
    /// Blocks for some tenths of a second: call it before the server runs, or on a blocking thread.
    ///
    /// # Errors
    /// When a file is absent, is not the pinned release, or is not understood. The error names it.
    pub fn load(directory: &Path, threads: NonZeroUsize) -> Result<Self, LoadError> {
        let tokens = Tokens::load(directory)?;
        let encoder = Encoder::load(&TensorFile::open(&WEIGHTS.verified(directory)?)?)?;
        Ok(Self {
            identity: ModelIdentity::new(NAME),
            model: Arc::new(Model { tokens, encoder }),
            turns: Turns::new(threads.get()),
        })
    }
}

#[async_trait]
impl Embedder for LocalEmbedder {
    fn model(&self) -> &ModelIdentity {
        &self.identity
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>, EmbedError> {
        self.compute(self.turns.for_batch().await, texts).await
    }

    async fn embed_query(&self, texts: &[String]) -> Result<Vec<Embedding>, EmbedError> {
        self.compute(self.turns.for_query().await, texts).await
    }
}

impl LocalEmbedder {
    async fn compute(
        &self,
        turn: Result<Turn, AcquireError>,
        texts: &[String],
    ) -> Result<Vec<Embedding>, EmbedError> {
        let turn = turn.map_err(|closed| provider(closed.to_string()))?;
        let model = Arc::clone(&self.model);
        let texts = texts.to_vec();
        // The turn goes with the work: a caller who leaves must not let a second batch in.
        let work = spawn_blocking(move || {
            let _turn = turn;
            model.embed(&texts)
        });
        work.await.unwrap_or_else(|stopped| Err(interrupted(stopped)))
    }
}

impl Model {
    fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>, EmbedError> {
        let tokens: Vec<Vec<usize>> =
            texts.iter().map(|text| self.tokens.split(text)).collect::<Result<_, _>>().map_err(text_fault)?;
        self.encoder
            .encode(&tokens)
            .map_err(|error| provider(error.to_string()))?
            .into_iter()
            .map(|vector| Embedding::new(vector).map_err(|error| text_fault(error.to_string())))
            .collect()
    }
}

/// A panic is put on the text: the same numbers would meet the same panic again.
fn interrupted(stopped: JoinError) -> EmbedError {
    if stopped.is_panic() {
        text_fault("the encoder panicked".to_owned())
    } else {
        provider(stopped.to_string())
    }
}

fn text_fault(reason: String) -> EmbedError {
    EmbedError::Text { model: NAME.to_owned(), reason }
}

fn provider(reason: String) -> EmbedError {
    EmbedError::provider(NAME, reason)
}
