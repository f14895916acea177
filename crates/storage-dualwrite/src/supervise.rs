//! Supervision of tasks that last as long as the service: a task that panics is restarted.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Counts panics of tasks; label `task`.
const PANICS: &str = "datastorage_task_panics_total";

/// The pause after a first panic; doubles with each that follows soon.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause; a task that ran for longer than this has recovered.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Runs the task that `begin` makes until it returns. After a panic, which is logged and counted, `begin` makes the
/// task again after a pause, which `stopping` ends.
pub async fn supervised<F, T>(task: &'static str, stopping: CancellationToken, mut begin: F)
where
    F: FnMut() -> T,
    T: Future<Output = ()>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        let began = Instant::now();
        let run = AssertUnwindSafe(async { begin().await }).catch_unwind();
        let Err(panic) = run.await else { return };
        if began.elapsed() > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        note_panic(task, panic.as_ref());
        if stopping.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// The result of work on a thread of its own; `None` if the runtime stops. A panic of the work becomes a panic of this
/// task.
pub async fn joined<T>(work: JoinHandle<T>) -> Option<T> {
    match work.await {
        Ok(outcome) => Some(outcome),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_cancelled) => None,
        },
    }
}

/// Logs and counts a panic of a task that continues.
pub(crate) fn note_panic(task: &'static str, panic: &(dyn Any + Send)) {
    metrics::counter!(PANICS, "task" => task).increment(1);
    tracing::error!(task, panic = words(panic), "a task panicked; it is started again");
}

/// The message of a panic.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::{CancellationToken, Duration, Instant, joined, supervised};

    /// F62: a task that panics starts again, later each time, and does not start again after it returns.
    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_begins_anew_after_a_growing_pause() {
        let begun = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&begun);
        let started = Instant::now();
        supervised("test", CancellationToken::new(), || {
            let run = counted.fetch_add(1, Ordering::Relaxed);
            async move { assert!(run >= 12, "not yet") }
        })
        .await;
        assert_eq!(begun.load(Ordering::Relaxed), 13);
        let pauses: u64 =
            [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000, 30_000].iter().sum();
        assert_eq!(started.elapsed(), Duration::from_millis(pauses));
    }

    /// F62: a task that panics at its very beginning is supervised too, and a stop does not wait for its next one.
    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_pause_after_a_panic() {
        let stopping = CancellationToken::new();
        let (begun, stop) = (AtomicU32::new(0), stopping.clone());
        let panicking = supervised("test", stopping, || -> std::future::Ready<()> {
            if begun.fetch_add(1, Ordering::Relaxed) == 2 {
                stop.cancel();
            }
            panic!("at once")
        });
        panicking.await;
        assert_eq!(begun.load(Ordering::Relaxed), 3);
    }

    /// F62: a panic on a thread that a task waits for is the task's.
    #[tokio::test]
    #[should_panic(expected = "over there")]
    async fn a_panic_on_another_thread_is_the_task_s() {
        assert_eq!(joined(tokio::task::spawn_blocking(|| 7)).await, Some(7));
        joined(tokio::task::spawn_blocking(|| panic!("over there"))).await.unwrap_or(());
    }
}
