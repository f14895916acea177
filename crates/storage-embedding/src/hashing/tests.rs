//! What feature hashing promises without a model.

use super::{fnv1a, hash_text};
use proptest::prelude::*;

fn cosine(left: &str, right: &str) -> f32 {
    hash_text(left).iter().zip(hash_text(right)).map(|(left, right)| left * right).sum()
}

/// Test values of the function's authors.
#[test]
fn fnv1a_gives_the_published_values() {
    assert_eq!(
        [fnv1a(b""), fnv1a(b"a"), fnv1a(b"foobar")],
        [0xcbf2_9ce4_8422_2325, 0xaf63_dc4c_8601_ec8c, 0x8594_4171_f739_67e8]
    );
}

#[test]
fn texts_that_share_words_or_parts_of_words_are_nearer_than_others() {
    let text = "restart crashing pod";
    assert!(
        cosine(text, "pod was restarted after crash") > cosine(text, "certificate about to expire") + 0.2
    );
}

proptest! {
    #[test]
    fn case_and_punctuation_do_not_matter(words in prop::collection::vec("[a-z]{1,8}", 1..6)) {
        prop_assert!(cosine(&words.join(" "), &words.join("-").to_uppercase()) > 0.999);
    }
}
