//! The encoder against reference vectors, bad files and panics.

use super::functions::{LayerNorm, gelu, softmax};
use super::matrix::Linear;
use super::{LocalEmbedder, interrupted};
use crate::error::{Fault, LoadError};
use ndarray::{Array1, Array2, arr1, arr2};
use proptest::prelude::*;
use std::num::NonZeroUsize;

proptest! {
    #[test]
    fn gelu_is_the_exact_one_to_a_millionth(x in -12.0_f32..12.0) {
        let mut values = Array2::from_elem((1, 1), x);
        gelu(&mut values);
        let exact = f64::from(x) / 2.0 * (1.0 + libm::erf(f64::from(x) / 2_f64.sqrt()));
        prop_assert!((f64::from(values[[0, 0]]) - exact).abs() < 1e-6 * exact.abs().max(1.0));
    }

    #[test]
    fn softmax_weights_are_positive_and_sum_to_1(scores in prop::collection::vec(-80.0_f32..80.0, 1..40)) {
        let mut scores = Array1::from_vec(scores);
        softmax(scores.view_mut());
        prop_assert!(scores.iter().all(|weight| *weight >= 0.0));
        prop_assert!((scores.sum() - 1.0).abs() < 1e-5);
    }
}

#[test]
fn softmax_stands_scores_that_would_overflow() {
    let mut scores = arr1(&[1e30, 1e30, -1e30]);
    softmax(scores.view_mut());
    assert_eq!(scores, arr1(&[0.5, 0.5, 0.0]));
}

#[test]
fn a_normalised_row_has_the_learned_mean_and_spread() {
    let norm = LayerNorm { scale: arr1(&[2.0, 2.0]), shift: arr1(&[1.0, 1.0]) };
    let mut row = arr1(&[3.0, 7.0]);
    norm.apply(row.view_mut());
    assert_eq!(row, arr1(&[-1.0, 3.0]));
}

#[test]
fn a_linear_map_multiplies_by_the_rows_of_its_weight_and_adds_its_bias() {
    let map = Linear { weight: arr2(&[[1.0, 2.0], [0.0, 1.0], [3.0, 0.0]]), bias: arr1(&[10.0, 20.0, 30.0]) };
    assert_eq!(
        map.apply(arr2(&[[1.0, 1.0], [2.0, 0.0]]).view()),
        arr2(&[[13.0, 21.0, 33.0], [12.0, 20.0, 36.0]])
    );
}

#[test]
fn an_absent_file_is_named_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let message = load_error(directory.path()).to_string();
    assert!(message.contains(&*directory.path().join("tokenizer.json").to_string_lossy()), "{message}");
    assert!(message.contains("put model.safetensors and tokenizer.json"), "{message}");
}

#[test]
fn another_release_of_a_file_is_refused_with_both_sums() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("tokenizer.json"), "{}").unwrap();
    let error = load_error(directory.path());
    assert!(matches!(error, LoadError::Checksum { .. }), "{error:?}");
    let message = error.to_string();
    for part in ["tokenizer.json", "44136fa355b3678a", "be50c3628f2bf5bb", "replace it"] {
        assert!(message.contains(part), "{message} lacks {part}");
    }
}

fn load_error(directory: &std::path::Path) -> LoadError {
    LocalEmbedder::load(directory, NonZeroUsize::MIN).err().unwrap()
}

#[tokio::test]
async fn a_panic_in_the_encoder_is_a_fault_of_the_text() {
    let stopped = tokio::task::spawn_blocking(|| panic!("out of bounds")).await.unwrap_err();
    assert_eq!(interrupted(stopped).fault(), Fault::Text);
}
