//! One connection for all tasks that need one now and then.

use std::sync::Arc;

use tokio::sync::Mutex;

/// Has such tasks take turns. Each connects for its turn only, so PostgreSQL sees one connection of them at most, however many
/// they are.
#[derive(Debug, Clone, Default)]
pub(in crate::life) struct Turns(Arc<Mutex<()>>);

impl Turns {
    /// Does the work when it is its turn.
    pub(super) async fn take<T>(&self, work: impl Future<Output = T>) -> T {
        let _turn = self.0.lock().await;
        work.await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::Turns;

    #[tokio::test]
    async fn no_two_have_their_turn_at_once() {
        let (turns, busy) = (Turns::default(), AtomicUsize::new(0));
        let work = || {
            turns.take(async {
                assert_eq!(busy.fetch_add(1, Ordering::Relaxed), 0);
                tokio::task::yield_now().await;
                busy.fetch_sub(1, Ordering::Relaxed);
            })
        };
        tokio::join!(work(), work(), work());
    }
}
