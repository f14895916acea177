//! One byte budget for everything that waits in memory to be written.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A bound on the bytes of request bodies in flight and records queued, shared by all of them.
#[derive(Debug, Clone)]
pub struct ByteBudget {
    free: Arc<Semaphore>,
}

/// A part of the budget; given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    permit: OwnedSemaphorePermit,
}

impl Reservation {
    /// How many bytes it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.permit.num_permits()
    }

    /// Takes so many bytes more at once, or none: `false` when they are not free. Never waits.
    #[must_use]
    pub fn grow(&mut self, bytes: usize) -> bool {
        let budget = Arc::clone(self.permit.semaphore());
        let more = u32::try_from(bytes).ok().and_then(|bytes| budget.try_acquire_many_owned(bytes).ok());
        more.map(|more| self.permit.merge(more)).is_some()
    }
}

impl ByteBudget {
    /// A budget of so many bytes.
    #[must_use]
    pub fn new(bytes: u32) -> Self {
        let bytes = usize::try_from(bytes).unwrap_or(Semaphore::MAX_PERMITS).min(Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(bytes)) }
    }

    /// Takes so many bytes at once, or nothing: `None` when they are not free. Never waits.
    #[must_use]
    pub fn reserve(&self, bytes: u32) -> Option<Reservation> {
        let permit = Arc::clone(&self.free).try_acquire_many_owned(bytes).ok()?;
        Some(Reservation { permit })
    }

    /// How many bytes are free now.
    #[must_use]
    pub fn free(&self) -> usize {
        self.free.available_permits()
    }
}

#[cfg(test)]
mod tests {
    use super::ByteBudget;

    #[test]
    fn what_is_reserved_is_refused_to_others_until_it_is_dropped() {
        let budget = ByteBudget::new(10);
        let first = budget.reserve(7).unwrap();
        assert!(budget.reserve(4).is_none());
        let second = budget.reserve(3).unwrap();
        assert_eq!(budget.free(), 0);
        drop((first, second));
        assert_eq!(budget.free(), 10);
    }

    /// F44: what grows takes what is free and no more, and gives all of it back.
    #[test]
    fn a_reservation_grows_while_there_is_room() {
        let budget = ByteBudget::new(10);
        let mut growing = budget.reserve(0).unwrap();
        assert!(growing.grow(6));
        let other = budget.reserve(3).unwrap();
        assert!(!growing.grow(2));
        assert!(growing.grow(1));
        assert_eq!((growing.bytes(), budget.free()), (7, 0));
        drop((growing, other));
        assert_eq!(budget.free(), 10);
    }
}
