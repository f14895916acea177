//! What became of a COMMIT whose answer was lost.

use std::time::Duration;

use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz};
use diesel::{QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_models::RecordType;
use tokio::time::Instant;

use super::group::Mark;
use crate::Connector;

/// How long to wait before asking again.
const POLL: Duration = Duration::from_millis(100);

/// The fate of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Committed,
    Aborted,
    Unknown,
}

/// Asks on new connections until there is an answer or the time is up.
pub(super) async fn fate_of(mark: &Mark, connector: &Connector, limit: Duration) -> Fate {
    let deadline = Instant::now() + limit;
    let mut poll = tokio::time::interval(POLL);
    while Instant::now() < deadline {
        poll.tick().await;
        let asked = tokio::time::timeout_at(deadline, ask_anew(mark, connector)).await;
        match asked {
            Ok(Some(fate)) => return fate,
            Ok(None) => {}
            Err(_) => break,
        }
    }
    Fate::Unknown
}

async fn ask_anew(mark: &Mark, connector: &Connector) -> Option<Fate> {
    let mut connection = connector.connect().await.ok()?;
    ask(&mut connection, mark).await.ok()?
}

/// One question; `None` while the transaction is still in progress.
///
/// `pg_xact_status` alone does not do: after a crash that lost the transaction, PostgreSQL may give its id to
/// another one. A record of that id and that creation time is there only if the transaction committed.
async fn ask(connection: &mut AsyncPgConnection, mark: &Mark) -> QueryResult<Option<Fate>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Nullable<Text>)]
        status: Option<String>,
    }
    let row: Row = sql_query("SELECT pg_xact_status($1::xid8)::text AS status")
        .bind::<Text, _>(&mark.transaction)
        .get_result(connection)
        .await?;
    if row.status.as_deref() == Some("in progress") {
        return Ok(None);
    }
    let present = is_present(connection, mark).await?;
    Ok(Some(if present { Fate::Committed } else { Fate::Aborted }))
}

async fn is_present(connection: &mut AsyncPgConnection, mark: &Mark) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        present: bool,
    }
    let text = match mark.record_type {
        RecordType::Remediation => {
            "SELECT EXISTS (SELECT FROM remediation_audit WHERE id = $1 AND created_at = $2) AS present"
        }
        RecordType::AiAnalysis => {
            "SELECT EXISTS (SELECT FROM ai_analysis_audit WHERE id = $1 AND created_at = $2) AS present"
        }
        RecordType::Workflow => {
            "SELECT EXISTS (SELECT FROM workflow_audit WHERE id = $1 AND created_at = $2) AS present"
        }
        RecordType::Execution => {
            "SELECT EXISTS (SELECT FROM execution_audit WHERE id = $1 AND created_at = $2) AS present"
        }
    };
    let row: Row = sql_query(text)
        .bind::<BigInt, _>(mark.id)
        .bind::<Timestamptz, _>(mark.time)
        .get_result(connection)
        .await?;
    Ok(row.present)
}
