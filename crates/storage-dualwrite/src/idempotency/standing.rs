//! What a transaction may do under each of its keys.

use std::collections::{HashMap, HashSet};

use diesel::QueryResult;
use diesel_async::AsyncPgConnection;

use super::key::{IdempotencyKey, Identity, Reply};
use super::statements;

/// What may be done under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The request is the first, and its transaction holds the key.
    Free,
    /// Another transaction holds the key.
    InFlight,
    /// The request was answered before.
    Replay(Reply),
    /// Another request was answered under this key.
    Reused,
}

/// The standings of a transaction's keys.
#[derive(Debug, Default)]
pub(crate) struct Standings {
    pub(super) stored: HashMap<Identity, ([u8; 32], Reply)>,
    pub(super) held: HashSet<i64>,
}

impl Standings {
    /// Takes the keys' locks, as the first statement of the transaction, and then reads what is kept under them: in
    /// that order, so that whatever an earlier holder of a lock has committed is seen.
    pub(crate) async fn take(
        connection: &mut AsyncPgConnection,
        keys: &[&IdempotencyKey],
    ) -> QueryResult<Self> {
        if keys.is_empty() {
            return Ok(Self::default());
        }
        let mut locks: Vec<i64> = keys.iter().map(|key| key.lock()).collect();
        locks.sort_unstable();
        locks.dedup();
        let held = statements::try_locks(connection, locks).await?;
        Ok(Self { held, stored: statements::stored(connection, keys).await? })
    }

    /// That of one key.
    pub(crate) fn of(&self, key: &IdempotencyKey) -> Standing {
        match self.stored.get(&key.identity) {
            Some((hash, reply)) if *hash == key.hash => Standing::Replay(reply.clone()),
            Some(_) => Standing::Reused,
            None if self.held.contains(&key.lock()) => Standing::Free,
            None => Standing::InFlight,
        }
    }
}
