//! The content of the files when they could last be used.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use super::files::Loaded;

/// The current value, for new connections.
pub(super) struct Current(RwLock<Arc<Loaded>>);

impl Current {
    pub(super) fn new(loaded: Loaded) -> Self {
        Self(RwLock::new(Arc::new(loaded)))
    }

    pub(super) fn get(&self) -> Arc<Loaded> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set(&self, loaded: Loaded) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Current").finish_non_exhaustive()
    }
}
