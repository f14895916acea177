//! The state that the tasks of a writer share with the callers that hand it records.

use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::health::Health;
use super::partitions::Partitions;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) health: Health,
    pub(super) partitions: Partitions,
    pub(super) stopping: CancellationToken,
    pub(super) tasks: Mutex<Vec<JoinHandle<()>>>,
}
