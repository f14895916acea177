//! What every provider must do, whatever it is.

use crate::support::{cosine, distance, embed, local};
use storage_embedding::{Embedder, HashingEmbedder, MAX_BATCH};

const TEXTS: [&str; 10] = [
    "restart pod",
    "",
    " \n\t ",
    "!?",
    "a",
    "节点磁盘空间不足",
    "🚀🔥",
    "Größe überschritten: naïve café",
    "kube pod crash looping, crash loop back off, back off restarting failed container",
    "null\0byte and \u{202e} direction",
];

pub(crate) async fn conforms(embedder: &dyn Embedder) {
    assert_eq!(embedder.model().dimension(), 384);
    assert!(!embedder.model().name().is_empty());
    assert!(embed(embedder, &[]).await.is_empty(), "no text, no vector");
    unit_vectors_in_order_alone_and_together(embedder).await;
    full_batches_with_repeats(embedder).await;
    long_texts(embedder).await;
}

async fn unit_vectors_in_order_alone_and_together(embedder: &dyn Embedder) {
    let together = embed(embedder, &TEXTS).await;
    assert_eq!(together.len(), TEXTS.len());
    for (text, vector) in TEXTS.iter().zip(&together) {
        assert!((cosine(vector, vector) - 1.0).abs() < 1e-5, "{text:?} has no unit vector");
        let alone = embed(embedder, &[text]).await.remove(0);
        assert!(distance(alone.as_slice(), vector.as_slice()) <= 1e-6, "{text:?} differs alone");
    }
    assert!(cosine(&together[0], &together[8]) < 0.99, "different texts have different vectors");
}

async fn full_batches_with_repeats(embedder: &dyn Embedder) {
    let texts = ["drain node", "renew certificate"].repeat(MAX_BATCH / 2);
    let vectors = embed(embedder, &texts).await;
    assert_eq!(vectors.len(), MAX_BATCH);
    for (index, vector) in vectors.iter().enumerate() {
        assert!(distance(vector.as_slice(), vectors[index % 2].as_slice()) <= 1e-6, "repeat {index} differs");
    }
}

async fn long_texts(embedder: &dyn Embedder) {
    let long = "the kubelet stopped posting status ".repeat(2_000);
    let vectors = embed(embedder, &[&long, "short"]).await;
    let short = embed(embedder, &["short"]).await.remove(0);
    assert!((cosine(&vectors[0], &vectors[0]) - 1.0).abs() < 1e-5);
    assert!(distance(vectors[1].as_slice(), short.as_slice()) <= 1e-6, "a long neighbour changes a vector");
}

/// BR-STORAGE-008
#[tokio::test]
async fn hashing_conforms() {
    conforms(&HashingEmbedder::new()).await;
}

/// BR-STORAGE-008
#[tokio::test]
async fn local_conforms() {
    conforms(&local()).await;
}
