//! The order of computations.
//!
//! Queries line up for a turn at once, batches of records only as many at a time as there are turns. So a query waits
//! for a batch that runs, or that is next, and for none of those behind; and queries without end keep no batch out.

use std::sync::Arc;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// The turns that there are.
#[derive(Debug)]
pub(super) struct Turns {
    turns: Arc<Semaphore>,
    batches: Arc<Semaphore>,
}

/// A turn. Dropped, it goes to the next in the line, and then a further batch may line up.
#[derive(Debug)]
pub(super) struct Turn {
    _turn: OwnedSemaphorePermit,
    _batch: Option<OwnedSemaphorePermit>,
}

impl Turns {
    pub(super) fn new(threads: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(threads)), batches: Arc::new(Semaphore::new(threads)) }
    }

    /// For a text that a caller waits for.
    pub(super) async fn for_query(&self) -> Result<Turn, AcquireError> {
        let turn = Arc::clone(&self.turns).acquire_owned().await?;
        Ok(Turn { _turn: turn, _batch: None })
    }

    /// For texts that are embedded behind the scenes.
    pub(super) async fn for_batch(&self) -> Result<Turn, AcquireError> {
        let batch = Arc::clone(&self.batches).acquire_owned().await?;
        let turn = Arc::clone(&self.turns).acquire_owned().await?;
        Ok(Turn { _turn: turn, _batch: Some(batch) })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use futures_util::future::poll_immediate;

    use super::Turns;

    /// F45: a query waits for the batch that runs, and for none of those that wait.
    #[tokio::test]
    async fn a_query_comes_before_the_batches_that_wait() {
        let turns = Turns::new(1);
        let running = turns.for_batch().await.unwrap();
        let mut waiting = [Box::pin(turns.for_batch()), Box::pin(turns.for_batch())];
        for batch in &mut waiting {
            assert!(poll_immediate(batch).await.is_none());
        }
        let mut query = Box::pin(turns.for_query());
        assert!(poll_immediate(&mut query).await.is_none());
        drop(running);
        for batch in &mut waiting {
            assert!(poll_immediate(batch).await.is_none(), "a batch came before the query");
        }
        drop(poll_immediate(query).await.unwrap().unwrap());
        assert!(poll_immediate(&mut waiting[0]).await.is_some());
    }

    /// F45: nor do queries without end keep the projector from its work.
    #[tokio::test]
    async fn a_batch_comes_between_queries_without_end() {
        let turns = Turns::new(1);
        let running = turns.for_query().await.unwrap();
        let mut first = Box::pin(turns.for_query());
        let mut batch = Box::pin(turns.for_batch());
        let mut second = Box::pin(turns.for_query());
        for is_waiting in [
            poll_immediate(&mut first).await.is_none(),
            poll_immediate(&mut batch).await.is_none(),
            poll_immediate(&mut second).await.is_none(),
        ] {
            assert!(is_waiting);
        }
        drop(running);
        drop(first.now_or_never().unwrap().unwrap());
        assert!(poll_immediate(&mut second).await.is_none());
        drop(batch.now_or_never().unwrap().unwrap());
        assert!(second.now_or_never().is_some());
    }
}
