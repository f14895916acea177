//! A semaphore that shares its places fairly among callers.
//!
//! A caller's share is a quarter of the places, at least one. A caller alone may have all places. While a caller with
//! less than a share waits, callers with a share get no further place. Callers with less than a share take turns, so
//! that none waits behind the whole queue of another.

mod state;
#[cfg(test)]
mod tests;

use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::state::{Granted, State, part_of};

/// The places. Cheap to clone.
#[derive(Debug)]
pub(crate) struct FairSemaphore<K> {
    state: Arc<Mutex<State<K>>>,
    limits: Limits,
}

/// The number of places, the number of waiting requests, and their patience.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) places: usize,
    /// For all callers together. A single caller has a quarter of it.
    pub(crate) waiting: usize,
    /// How long a caller with a share waits.
    pub(crate) patience: Duration,
    /// How much longer a caller with less than a share waits: as long as a place may be held, because it gets the next
    /// one.
    pub(crate) more_patience: Duration,
}

/// There is no place, and none became free in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoPermit;

/// A place. Dropping it gives it to the next caller.
#[derive(Debug)]
pub(crate) struct FairPermit<K: Hash + Eq + Clone> {
    semaphore: FairSemaphore<K>,
    caller: K,
    turn: u64,
    recall: CancellationToken,
}

/// A waiting request, until there is a place or its patience ends.
struct Waiting<'a, K: Hash + Eq + Clone> {
    semaphore: &'a FairSemaphore<K>,
    caller: K,
    turn: u64,
    receiver: oneshot::Receiver<Granted>,
}

impl<K> Clone for FairSemaphore<K> {
    fn clone(&self) -> Self {
        Self { state: Arc::clone(&self.state), limits: self.limits }
    }
}

impl<K: Hash + Eq + Clone> FairSemaphore<K> {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { state: Arc::new(Mutex::new(State::new(limits.places))), limits }
    }

    /// How many places are held.
    pub(crate) fn held(&self) -> usize {
        self.limits.places.saturating_sub(self.lock().free)
    }

    /// A place, at once or within the patience. If a caller with less than a share has waited for long, the newest
    /// place of the caller furthest above its share is recalled; that caller decides whether to return it.
    pub(crate) async fn acquire(&self, caller: &K) -> Result<FairPermit<K>, NoPermit> {
        let mut waiting = match self.take_or_queue(caller)? {
            Ok(place) => return Ok(place),
            Err(waiting) => waiting,
        };
        if let Ok(place) = timeout(self.limits.patience, waiting.permit()).await {
            return place;
        }
        if !self.recall_for(caller) {
            return Err(NoPermit);
        }
        timeout(self.limits.more_patience, waiting.permit()).await.unwrap_or(Err(NoPermit))
    }

    fn take_or_queue(&self, caller: &K) -> Result<Result<FairPermit<K>, Waiting<'_, K>>, NoPermit> {
        let mut state = self.lock();
        if state.free > 0 {
            let granted = state.give(caller);
            drop(state);
            return Ok(Ok(self.permit(caller.clone(), granted)));
        }
        let (turn, receiver) = state.queue(caller, self.limits.waiting).ok_or(NoPermit)?;
        drop(state);
        Ok(Err(Waiting { semaphore: self, caller: caller.clone(), turn, receiver }))
    }

    fn permit(&self, caller: K, granted: Granted) -> FairPermit<K> {
        FairPermit { semaphore: self.clone(), caller, turn: granted.turn, recall: granted.recall }
    }

    /// Whether the caller has less than a share. If so, a place of a caller above its share is recalled.
    fn recall_for(&self, caller: &K) -> bool {
        let share = self.share();
        let state = self.lock();
        let is_below = state.callers.get(caller).is_none_or(|usage| usage.held.len() < share);
        if is_below && let Some(held) = state.most_beyond(share) {
            held.recall.cancel();
        }
        is_below
    }

    /// Takes a place back and gives it to the next.
    fn give_back(&self, caller: &K, turn: u64) {
        let share = self.share();
        let mut state = self.lock();
        state.take_back(caller, turn);
        state.hand_out(share);
    }

    fn share(&self) -> usize {
        part_of(self.limits.places)
    }

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq + Clone> FairPermit<K> {
    /// Returns when a caller with less than a share waits while the holder has more.
    pub(crate) async fn recalled(&self) {
        self.recall.cancelled().await;
    }
}

impl<K: Hash + Eq + Clone> Drop for FairPermit<K> {
    fn drop(&mut self) {
        self.semaphore.give_back(&self.caller, self.turn);
    }
}

impl<K: Hash + Eq + Clone> Waiting<'_, K> {
    async fn permit(&mut self) -> Result<FairPermit<K>, NoPermit> {
        let granted = (&mut self.receiver).await.map_err(|_lost| NoPermit)?;
        Ok(self.semaphore.permit(self.caller.clone(), granted))
    }
}

impl<K: Hash + Eq + Clone> Drop for Waiting<'_, K> {
    /// Leaves the queue, or returns a place that came too late.
    fn drop(&mut self) {
        let has_left = self.semaphore.lock().leave(&self.caller, self.turn);
        if !has_left && let Ok(granted) = self.receiver.try_recv() {
            self.semaphore.give_back(&self.caller, granted.turn);
        }
    }
}
