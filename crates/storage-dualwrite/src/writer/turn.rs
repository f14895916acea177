//! Turns of the writers in taking records from the queue and writing them.
//!
//! A statement has a fixed cost in addition to the cost of its records. So few large groups are cheaper than many small
//! ones, and a single writer makes the largest groups. But a single writer waits for each flush of the log and writes
//! nothing meanwhile. So writers take turns: a turn lasts from taking a group to the end of its statements, and the
//! next writer has its turn during the COMMIT.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedMutexGuard, mpsc};

use super::queue::Job;

/// The receiving end of the queue, which the writers' tasks share. The task that holds it has the turn.
pub(super) type Receiver = Arc<tokio::sync::Mutex<mpsc::Receiver<Job>>>;

/// The longest turn. Beyond it a connection is stuck or a lock is held, and others need not wait for that.
const LONGEST: Duration = Duration::from_millis(250);

/// A writer's turn. It ends when it is dropped, or earlier.
#[derive(Debug)]
pub(super) struct Turn(Mutex<Option<OwnedMutexGuard<mpsc::Receiver<Job>>>>);

impl Turn {
    pub(super) fn of(queue: OwnedMutexGuard<mpsc::Receiver<Job>>) -> Self {
        Self(Mutex::new(Some(queue)))
    }

    /// Lets the next writer have its turn.
    pub(super) fn end(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Does the work, to its end, and ends the turn before that if it takes long.
    pub(super) async fn bound<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        if let Ok(output) = tokio::time::timeout(LONGEST, &mut work).await {
            return output;
        }
        self.end();
        work.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_turn_lasts_until_it_is_ended_or_becomes_too_long() {
        let queue: Receiver = Arc::new(tokio::sync::Mutex::new(mpsc::channel(1).1));
        let turn = Turn::of(Arc::clone(&queue).lock_owned().await);
        assert!(queue.try_lock().is_err());
        turn.end();
        assert!(queue.try_lock().is_ok());

        let turn = Turn::of(Arc::clone(&queue).lock_owned().await);
        let quick = turn.bound(async { queue.try_lock().is_err() });
        assert!(quick.await);
        assert!(queue.try_lock().is_err(), "the work ends no turn by itself");
        let stuck = turn.bound(async {
            tokio::time::sleep(LONGEST * 2).await;
            queue.try_lock().is_ok()
        });
        assert!(stuck.await);
    }
}
