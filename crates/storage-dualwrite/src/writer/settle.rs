//! Finds the outcome of a COMMIT whose answer was lost.

use std::time::Duration;

use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz};
use diesel::{QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_models::{Month, RecordType, Timestamp};
use tokio::time::Instant;

use crate::Connector;
use crate::commit_mark::wait_for_earlier_commits;
use crate::idempotency::IdempotencyKey;

/// How long to wait before asking again.
const POLL: Duration = Duration::from_millis(100);

/// The identity of a transaction whose COMMIT may or may not have happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// As `pg_current_xact_id` gave it.
    pub(super) transaction: String,
    /// The row to look for.
    pub(super) witness: Witness,
}

/// A row that exists only if the transaction has committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Witness {
    /// A record created at the transaction's time.
    Record(RecordType, i64, Timestamp),
    /// A version of a record.
    Version(RecordType, i64, Timestamp),
    /// An answer kept under a key at the transaction's time.
    Answer(IdempotencyKey, Timestamp),
}

/// The outcome of a COMMIT.
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
/// A server that crashed or was cut off while the commit waited for its standbys shows the commit as done, although a
/// promotion would lose it. So the commit counts only after a later commit on this server has succeeded.
///
/// `pg_xact_status` alone is not enough: after a crash that lost the transaction, PostgreSQL may give its id to another
/// one. A record with this id and this creation time exists only if the transaction committed.
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
    Ok(match evidence(connection, &mark.witness).await? {
        Evidence::Present => {
            wait_for_earlier_commits(connection).await?;
            Some(Fate::Committed)
        }
        Evidence::Absent => Some(Fate::Aborted),
        Evidence::Overwritten => Some(Fate::Unknown),
    })
}

enum Evidence {
    Present,
    Absent,
    /// A later update has replaced the version. Whether our version came before it is unknown.
    Overwritten,
}

async fn evidence(connection: &mut AsyncPgConnection, witness: &Witness) -> QueryResult<Evidence> {
    let is_present = match witness {
        Witness::Record(record_type, id, time) => {
            is_true(sql_query(created_text(*record_type)), connection, *id, *time).await?
        }
        Witness::Version(record_type, id, version) => {
            let [at, after] = version_texts(*record_type);
            if is_true(sql_query(after), connection, *id, *version).await? {
                return Ok(Evidence::Overwritten);
            }
            is_true(sql_query(at), connection, *id, *version).await?
        }
        Witness::Answer(key, time) => is_kept(connection, key, *time).await?,
    };
    Ok(if is_present { Evidence::Present } else { Evidence::Absent })
}

#[derive(QueryableByName)]
struct Present {
    #[diesel(sql_type = Bool)]
    present: bool,
}

async fn is_true(
    query: diesel::query_builder::SqlQuery,
    connection: &mut AsyncPgConnection,
    id: i64,
    time: Timestamp,
) -> QueryResult<bool> {
    let month = Month::of_id(id);
    let row: Present = query
        .bind::<BigInt, _>(id)
        .bind::<Timestamptz, _>(time)
        .bind::<Timestamptz, _>(month.begin())
        .bind::<Timestamptz, _>(month.end())
        .get_result(connection)
        .await?;
    Ok(row.present)
}

const fn created_text(record_type: RecordType) -> &'static str {
    match record_type {
        RecordType::Remediation => {
            "SELECT EXISTS (SELECT FROM remediation_audit WHERE id = $1 AND created_at = $2 \
                AND start_time >= $3 AND start_time < $4) AS present"
        }
        RecordType::AiAnalysis => {
            "SELECT EXISTS (SELECT FROM ai_analysis_audit WHERE id = $1 AND created_at = $2 \
                AND timestamp >= $3 AND timestamp < $4) AS present"
        }
        RecordType::Workflow => {
            "SELECT EXISTS (SELECT FROM workflow_audit WHERE id = $1 AND created_at = $2 \
                AND start_time >= $3 AND start_time < $4) AS present"
        }
        RecordType::Execution => {
            "SELECT EXISTS (SELECT FROM execution_audit WHERE id = $1 AND created_at = $2 \
                AND start_time >= $3 AND start_time < $4) AS present"
        }
    }
}

/// Whether a record has a version, and whether it has a later one. Of the types that are updated.
const fn version_texts(record_type: RecordType) -> [&'static str; 2] {
    match record_type {
        RecordType::Workflow => [
            "SELECT EXISTS (SELECT FROM workflow_audit WHERE id = $1 AND updated_at = $2 \
                AND start_time >= $3 AND start_time < $4) AS present",
            "SELECT EXISTS (SELECT FROM workflow_audit WHERE id = $1 AND updated_at > $2 \
                AND start_time >= $3 AND start_time < $4) AS present",
        ],
        _ => [
            "SELECT EXISTS (SELECT FROM remediation_audit WHERE id = $1 AND updated_at = $2 \
                AND start_time >= $3 AND start_time < $4) AS present",
            "SELECT EXISTS (SELECT FROM remediation_audit WHERE id = $1 AND updated_at > $2 \
                AND start_time >= $3 AND start_time < $4) AS present",
        ],
    }
}

async fn is_kept(
    connection: &mut AsyncPgConnection,
    key: &IdempotencyKey,
    time: Timestamp,
) -> QueryResult<bool> {
    let text = "SELECT EXISTS (SELECT FROM idempotency_key WHERE caller = $1 AND route = $2 AND key = $3 \
        AND created_at = $4) AS present";
    let row: Present = sql_query(text)
        .bind::<Text, _>(&key.identity.caller)
        .bind::<Text, _>(&key.identity.route)
        .bind::<Text, _>(&key.identity.key)
        .bind::<Timestamptz, _>(time)
        .get_result(connection)
        .await?;
    Ok(row.present)
}
