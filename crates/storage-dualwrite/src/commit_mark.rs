//! A commit that waits for the commits before it.

use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};

/// Writes an empty message into the server's log, in the open transaction or in a transaction of its own. The commit of
/// that transaction waits until the log is flushed here and on the synchronous standbys, so every earlier commit on
/// this server is flushed too. A transaction that only reads, or only has an id, waits for nothing.
pub(crate) async fn wait_for_earlier_commits(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    connection.batch_execute("SELECT pg_logical_emit_message(true, 'datastorage', '')").await
}
