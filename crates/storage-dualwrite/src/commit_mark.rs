//! A commit that waits for the commits before it.

use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};

/// Has the transaction, or, outside of one, a transaction of its own, write a message that says nothing into the server's
/// log. Its commit then waits for the log to be flushed here and on the synchronous standbys, up to itself: so everything
/// that was committed on this server before is there too. A transaction that only reads waits for nothing, and neither
/// does one that only has an id.
pub(crate) async fn wait_for_earlier_commits(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    connection.batch_execute("SELECT pg_logical_emit_message(true, 'datastorage', '')").await
}
