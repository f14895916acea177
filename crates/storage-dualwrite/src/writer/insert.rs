//! The four multi-row inserts, as statements of fixed text over arrays.

use std::collections::BTreeSet;

use diesel::QueryResult;
use diesel::result::Error;
use diesel::sql_types::{BigInt, Bool, Jsonb, Nullable};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_models::{JsonText, NewAiAnalysis, NewExecution, NewRemediation, NewWorkflow, RecordType};

use super::columns::{Insertion, Numbered};
use crate::fixed_statement::fixed_statement;

fixed_statement! {
    /// Inserts remediations, each with an outbox row for each set that is active or being built. No other statement
    /// inserts remediations. Each returned row has the number of outbox rows and of sets.
    InsertRemediations<'a> -> (BigInt, Nullable<BigInt>, Nullable<Jsonb>, BigInt, BigInt) {
        "WITH stored AS (", insertion: Insertion<'a>;
        " RETURNING id, start_time, updated_at, duration_ms, metadata), \
         fed AS (SELECT id FROM embedding_set WHERE state <> 'retired'), \
         enqueued AS (INSERT INTO vector_outbox (set_id, record_id, start_time, version) \
            SELECT fed.id, stored.id, start_time, updated_at FROM stored CROSS JOIN fed RETURNING record_id) \
         SELECT id, duration_ms, CASE WHEN ", wants_metadata: bool => Bool;
        " THEN metadata END, (SELECT count(*) FROM enqueued), (SELECT count(*) FROM fed) FROM stored";
    }
}

fixed_statement! {
    /// Inserts analyses.
    InsertAiAnalyses<'a> -> () { "", insertion: Insertion<'a>; }
}

fixed_statement! {
    /// Inserts workflow runs.
    InsertWorkflows<'a> -> () { "", insertion: Insertion<'a>; }
}

fixed_statement! {
    /// Inserts executions.
    InsertExecutions<'a> -> () { "", insertion: Insertion<'a>; }
}

/// The values that the database made for a remediation: id, `duration_ms`, metadata as stored.
pub(super) type StoredRemediation = (i64, Option<i64>, Option<JsonText>);

/// A row of [`InsertRemediations`].
type InsertedRemediation = (i64, Option<i64>, Option<JsonText>, i64, i64);

/// The columns of remediations to return besides their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// As stored: keys in another order, numbers spelled differently.
    Metadata,
    Nothing,
}

/// Inserts remediations and their outbox rows; the rows come back in any order.
pub(super) async fn remediations(
    connection: &mut AsyncPgConnection,
    records: &[Numbered<'_, NewRemediation>],
    wanted: Wanted,
) -> QueryResult<Vec<StoredRemediation>> {
    let statement = InsertRemediations {
        insertion: Insertion::of(RecordType::Remediation, records),
        wants_metadata: wanted == Wanted::Metadata,
    };
    let rows: Vec<InsertedRemediation> = statement.load(connection).await?;
    let sent = records.iter().map(|(id, _)| *id).collect();
    check_stored(&sent, &rows.iter().map(|row| row.0).collect())?;
    let (enqueued, sets) = rows.iter().map(|row| (row.3, row.4)).next().unwrap_or_default();
    let size = |number: i64| usize::try_from(number).unwrap_or_default();
    check_count("outbox rows", records.len() * size(sets), size(enqueued))?;
    Ok(rows.into_iter().map(|(id, duration, metadata, ..)| (id, duration, metadata)).collect())
}

/// Whether what was sent is what has become rows. Something of the database's own, as a trigger, may have kept a record out
/// without an error; it must not be acknowledged.
fn check_stored(sent: &BTreeSet<i64>, stored: &BTreeSet<i64>) -> QueryResult<()> {
    if sent == stored {
        return Ok(());
    }
    let lacking: Vec<_> = sent.difference(stored).take(3).collect();
    let words =
        format!("{} records were sent and {} were stored; {lacking:?} were not", sent.len(), stored.len());
    Err(Error::DeserializationError(words.into()))
}

fn check_count(what: &str, sent: usize, stored: usize) -> QueryResult<()> {
    if sent == stored {
        return Ok(());
    }
    Err(Error::DeserializationError(format!("{sent} {what} were sent and {stored} were stored").into()))
}

/// Inserts analyses.
pub(super) async fn ai_analyses(
    connection: &mut AsyncPgConnection,
    records: &[Numbered<'_, NewAiAnalysis>],
) -> QueryResult<()> {
    let statement = InsertAiAnalyses { insertion: Insertion::of(RecordType::AiAnalysis, records) };
    check_count("rows", records.len(), statement.execute(connection).await?)
}

/// Inserts workflow runs.
pub(super) async fn workflows(
    connection: &mut AsyncPgConnection,
    records: &[Numbered<'_, NewWorkflow>],
) -> QueryResult<()> {
    let statement = InsertWorkflows { insertion: Insertion::of(RecordType::Workflow, records) };
    check_count("rows", records.len(), statement.execute(connection).await?)
}

/// Inserts executions.
pub(super) async fn executions(
    connection: &mut AsyncPgConnection,
    records: &[Numbered<'_, NewExecution>],
) -> QueryResult<()> {
    let statement = InsertExecutions { insertion: Insertion::of(RecordType::Execution, records) };
    check_count("rows", records.len(), statement.execute(connection).await?)
}
