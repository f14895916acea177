//! Runs CPU-bound work outside the threads that serve HTTP, where all other requests would wait for it.

use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::problem::{Problem, ProblemKind};
use crate::store::edge::ReadError;

/// Bytes up to which work is done where it is asked for: that takes less than a millisecond, and a hop to another thread
/// costs small requests more than it gives.
const INLINE_BYTES: usize = 16 * 1024;

/// Threads for such work, as many as there are processors, shared by all that serve. What waits for one is bounded by the
/// byte budget, and no more bodies are values in memory at once than there are threads.
#[derive(Debug, Clone)]
pub(crate) struct HeavyWork {
    places: Arc<Semaphore>,
    /// Its threads are taken again and again, and with them the memory that each keeps at hand.
    runtime: Handle,
}

impl HeavyWork {
    /// On the threads of the runtime this is called in.
    pub(crate) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self::of(processors.max(2))
    }

    fn of(places: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), runtime: Handle::current() }
    }

    /// Does work on `bytes` bytes. Large work runs on another thread as soon as one is free.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        bytes: usize,
        deadline: Instant,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        if bytes <= INLINE_BYTES {
            return Ok(work());
        }
        let place = tokio::time::timeout_at(deadline, Arc::clone(&self.places).acquire_owned())
            .await
            .map_err(|_late| Problem::new(ProblemKind::DeadlinePassed))?;
        let working = self.runtime.spawn_blocking(move || {
            let _until_done = place;
            work()
        });
        working.await.map_err(|panicked| Problem::new(ProblemKind::Internal).cause(panicked))
    }
}

impl HeavyWork {
    /// An answer as JSON; `bulk` is how many bytes of long texts it has.
    pub(crate) async fn json<B: Serialize + 'static>(
        &self,
        bulk: usize,
        deadline: Instant,
        make: impl FnOnce() -> B + Send + 'static,
    ) -> Result<JsonOf<B>, Problem> {
        // Texts are copied as they are, which takes a tenth of what reading them takes.
        let rendered = self.run(bulk / 10, deadline, || serde_json::to_vec(&make())).await?;
        let bytes = rendered.map_err(|error| Problem::from(ReadError::Encoding(error)))?;
        Ok(JsonOf { bytes, of: PhantomData })
    }
}

/// A value of the type `B` as JSON.
pub(crate) struct JsonOf<B> {
    bytes: Vec<u8>,
    of: PhantomData<fn() -> B>,
}

impl<B> JsonOf<B> {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::thread::{ThreadId, current};
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{HeavyWork, INLINE_BYTES};
    use crate::problem::ProblemKind;

    async fn thread(heavy: &HeavyWork, bytes: usize) -> ThreadId {
        let deadline = Instant::now() + Duration::from_secs(60);
        heavy.run(bytes, deadline, || current().id()).await.unwrap()
    }

    /// F43: large bodies are worked on elsewhere, small ones where they are.
    #[actix_web::test]
    async fn what_takes_long_is_not_done_on_the_thread_that_serves() {
        let heavy = HeavyWork::new();
        assert_eq!(thread(&heavy, INLINE_BYTES).await, current().id());
        assert_ne!(thread(&heavy, INLINE_BYTES + 1).await, current().id());
    }

    /// F43: what finds no thread free waits no longer than its request may.
    #[actix_web::test]
    async fn what_finds_no_place_in_time_is_refused() {
        let heavy = HeavyWork::of(0);
        let outcome = heavy.run(INLINE_BYTES + 1, Instant::now(), || ()).await;
        assert_eq!(outcome.err().map(|problem| problem.kind()), Some(ProblemKind::DeadlinePassed));
    }

    /// A panic is the end of one request, and its place is free again.
    #[actix_web::test]
    async fn a_panic_gives_its_place_back() {
        let heavy = HeavyWork::of(1);
        let deadline = Instant::now() + Duration::from_secs(60);
        let outcome = heavy.run::<()>(INLINE_BYTES + 1, deadline, || panic!("on purpose")).await;
        assert_eq!(
            outcome.err().map(|problem: crate::problem::Problem| problem.kind()),
            Some(ProblemKind::Internal)
        );
        thread(&heavy, INLINE_BYTES + 1).await;
    }
}
