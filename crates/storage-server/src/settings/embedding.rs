//! The embedder and its cache.

use std::path::PathBuf;
use std::time::Duration;

use super::fault::Faults;
use super::section::section;
use super::value::{ByteSize, Setting};

section! {
    /// What turns texts into vectors, and how long a vector is remembered.
    EmbeddingSettings = "embedding" {
        /// `local` runs all-MiniLM-L6-v2 in this process. `hashing` compares words without knowing what they mean; it
        /// needs no file. `openai` asks an API (section `openai`). Vectors of two never mix: with vectors of another in
        /// the database, the start ends.
        provider: Provider = "local",
        /// The directory with `model.safetensors` and `tokenizer.json`; `local` needs it.
        model_dir: Option<PathBuf> = "",
        /// Batches that the local model computes at the same time.
        threads: usize = "1",
        /// Memory for remembered vectors.
        cache_bytes: ByteSize = "32MiB",
        /// How long a vector is remembered.
        cache_ttl: Duration = "5m",
    }
}

/// Which embedder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// The model in this process.
    Local,
    /// Feature hashing.
    Hashing,
    /// An API that speaks OpenAI's protocol.
    OpenAi,
}

impl Provider {
    /// The word in settings and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Hashing => "hashing",
            Self::OpenAi => "openai",
        }
    }
}

impl Setting for Provider {
    const FORM: &'static str = "local, hashing or openai";

    fn parse(text: &str) -> Option<Self> {
        [Self::Local, Self::Hashing, Self::OpenAi].into_iter().find(|provider| provider.as_str() == text)
    }
}

impl EmbeddingSettings {
    pub(super) fn check(&self, faults: &mut Faults) {
        if self.provider == Provider::Local && self.model_dir.is_none() {
            faults.push(
                "embedding.model_dir",
                "is required by embedding.provider = \"local\"; without a model, set embedding.provider = \"hashing\"",
            );
        }
        faults.range("embedding.threads", self.threads, 1, 64);
        faults.range("embedding.cache_bytes", self.cache_bytes, ByteSize::new(0), ByteSize::new(64 << 30));
        faults.above_zero("embedding.cache_ttl", self.cache_ttl);
    }
}
