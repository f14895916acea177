//! The suite over Qdrant: the server that `QDRANT_URL` names, or the test kit's.

use std::sync::Arc;

use storage_testkit::TestQdrant;

use super::{Bench, run_over};
use crate::index::{QdrantIndex, QdrantSettings, VectorIndex};

pub(super) struct Qdrant(pub(super) TestQdrant);

impl Qdrant {
    pub(super) fn settings(&self) -> QdrantSettings {
        QdrantSettings {
            api_key: self.0.api_key().map(Into::into),
            collection: self.0.collection().to_owned(),
            ..QdrantSettings::new(self.0.url())
        }
    }
}

#[async_trait::async_trait]
impl Bench for Qdrant {
    async fn new() -> Self {
        Self(TestQdrant::create().unwrap())
    }

    fn index(&self) -> Arc<dyn VectorIndex> {
        Arc::new(QdrantIndex::new(&self.settings()).unwrap())
    }

    async fn close(self) {
        self.0.close().await.unwrap();
    }
}

run_over!(Qdrant);
