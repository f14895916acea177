//! Requests that may be repeated: the answer to the first is kept in its own transaction and given to the others.
//!
//! A key is scoped by its caller and its route. First of all, a transaction asks for an advisory lock on each of its
//! keys, without waiting. Only the holder of the lock may write under that key. A transaction that waited for the lock,
//! as `ON CONFLICT` waits for an uncommitted duplicate, could deadlock two groups that hold each other's keys.

mod amend;
mod key;
mod key_state;
mod statements;

pub use amend::KeptAnswers;
pub use key::{IdempotencyKey, Keyed, Render, Reply, RequestDigest, Written};
pub(crate) use key_state::{KeyState, KeyStates};
pub(crate) use statements::keep;
pub use statements::remove_older;

use std::collections::HashSet;

use diesel::QueryResult;
use diesel_async::AsyncPgConnection;

/// The state that is stored under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// The answer to this very request.
    Reply(Reply),
    /// An answer to another request.
    Other,
}

/// Looks a key up, for a request that is to be refused unless it was answered before. On the primary.
///
/// # Errors
/// When the query fails.
pub async fn find(connection: &mut AsyncPgConnection, key: &IdempotencyKey) -> QueryResult<Option<Kept>> {
    let states = KeyStates::of_kept(connection, &[key], HashSet::new()).await?;
    Ok(match states.of(key) {
        KeyState::Replay(reply) => Some(Kept::Reply(reply)),
        KeyState::Reused => Some(Kept::Other),
        KeyState::Free | KeyState::InFlight => None,
    })
}
