//! A commit that waits for the commits before it.

use diesel::QueryResult;
use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_postgres::statement;

statement! {
    /// Writes a message that says nothing into the server's log.
    EmitMessage("writer/wait_for_earlier_commits.sql") -> Text {}
}

/// Writes an empty message into the server's log, in the open transaction or in a transaction of its own. The commit of
/// that transaction waits until the log is flushed here and on the synchronous standbys, so every earlier commit on
/// this server is flushed too. A transaction that only reads, or only has an id, waits for nothing.
pub(crate) async fn wait_for_earlier_commits(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    EmitMessage {}.execute(connection).await.map(|_row| ())
}
