//! The work beside the requests. Each task runs until it is dropped.

pub(super) mod counters;
pub(super) mod index;
pub(super) mod keys;
pub(super) mod monitor;
pub(super) mod partitions;
pub(super) mod reconcile;
pub(super) mod redis;
pub(super) mod statistics;
pub(super) mod tables;
pub(super) mod threshold;
pub(super) mod turns;

use storage_dualwrite::supervised;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Runs a task beside the requests until the stop, and anew when it panics.
pub(super) fn spawn<T>(
    tasks: &TaskTracker,
    stopping: &CancellationToken,
    task: &'static str,
    begin: impl FnMut() -> T + Send + 'static,
) where
    T: Future<Output = ()> + Send + 'static,
{
    let task = supervised(task, stopping.clone(), begin);
    tasks.spawn(stopping.clone().run_until_cancelled_owned(task));
}
