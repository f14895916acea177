//! A commit that waits for the commits before it.

use diesel::QueryResult;
use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_postgres::statement;

statement! {
    /// Writes a message that says nothing into the server's log.
    EmitMessage("writer/wait_for_earlier_commits.sql") -> Text {}
}

/// Has the transaction, or, outside of one, a transaction of its own, write a message that says nothing into the server's
/// log. Its commit then waits for the log to be flushed here and on the synchronous standbys, up to itself: so everything
/// that was committed on this server before is there too. A transaction that only reads waits for nothing, and neither
/// does one that only has an id.
pub(crate) async fn wait_for_earlier_commits(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    EmitMessage {}.execute(connection).await.map(|_row| ())
}
