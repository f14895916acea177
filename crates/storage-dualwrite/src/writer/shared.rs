//! What a writer's tasks and those who hand it records share.

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
