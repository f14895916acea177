//! The lock that one process holds while it changes a database's schema.

use std::time::Duration;

use diesel::sql_types::{BigInt, Bool};

use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use storage_postgres::statement;
use tokio::time::Instant;

use crate::SchemaError;

/// The advisory lock that one migrating process holds: the bytes of "dstorage".
const LOCK_KEY: i64 = i64::from_be_bytes(*b"dstorage");

/// How long to wait for another process that is migrating.
pub const LOCK_WAIT: Duration = Duration::from_secs(600);

/// How often to ask for the lock while waiting.
const LOCK_POLL: Duration = Duration::from_millis(200);

statement! {
    /// Takes the lock, if it is free.
    TryLock("try_lock.sql") -> Bool { key: i64 => BigInt }
}

/// Keeps out all others who change this database's schema. The lock belongs to the session: it ends with the
/// connection, however the process ends.
pub(crate) async fn lock(connection: &mut AsyncPgConnection, wait: Duration) -> Result<(), SchemaError> {
    let started = Instant::now();
    let mut poll = tokio::time::interval(LOCK_POLL);
    let mut told = false;
    loop {
        poll.tick().await;
        let is_locked: bool = TryLock { key: LOCK_KEY }
            .get_result(connection)
            .await
            .map_err(SchemaError::during("the migration lock"))?;
        if is_locked {
            return Ok(());
        }
        if started.elapsed() >= wait {
            return Err(SchemaError::LockTimeout(wait));
        }
        if !told {
            tracing::info!(
                wait_seconds = wait.as_secs(),
                "another process is migrating this database; waiting for its end"
            );
            told = true;
        }
    }
}
