//! The suite over Qdrant: the server that `QDRANT_URL` names, or the test kit's.

use std::sync::Arc;

use storage_testkit::TestQdrant;

use super::{Bench, run_over};
use crate::index::{QdrantIndex, QdrantSettings, VectorIndex};

struct Qdrant(TestQdrant);

/// How an index of the test's own is reached.
pub(in crate::tests) fn settings(qdrant: &TestQdrant) -> QdrantSettings {
    QdrantSettings {
        api_key: qdrant.api_key().map(Into::into),
        collection: qdrant.collection().to_owned(),
        ..QdrantSettings::new(qdrant.url())
    }
}

#[async_trait::async_trait]
impl Bench for Qdrant {
    async fn new() -> Self {
        Self(TestQdrant::create().unwrap())
    }

    fn index(&self) -> Arc<dyn VectorIndex> {
        Arc::new(QdrantIndex::new(&settings(&self.0)).unwrap())
    }

    async fn close(self) {
        self.0.close().await.unwrap();
    }
}

run_over!(Qdrant);
