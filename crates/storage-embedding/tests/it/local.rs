//! The local model against another runtime's vectors.

use crate::support::{distance, embed, local};
use serde::Deserialize;

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
