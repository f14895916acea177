//! The states of a transaction's idempotency keys.

use std::collections::{HashMap, HashSet};

use diesel::QueryResult;
use diesel_async::AsyncPgConnection;

use super::key::{IdempotencyKey, Identity, Reply};
use super::statements;
use crate::earlier_commits::wait_for_earlier_commits;

/// The state of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyState {
    /// The request is the first, and its transaction holds the key.
    Free,
    /// Another transaction holds the key.
    InFlight,
    /// The request was answered before.
    Replay(Reply),
    /// Another request was answered under this key.
    Reused,
}

/// The states of a transaction's keys.
#[derive(Debug, Default)]
pub(crate) struct KeyStates {
    stored: HashMap<Identity, ([u8; 32], Reply)>,
    held: HashSet<i64>,
}

impl KeyStates {
    /// The states of keys, from the answers that are stored under them. A stored answer is repeated only after a later
    /// commit of this server, because the commit of the first request may not be confirmed by a standby yet.
    pub(super) async fn of_kept(
        connection: &mut AsyncPgConnection,
        keys: &[&IdempotencyKey],
        held: HashSet<i64>,
    ) -> QueryResult<Self> {
        let states = Self { held, stored: statements::stored(connection, keys).await? };
        if keys.iter().any(|key| matches!(states.of(key), KeyState::Replay(_))) {
            wait_for_earlier_commits(connection).await?;
        }
        Ok(states)
    }

    /// Takes the keys' locks, as the first statement of the transaction, and then reads the answers that are stored
    /// under them. The order matters: only so are the commits of earlier lock holders visible.
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
        Self::of_kept(connection, keys, held).await
    }

    /// That of one key.
    pub(crate) fn of(&self, key: &IdempotencyKey) -> KeyState {
        match self.stored.get(&key.identity) {
            Some((hash, reply)) if *hash == key.hash => KeyState::Replay(reply.clone()),
            Some(_) => KeyState::Reused,
            None if self.held.contains(&key.lock()) => KeyState::Free,
            None => KeyState::InFlight,
        }
    }
}
