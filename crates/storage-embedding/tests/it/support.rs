//! What several tests share.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use storage_embedding::{Embedder, LocalEmbedder};
use storage_models::Embedding;

/// The real model.
pub(crate) fn local() -> LocalEmbedder {
    LocalEmbedder::load(&model_directory(), NonZeroUsize::MIN).unwrap()
}

/// Where its files are.
pub(crate) fn model_directory() -> PathBuf {
    let directory = std::env::var_os("DATASTORAGE_TEST_MODEL_DIR").map(PathBuf::from);
    directory.expect(
        "DATASTORAGE_TEST_MODEL_DIR is not set: run `cargo xtask test`, which fetches the model and sets it",
    )
}

pub(crate) async fn embed(embedder: &dyn Embedder, texts: &[&str]) -> Vec<Embedding> {
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    embedder.embed(&texts).await.unwrap()
}

pub(crate) fn cosine(left: &Embedding, right: &Embedding) -> f32 {
    left.as_slice().iter().zip(right.as_slice()).map(|(left, right)| left * right).sum()
}

/// The largest difference between two numbers at the same place.
pub(crate) fn distance(left: &[f32], right: &[f32]) -> f32 {
    assert_eq!(left.len(), right.len());
    left.iter().zip(right).map(|(left, right)| (left - right).abs()).fold(0.0, f32::max)
}
