//! The switches of a test: a fault for each operation, and held requests.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tonic::Code;

use super::state::State;

/// A request that the server knows, for switching faults and counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum QdrantOperation {
    /// Asking for the version.
    HealthCheck,
    /// Reading a collection's description, by name or alias.
    CollectionInfo,
    /// Creating a collection.
    CreateCollection,
    /// Deleting a collection.
    DeleteCollection,
    /// Creating and deleting aliases.
    UpdateAliases,
    /// Any other request about collections.
    OtherCollections,
    /// Creating a payload index.
    CreateFieldIndex,
    /// Storing points.
    Upsert,
    /// Removing points.
    Delete,
    /// Reading points by id.
    Get,
    /// Reading points page by page.
    Scroll,
    /// Counting points.
    Count,
    /// Searching.
    Query,
}

impl QdrantOperation {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::HealthCheck,
        Self::CollectionInfo,
        Self::CreateCollection,
        Self::DeleteCollection,
        Self::UpdateAliases,
        Self::OtherCollections,
        Self::CreateFieldIndex,
        Self::Upsert,
        Self::Delete,
        Self::Get,
        Self::Scroll,
        Self::Count,
        Self::Query,
    ];
}

/// The fault of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QdrantFault {
    /// Nothing is applied; the answer is this status.
    Fail(Code),
    /// Nothing is applied; the answer asks for a pause of this number of seconds.
    Overloaded {
        /// The value of the header `retry-after`.
        retry_after_seconds: u64,
    },
    /// Nothing happens until the operation's fault is switched again; then the request is served, unless its client
    /// has given up.
    Hang,
    /// The request is served after this time, unless its client has given up.
    Delay(Duration),
    /// The request is applied; the answer is this status.
    ApplyThenFail(Code),
    /// The request is applied; its answer never comes.
    ApplyThenHang,
    /// No answer ever comes. The request is applied by [`super::QdrantServer::apply_late`], whatever became of its
    /// client.
    ApplyLate,
    /// The first half (rounded down) of the points is stored or removed; the answer is this status. Other operations
    /// fail without effect.
    ApplyHalf(Code),
}

#[derive(Debug, Clone, Copy)]
struct Rule {
    fault: QdrantFault,
    /// How many more requests it meets; `None` is no bound.
    left: Option<u32>,
}

type Counts = BTreeMap<QdrantOperation, u64>;
type LateWork = Box<dyn FnOnce(&mut State) + Send>;

/// The switches of one server.
pub(super) struct Switches {
    rules: Mutex<BTreeMap<QdrantOperation, Rule>>,
    /// How often each operation's fault was switched: what hangs waits for a change.
    pub(super) switched: watch::Sender<Counts>,
    pub(super) calls: watch::Sender<Counts>,
    pub(super) faults: watch::Sender<Counts>,
    late: Mutex<Vec<LateWork>>,
}

impl Switches {
    pub(super) fn new() -> Self {
        Self {
            rules: Mutex::default(),
            switched: watch::Sender::default(),
            calls: watch::Sender::default(),
            faults: watch::Sender::default(),
            late: Mutex::default(),
        }
    }

    pub(super) fn set(&self, operation: QdrantOperation, fault: Option<QdrantFault>, left: Option<u32>) {
        match fault {
            Some(fault) => drop(lock(&self.rules).insert(operation, Rule { fault, left })),
            None => drop(lock(&self.rules).remove(&operation)),
        }
        add_one(&self.switched, operation);
    }

    /// The fault that this request meets.
    pub(super) fn take(&self, operation: QdrantOperation) -> Option<QdrantFault> {
        let mut rules = lock(&self.rules);
        let rule = rules.get_mut(&operation)?;
        let fault = rule.fault;
        if let Some(left) = &mut rule.left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                rules.remove(&operation);
            }
        }
        Some(fault)
    }

    /// Ends when the operation's fault is switched after the moment at which `seen` was read.
    pub(super) async fn until_switched(&self, operation: QdrantOperation, seen: u64) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.switched.subscribe().wait_for(|counts| of(counts, operation) != seen).await;
    }

    pub(super) fn times_switched(&self, operation: QdrantOperation) -> u64 {
        of(&self.switched.borrow(), operation)
    }

    pub(super) fn keep_for_later(&self, work: LateWork) {
        lock(&self.late).push(work);
    }

    pub(super) fn take_late(&self) -> Vec<LateWork> {
        std::mem::take(&mut *lock(&self.late))
    }
}

pub(super) fn of(counts: &Counts, operation: QdrantOperation) -> u64 {
    counts.get(&operation).copied().unwrap_or(0)
}

pub(super) fn add_one(counts: &watch::Sender<Counts>, operation: QdrantOperation) {
    counts.send_modify(|counts| *counts.entry(operation).or_default() += 1);
}

/// The state that a panicking test left is valid.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
