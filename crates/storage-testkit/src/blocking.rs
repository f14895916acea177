//! The development stack's blocking values, for asynchronous tests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use devstack::DevstackError;

use crate::TestkitError;

/// Runs `work` on a thread that may block.
pub(crate) async fn blocking<R: Send + 'static>(
    work: impl FnOnce() -> Result<R, DevstackError> + Send + 'static,
) -> Result<R, TestkitError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => Ok(outcome?),
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// A value whose slow operations run on threads that may block.
#[derive(Debug)]
pub(crate) struct Blocking<T>(Arc<Mutex<T>>);

impl<T: Send + 'static> Blocking<T> {
    /// The value that `make` makes.
    pub(crate) async fn make(
        make: impl FnOnce() -> Result<T, DevstackError> + Send + 'static,
    ) -> Result<Self, TestkitError> {
        Ok(Self(Arc::new(Mutex::new(blocking(make).await?))))
    }

    /// The value, for what takes no time.
    pub(crate) fn get(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same value, for a thread of its own.
    pub(crate) fn share(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    /// Runs a slow operation.
    pub(crate) async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut T) -> Result<R, DevstackError> + Send + 'static,
    ) -> Result<R, TestkitError> {
        let shared = self.share();
        blocking(move || work(&mut shared.get())).await
    }
}
