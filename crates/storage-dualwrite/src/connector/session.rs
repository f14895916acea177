//! The settings of a session with PostgreSQL.

use std::time::Duration;

use diesel::QueryResult;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::Bool;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use storage_postgres::statement;

/// The settings of every session. The server gets times in whole milliseconds; zero would switch a limit off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSettings {
    /// Shown in `pg_stat_activity`.
    pub application_name: &'static str,
    /// How long to wait for a connection to each server.
    pub connect_timeout: Duration,
    /// `statement_timeout`: no statement runs longer.
    pub statement_timeout: Duration,
    /// `lock_timeout`: no lock is waited for longer.
    pub lock_timeout: Duration,
    /// `idle_in_transaction_session_timeout`: a transaction left open by a lost client ends after this.
    pub idle_in_transaction_timeout: Duration,
}

impl SessionSettings {
    /// The defaults: connect 2 s, statement 5 s, lock 2 s, idle in transaction 10 s.
    #[must_use]
    pub const fn new(application_name: &'static str) -> Self {
        Self {
            application_name,
            connect_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(2),
            idle_in_transaction_timeout: Duration::from_secs(10),
        }
    }

    /// No limit except 2 s for making the connection: for changes of the schema, whose duration is unknown.
    #[must_use]
    pub const fn unbounded(application_name: &'static str) -> Self {
        Self {
            statement_timeout: Duration::ZERO,
            lock_timeout: Duration::ZERO,
            idle_in_transaction_timeout: Duration::ZERO,
            ..Self::new(application_name)
        }
    }

    /// One batch that sets them. `client_connection_check_interval` ends a statement whose client is gone.
    /// `constraint_exclusion` has nothing to find in partitions, and takes up to half of the planning. To compile a statement
    /// over many partitions takes longer than to run it.
    pub(super) fn as_sql(&self) -> String {
        let Self { statement_timeout, lock_timeout, idle_in_transaction_timeout, .. } = self;
        format!(
            "SET statement_timeout = {}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}; \
             SET client_connection_check_interval = 500; SET timezone = 'UTC'; SET constraint_exclusion = off; \
             SET jit = off; {DURABLE}",
            statement_timeout.as_millis(),
            lock_timeout.as_millis(),
            idle_in_transaction_timeout.as_millis(),
        )
    }
}

/// Makes a commit wait until it is flushed, on the standbys too if replication is synchronous. A stricter setting of
/// the operator (`remote_apply`) stays.
const DURABLE: &str = "SELECT set_config('synchronous_commit', 'on', false) \
    WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')";

/// Faults are recognised by the server's English messages (`storage_models::DatabaseFault`). A role without the right
/// to set the language keeps the server's own; `storage_schema::verify_role` reports this at each start.
pub(super) async fn ask_for_english(connection: &mut AsyncPgConnection) {
    if connection.batch_execute("SET lc_messages = 'C'").await.is_err() {
        tracing::debug!("this role may not set lc_messages; the server keeps its own language");
    }
}

statement! {
    /// Whether the session's transactions cannot write.
    IsReadOnly("session/is_read_only.sql") -> Bool {}
}

/// Whether the server still takes writes: one that became a standby, or was set read-only, keeps its sessions or not.
///
/// # Errors
/// When there is no answer.
pub async fn takes_writes(connection: &mut AsyncPgConnection) -> QueryResult<bool> {
    IsReadOnly {}.get_result::<bool>(connection).await.map(|is_read_only| !is_read_only)
}

/// Fails if the server no longer takes writes. Connections that only read must move to the server that takes writes.
pub(crate) fn ensure_writable(read_only: bool) -> QueryResult<()> {
    if !read_only {
        return Ok(());
    }
    let words = "the server no longer accepts writes".to_owned();
    Err(Error::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, Box::new(words)))
}
