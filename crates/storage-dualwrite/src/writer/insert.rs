//! The four multi-row inserts, as statements of fixed text over arrays.

use std::collections::BTreeSet;

use diesel::QueryResult;
use diesel::result::Error;
use diesel::sql_types::{Array, BigInt, Bool, Double, Integer, Jsonb, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_models::{
    JsonText, NewAiAnalysis, NewExecution, NewRemediation, NewWorkflow, Phase, Severity, Status, Timestamp,
    WorkflowPhase,
};

use crate::fixed_statement::fixed_statement;

/// A record with the id that was drawn for it.
pub(super) type Numbered<'a, T> = (i64, &'a T);

fixed_statement! {
    /// Inserts remediations, each with an outbox row for each set that serves or is being built: there is no other way in.
    /// Each row tells how many outbox rows and how many sets there are.
    InsertRemediations<'a> -> (BigInt, Nullable<BigInt>, Nullable<Jsonb>, BigInt, BigInt) {
        "WITH stored AS (INSERT INTO remediation_audit (id, name, namespace, phase, action_type, target_name, \
            status, start_time, end_time, environment, cluster, remediation_request_id, alert_name, \
            alert_fingerprint, severity, error_message, metadata) \
            SELECT * FROM UNNEST(", id: Vec<i64> => Array<BigInt>;
        ", ", name: Vec<&'a str> => Array<Text>;
        ", ", namespace: Vec<&'a str> => Array<Text>;
        ", ", phase: Vec<Phase> => Array<Text>;
        ", ", action_type: Vec<&'a str> => Array<Text>;
        ", ", target_name: Vec<Option<&'a str>> => Array<Nullable<Text>>;
        ", ", status: Vec<Status> => Array<Text>;
        ", ", start_time: Vec<Timestamp> => Array<Timestamptz>;
        ", ", end_time: Vec<Option<Timestamp>> => Array<Nullable<Timestamptz>>;
        ", ", environment: Vec<Option<&'a str>> => Array<Nullable<Text>>;
        ", ", cluster: Vec<Option<&'a str>> => Array<Nullable<Text>>;
        ", ", request: Vec<Option<&'a str>> => Array<Nullable<Text>>;
        ", ", alert_name: Vec<Option<&'a str>> => Array<Nullable<Text>>;
        ", ", fingerprint: Vec<Option<&'a str>> => Array<Nullable<Text>>;
        ", ", severity: Vec<Option<Severity>> => Array<Nullable<Text>>;
        ", ", error_message: Vec<Option<&'a str>> => Array<Nullable<Text>>;
        ", ", metadata: Vec<Option<&'a JsonText>> => Array<Nullable<Jsonb>>;
        ") RETURNING id, start_time, updated_at, duration_ms, metadata), \
         fed AS (SELECT id FROM embedding_set WHERE state <> 'retired'), \
         enqueued AS (INSERT INTO vector_outbox (set_id, record_id, start_time, version) \
            SELECT fed.id, stored.id, start_time, updated_at FROM stored CROSS JOIN fed RETURNING record_id) \
         SELECT id, duration_ms, CASE WHEN ", wants_metadata: bool => Bool;
        " THEN metadata END, (SELECT count(*) FROM enqueued), (SELECT count(*) FROM fed) FROM stored";
    }
}

fixed_statement! {
    /// Inserts analyses.
    InsertAiAnalyses<'a> -> () {
        "INSERT INTO ai_analysis_audit (id, remediation_id, analysis_type, confidence, recommendation, reasoning, \
            timestamp, model, tokens_used, latency_ms) SELECT * FROM UNNEST(", id: Vec<i64> => Array<BigInt>;
        ", ", remediation_id: Vec<i64> => Array<BigInt>;
        ", ", analysis_type: Vec<&'a str> => Array<Text>;
        ", ", confidence: Vec<f64> => Array<Double>;
        ", ", recommendation: Vec<&'a str> => Array<Text>;
        ", ", reasoning: Vec<Option<&'a str>> => Array<Nullable<Text>>;
        ", ", timestamp: Vec<Timestamp> => Array<Timestamptz>;
        ", ", model: Vec<&'a str> => Array<Text>;
        ", ", tokens_used: Vec<Option<i32>> => Array<Nullable<Integer>>;
        ", ", latency_ms: Vec<Option<i32>> => Array<Nullable<Integer>>;
        ")";
    }
}

fixed_statement! {
    /// Inserts workflow runs.
    InsertWorkflows<'a> -> () {
        "INSERT INTO workflow_audit (id, remediation_id, workflow_name, phase, status, start_time, end_time, \
            step_count, current_step) SELECT * FROM UNNEST(", id: Vec<i64> => Array<BigInt>;
        ", ", remediation_id: Vec<i64> => Array<BigInt>;
        ", ", workflow_name: Vec<&'a str> => Array<Text>;
        ", ", phase: Vec<WorkflowPhase> => Array<Text>;
        ", ", status: Vec<Status> => Array<Text>;
        ", ", start_time: Vec<Timestamp> => Array<Timestamptz>;
        ", ", end_time: Vec<Option<Timestamp>> => Array<Nullable<Timestamptz>>;
        ", ", step_count: Vec<i32> => Array<Integer>;
        ", ", current_step: Vec<i32> => Array<Integer>;
        ")";
    }
}

fixed_statement! {
    /// Inserts executions.
    InsertExecutions<'a> -> () {
        "INSERT INTO execution_audit (id, remediation_id, action_type, target_kind, target_name, namespace, status, \
            start_time, end_time, error_message, dry_run) SELECT * FROM UNNEST(", id: Vec<i64> => Array<BigInt>;
        ", ", remediation_id: Vec<i64> => Array<BigInt>;
        ", ", action_type: Vec<&'a str> => Array<Text>;
        ", ", target_kind: Vec<&'a str> => Array<Text>;
        ", ", target_name: Vec<&'a str> => Array<Text>;
        ", ", namespace: Vec<Option<&'a str>> => Array<Nullable<Text>>;
        ", ", status: Vec<Status> => Array<Text>;
        ", ", start_time: Vec<Timestamp> => Array<Timestamptz>;
        ", ", end_time: Vec<Option<Timestamp>> => Array<Nullable<Timestamptz>>;
        ", ", error_message: Vec<Option<&'a str>> => Array<Nullable<Text>>;
        ", ", dry_run: Vec<bool> => Array<Bool>;
        ")";
    }
}

/// What the database made of a remediation: id, `duration_ms`, metadata as stored.
pub(super) type StoredRemediation = (i64, Option<i64>, Option<JsonText>);

/// A row of [`InsertRemediations`].
type InsertedRemediation = (i64, Option<i64>, Option<JsonText>, i64, i64);

/// What of remediations is to come back beside their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// As stored: keys in another order, numbers spelled anew.
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
        id: column(records, |(id, _)| *id),
        name: column(records, |(_, r)| r.name.as_str()),
        namespace: column(records, |(_, r)| r.namespace.as_str()),
        phase: column(records, |(_, r)| r.phase),
        action_type: column(records, |(_, r)| r.action_type.as_str()),
        target_name: column(records, |(_, r)| r.target_name.as_deref()),
        status: column(records, |(_, r)| r.status),
        start_time: column(records, |(_, r)| r.start_time),
        end_time: column(records, |(_, r)| r.end_time),
        environment: column(records, |(_, r)| r.environment.as_deref()),
        cluster: column(records, |(_, r)| r.cluster.as_deref()),
        request: column(records, |(_, r)| r.remediation_request_id.as_deref()),
        alert_name: column(records, |(_, r)| r.alert_name.as_deref()),
        fingerprint: column(records, |(_, r)| r.alert_fingerprint.as_deref()),
        severity: column(records, |(_, r)| r.severity),
        error_message: column(records, |(_, r)| r.error_message.as_deref()),
        metadata: column(records, |(_, r)| r.metadata.as_ref()),
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
    let words = format!("of {} records sent {} were stored; not so {lacking:?}", sent.len(), stored.len());
    Err(Error::DeserializationError(words.into()))
}

fn check_count(what: &str, sent: usize, stored: usize) -> QueryResult<()> {
    if sent == stored {
        return Ok(());
    }
    Err(Error::DeserializationError(format!("of {sent} {what} {stored} were stored").into()))
}

/// Inserts analyses.
pub(super) async fn ai_analyses(
    connection: &mut AsyncPgConnection,
    records: &[Numbered<'_, NewAiAnalysis>],
) -> QueryResult<()> {
    let statement = InsertAiAnalyses {
        id: column(records, |(id, _)| *id),
        remediation_id: column(records, |(_, r)| r.remediation_id),
        analysis_type: column(records, |(_, r)| r.analysis_type.as_str()),
        confidence: column(records, |(_, r)| r.confidence),
        recommendation: column(records, |(_, r)| r.recommendation.as_str()),
        reasoning: column(records, |(_, r)| r.reasoning.as_deref()),
        timestamp: column(records, |(_, r)| r.timestamp),
        model: column(records, |(_, r)| r.model.as_str()),
        tokens_used: column(records, |(_, r)| r.tokens_used),
        latency_ms: column(records, |(_, r)| r.latency_ms),
    };
    check_count("rows", records.len(), statement.execute(connection).await?)
}

/// Inserts workflow runs.
pub(super) async fn workflows(
    connection: &mut AsyncPgConnection,
    records: &[Numbered<'_, NewWorkflow>],
) -> QueryResult<()> {
    let statement = InsertWorkflows {
        id: column(records, |(id, _)| *id),
        remediation_id: column(records, |(_, r)| r.remediation_id),
        workflow_name: column(records, |(_, r)| r.workflow_name.as_str()),
        phase: column(records, |(_, r)| r.phase),
        status: column(records, |(_, r)| r.status),
        start_time: column(records, |(_, r)| r.start_time),
        end_time: column(records, |(_, r)| r.end_time),
        step_count: column(records, |(_, r)| r.step_count),
        current_step: column(records, |(_, r)| r.current_step),
    };
    check_count("rows", records.len(), statement.execute(connection).await?)
}

/// Inserts executions.
pub(super) async fn executions(
    connection: &mut AsyncPgConnection,
    records: &[Numbered<'_, NewExecution>],
) -> QueryResult<()> {
    let statement = InsertExecutions {
        id: column(records, |(id, _)| *id),
        remediation_id: column(records, |(_, r)| r.remediation_id),
        action_type: column(records, |(_, r)| r.action_type.as_str()),
        target_kind: column(records, |(_, r)| r.target_kind.as_str()),
        target_name: column(records, |(_, r)| r.target_name.as_str()),
        namespace: column(records, |(_, r)| r.namespace.as_deref()),
        status: column(records, |(_, r)| r.status),
        start_time: column(records, |(_, r)| r.start_time),
        end_time: column(records, |(_, r)| r.end_time),
        error_message: column(records, |(_, r)| r.error_message.as_deref()),
        dry_run: column(records, |(_, r)| r.dry_run),
    };
    check_count("rows", records.len(), statement.execute(connection).await?)
}

fn column<'r, T, C>(records: &'r [T], field: impl Fn(&'r T) -> C) -> Vec<C> {
    records.iter().map(field).collect()
}
