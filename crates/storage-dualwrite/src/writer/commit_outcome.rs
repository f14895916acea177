//! Finds the outcome of a COMMIT whose answer was lost.

use std::time::Duration;

use diesel::dsl::{exists, select};
use diesel::sql_types::{Nullable, Text};
use diesel::{ExpressionMethods, QueryDsl, QueryResult};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_models::schema::{
    ai_analysis_audit, execution_audit, idempotency_key, remediation_audit, workflow_audit,
};
use storage_models::{Month, RecordType, Timestamp};
use storage_postgres::statement;
use tokio::time::Instant;

use crate::Connector;
use crate::earlier_commits::wait_for_earlier_commits;
use crate::idempotency::IdempotencyKey;

statement! {
    /// Whether a transaction has committed, aborted or is in progress; null when that was too long ago.
    Status<'a>("writer/status.sql") -> Nullable<Text> { transaction: &'a str => Text }
}

/// How long to wait before asking again.
const POLL: Duration = Duration::from_millis(100);

/// The identity of a transaction whose COMMIT may or may not have happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommitProbe {
    /// As `pg_current_xact_id` gave it.
    pub(super) transaction: String,
    /// The row to look for.
    pub(super) trace: CommitTrace,
}

/// A row that exists only if the transaction has committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CommitTrace {
    /// A record created at the transaction's time.
    Record(RecordType, i64, Timestamp),
    /// A version of a record.
    Version(RecordType, i64, Timestamp),
    /// An answer kept under a key at the transaction's time.
    Answer(IdempotencyKey, Timestamp),
}

/// The outcome of a COMMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CommitOutcome {
    Committed,
    Aborted,
    Unknown,
}

/// Asks on new connections until there is an answer or the time is up.
pub(super) async fn commit_outcome(
    probe: &CommitProbe,
    connector: &Connector,
    limit: Duration,
) -> CommitOutcome {
    let deadline = Instant::now() + limit;
    let mut poll = tokio::time::interval(POLL);
    while Instant::now() < deadline {
        poll.tick().await;
        let asked = tokio::time::timeout_at(deadline, ask_on_new_connection(probe, connector)).await;
        match asked {
            Ok(Some(outcome)) => return outcome,
            Ok(None) => {}
            Err(_) => break,
        }
    }
    CommitOutcome::Unknown
}

async fn ask_on_new_connection(probe: &CommitProbe, connector: &Connector) -> Option<CommitOutcome> {
    let mut connection = connector.connect().await.ok()?;
    ask(&mut connection, probe).await.ok()?
}

/// One question; `None` while the transaction is still in progress.
///
/// A server that crashed or was cut off while the commit waited for its standbys shows the commit as done, although a
/// promotion would lose it. So the commit counts only after a later commit on this server has succeeded.
///
/// `pg_xact_status` alone is not enough: after a crash that lost the transaction, PostgreSQL may give its id to another
/// one. A record with this id and this creation time exists only if the transaction committed.
async fn ask(connection: &mut AsyncPgConnection, probe: &CommitProbe) -> QueryResult<Option<CommitOutcome>> {
    let status: Option<String> = Status { transaction: &probe.transaction }.get_result(connection).await?;
    if status.as_deref() == Some("in progress") {
        return Ok(None);
    }
    Ok(match evidence(connection, &probe.trace).await? {
        Evidence::Present => {
            wait_for_earlier_commits(connection).await?;
            Some(CommitOutcome::Committed)
        }
        Evidence::Absent => Some(CommitOutcome::Aborted),
        Evidence::Overwritten => Some(CommitOutcome::Unknown),
    })
}

enum Evidence {
    Present,
    Absent,
    /// A later update has replaced the version. Whether our version came before it is unknown.
    Overwritten,
}

/// Whether a record of the table says so; its month is named, so that no other partition is read.
macro_rules! is_stored {
    ($connection:ident, $table:ident, $time:ident, $id:expr, $told:expr) => {{
        let month = Month::of_id($id);
        let record = $table::table
            .filter($table::id.eq($id))
            .filter($told)
            .filter($table::$time.ge(month.begin()))
            .filter($table::$time.lt(month.end()));
        select(exists(record)).get_result::<bool>($connection).await
    }};
}

async fn evidence(connection: &mut AsyncPgConnection, trace: &CommitTrace) -> QueryResult<Evidence> {
    let is_present = match trace {
        CommitTrace::Record(record_type, id, time) => {
            is_created(connection, *record_type, *id, *time).await?
        }
        CommitTrace::Version(record_type, id, version) => {
            let (is_of_version, is_overwritten) = versions(connection, *record_type, *id, *version).await?;
            if is_overwritten {
                return Ok(Evidence::Overwritten);
            }
            is_of_version
        }
        CommitTrace::Answer(key, time) => is_kept(connection, key, *time).await?,
    };
    Ok(if is_present { Evidence::Present } else { Evidence::Absent })
}

async fn is_created(
    connection: &mut AsyncPgConnection,
    record_type: RecordType,
    id: i64,
    at: Timestamp,
) -> QueryResult<bool> {
    match record_type {
        RecordType::Remediation => {
            is_stored!(connection, remediation_audit, start_time, id, remediation_audit::created_at.eq(at))
        }
        RecordType::AiAnalysis => {
            is_stored!(connection, ai_analysis_audit, timestamp, id, ai_analysis_audit::created_at.eq(at))
        }
        RecordType::Workflow => {
            is_stored!(connection, workflow_audit, start_time, id, workflow_audit::created_at.eq(at))
        }
        RecordType::Execution => {
            is_stored!(connection, execution_audit, start_time, id, execution_audit::created_at.eq(at))
        }
    }
}

/// Whether a record has a version, and whether it has a later one. Of the types that are updated. The later one is looked for
/// first: an update in between must not pass for neither.
async fn versions(
    connection: &mut AsyncPgConnection,
    record_type: RecordType,
    id: i64,
    version: Timestamp,
) -> QueryResult<(bool, bool)> {
    macro_rules! ask {
        ($table:ident) => {{
            let later = $table::updated_at.gt(version);
            let is_overwritten = is_stored!(connection, $table, start_time, id, later)?;
            let same = $table::updated_at.eq(version);
            Ok((is_stored!(connection, $table, start_time, id, same)?, is_overwritten))
        }};
    }
    match record_type {
        RecordType::Workflow => ask!(workflow_audit),
        _ => ask!(remediation_audit),
    }
}

async fn is_kept(
    connection: &mut AsyncPgConnection,
    key: &IdempotencyKey,
    time: Timestamp,
) -> QueryResult<bool> {
    let identity = &key.identity;
    let kept = idempotency_key::table
        .find((&identity.caller, &identity.route, &identity.key))
        .filter(idempotency_key::created_at.eq(time));
    select(exists(kept)).get_result(connection).await
}
