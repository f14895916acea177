//! The local model against another runtime's vectors.

use crate::support::{distance, embed, local, model_directory};
use serde::Deserialize;
use std::fs;
use std::num::NonZeroUsize;
use storage_embedding::{Embedder as _, Fault, LocalEmbedder};

#[derive(Deserialize)]
struct Reference {
    made_by: String,
    vectors: Vec<ReferenceVector>,
}

#[derive(Deserialize)]
struct ReferenceVector {
    text: String,
    embedding: Vec<f32>,
}

/// BR-STORAGE-008: the vectors are those of the model's own runtime, to 1e-5 in each number.
#[tokio::test]
async fn vectors_equal_those_of_the_reference_runtime() {
    let reference: Reference = serde_json::from_str(include_str!("../fixtures/reference.json")).unwrap();
    let texts: Vec<&str> = reference.vectors.iter().map(|vector| vector.text.as_str()).collect();
    assert!(texts.len() >= 12);
    for (expected, found) in reference.vectors.iter().zip(embed(&local(), &texts).await) {
        let difference = distance(&expected.embedding, found.as_slice());
        assert!(difference <= 1e-5, "{:?} differs by {difference} from {}", expected.text, reference.made_by);
    }
}

/// The words of a model that is overwritten while the service runs would give other vectors.
#[tokio::test]
async fn a_model_whose_file_has_changed_embeds_nothing_and_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    for file in ["model.safetensors", "tokenizer.json"] {
        fs::copy(model_directory().join(file), directory.path().join(file)).unwrap();
    }
    let embedder = LocalEmbedder::load(directory.path(), NonZeroUsize::MIN).unwrap();
    embed(&embedder, &["pod evicted"]).await;
    let weights =
        fs::OpenOptions::new().write(true).open(directory.path().join("model.safetensors")).unwrap();
    weights.set_len(weights.metadata().unwrap().len() + 1).unwrap();
    let error = embedder.embed(&["pod evicted".to_owned()]).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Provider);
    assert!(error.to_string().contains("restart the service"), "{error}");
}
