//! What a transaction may do under each of its keys.

use std::collections::{HashMap, HashSet};

use diesel::QueryResult;
use diesel_async::AsyncPgConnection;

use super::key::{IdempotencyKey, Identity, Reply};
use super::statements;
use crate::commit_mark::wait_for_earlier_commits;

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
    stored: HashMap<Identity, ([u8; 32], Reply)>,
    held: HashSet<i64>,
}

impl Standings {
    /// Of keys and what is kept under them. An answer is given again only behind a later commit of this server: the first
    /// one may not have heard of its own, because a standby had not confirmed it.
    pub(super) async fn of_kept(
        connection: &mut AsyncPgConnection,
        keys: &[&IdempotencyKey],
        held: HashSet<i64>,
    ) -> QueryResult<Self> {
        let standings = Self { held, stored: statements::stored(connection, keys).await? };
        if keys.iter().any(|key| matches!(standings.of(key), Standing::Replay(_))) {
            wait_for_earlier_commits(connection).await?;
        }
        Ok(standings)
    }

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
        Self::of_kept(connection, keys, held).await
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
