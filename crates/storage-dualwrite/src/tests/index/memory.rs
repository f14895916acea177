//! The suite over the index in memory.

use std::sync::Arc;

use super::{Bench, run_over};
use crate::index::{MemoryIndex, VectorIndex};

struct Memory(Arc<MemoryIndex>);

#[async_trait::async_trait]
impl Bench for Memory {
    async fn new() -> Self {
        Self(Arc::default())
    }

    fn index(&self) -> Arc<dyn VectorIndex> {
        let index: Arc<dyn VectorIndex> = Arc::<MemoryIndex>::clone(&self.0);
        index
    }

    async fn close(self) {}
}

run_over!(Memory);
