//! One byte budget for everything that waits in memory to be written.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A bound on the bytes of request bodies in flight and records queued, shared by all of them.
#[derive(Debug, Clone)]
pub struct ByteBudget {
    size: usize,
    free: Arc<Semaphore>,
    /// The budget that this one is a part of.
    whole: Option<Arc<Semaphore>>,
}

/// Bytes of the budget. Dropping it returns them.
#[derive(Debug)]
pub struct Reservation {
    permit: OwnedSemaphorePermit,
    of_whole: Option<OwnedSemaphorePermit>,
}

impl Reservation {
    /// How many bytes it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.permit.num_permits()
    }

    /// Takes `bytes` more bytes, or none and returns `false` if they are not free. Never waits.
    #[must_use]
    pub fn grow(&mut self, bytes: usize) -> bool {
        let Ok(bytes) = u32::try_from(bytes) else { return false };
        let whole = self.of_whole.as_ref().map(|permit| Arc::clone(permit.semaphore()));
        let Some(more) = acquire(self.permit.semaphore(), whole.as_ref(), bytes) else { return false };
        self.permit.merge(more.permit);
        if let Some((mine, more)) = self.of_whole.as_mut().zip(more.of_whole) {
            mine.merge(more);
        }
        true
    }
}

impl ByteBudget {
    /// A budget of `bytes` bytes.
    #[must_use]
    pub fn new(bytes: u32) -> Self {
        let bytes = usize::try_from(bytes).unwrap_or(Semaphore::MAX_PERMITS).min(Semaphore::MAX_PERMITS);
        Self { size: bytes, free: Arc::new(Semaphore::new(bytes)), whole: None }
    }

    /// A part of this budget for one of its users: at most three quarters, so that a single user leaves something to
    /// the others. Bytes reserved from the part are reserved from this budget too.
    #[must_use]
    pub fn part(&self) -> Self {
        let size = self.size - self.size / 4;
        Self { size, free: Arc::new(Semaphore::new(size)), whole: Some(Arc::clone(&self.free)) }
    }

    /// Takes the bytes, or returns `None` if they are not free. Never waits.
    #[must_use]
    pub fn reserve(&self, bytes: u32) -> Option<Reservation> {
        acquire(&self.free, self.whole.as_ref(), bytes)
    }

    /// How many bytes are free now.
    #[must_use]
    pub fn free(&self) -> usize {
        self.free.available_permits()
    }

    /// Whether nothing of it is reserved.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.free() == self.size
    }
}

fn acquire(free: &Arc<Semaphore>, whole: Option<&Arc<Semaphore>>, bytes: u32) -> Option<Reservation> {
    let permit = Arc::clone(free).try_acquire_many_owned(bytes).ok()?;
    let of_whole = match whole {
        None => None,
        Some(whole) => Some(Arc::clone(whole).try_acquire_many_owned(bytes).ok()?),
    };
    Some(Reservation { permit, of_whole })
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

    /// F45: one alone has three quarters at most, and what several have together is bounded by the whole.
    #[test]
    fn a_part_leaves_something_to_the_others() {
        let budget = ByteBudget::new(100);
        let (one, other) = (budget.part(), budget.part());
        assert!(one.reserve(76).is_none());
        let mut first = one.reserve(70).unwrap();
        assert!(!first.grow(6));
        assert!(first.grow(5));
        assert!(other.reserve(26).is_none());
        let second = other.reserve(25).unwrap();
        assert_eq!((budget.free(), one.free(), other.free()), (0, 0, 50));
        assert!(!budget.is_whole() && !other.is_whole());
        drop((first, second));
        assert!(budget.is_whole() && one.is_whole() && other.is_whole());
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
