//! What a transaction starts with: its identity, ids for its records, and which of their parents are missing.

use std::collections::{HashMap, HashSet};

use diesel::QueryResult;
use diesel::sql_types::{Array, BigInt, Integer, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_models::{NewRecord, RecordType, Timestamp};

use crate::fixed_statement::fixed_statement;

fixed_statement! {
    /// The transaction's id and time, and an id for each of its records. Drawn first, so that rows are matched to
    /// records by id and never by the order in which they come back.
    ///
    /// Planned once: an array of unknown length is taken to be short. `generate_series` is taken to be long, and
    /// PostgreSQL would plan for each number anew, which takes thrice the time of the statement.
    Draw -> (Text, Timestamptz, Array<BigInt>, Array<BigInt>, Array<BigInt>, Array<BigInt>) {
        "SELECT pg_current_xact_id()::text, now(), \
            ARRAY(SELECT nextval('remediation_audit_id_seq') FROM UNNEST(array_fill(0, ARRAY[",
            remediations: i32 => Integer;
        "]))), ARRAY(SELECT nextval('ai_analysis_audit_id_seq') FROM UNNEST(array_fill(0, ARRAY[",
            ai_analyses: i32 => Integer;
        "]))), ARRAY(SELECT nextval('workflow_audit_id_seq') FROM UNNEST(array_fill(0, ARRAY[",
            workflows: i32 => Integer;
        "]))), ARRAY(SELECT nextval('execution_audit_id_seq') FROM UNNEST(array_fill(0, ARRAY[",
            executions: i32 => Integer;
        "])))";
    }
}

fixed_statement! {
    /// Which of these remediations do not exist: one anti-join for the whole group.
    MissingParents -> BigInt {
        "SELECT id FROM UNNEST(", ids: Vec<i64> => Array<BigInt>;
        ") AS wanted (id) WHERE NOT EXISTS (SELECT FROM remediation_audit r WHERE r.id = wanted.id)";
    }
}

/// What a transaction begins with.
pub(super) struct Drawn {
    pub(super) transaction: String,
    pub(super) time: Timestamp,
    pub(super) ids: HashMap<RecordType, Vec<i64>>,
}

/// Draws for the records, by type.
pub(super) async fn draw(connection: &mut AsyncPgConnection, records: &[&NewRecord]) -> QueryResult<Drawn> {
    let count = |wanted| {
        let count = records.iter().filter(|record| record.record_type() == wanted).count();
        i32::try_from(count).unwrap_or(i32::MAX)
    };
    type Row = (String, Timestamp, Vec<i64>, Vec<i64>, Vec<i64>, Vec<i64>);
    let draw = Draw {
        remediations: count(RecordType::Remediation),
        ai_analyses: count(RecordType::AiAnalysis),
        workflows: count(RecordType::Workflow),
        executions: count(RecordType::Execution),
    };
    let (transaction, time, remediations, ai_analyses, workflows, executions): Row =
        draw.get_result(connection).await?;
    let ids = HashMap::from([
        (RecordType::Remediation, remediations),
        (RecordType::AiAnalysis, ai_analyses),
        (RecordType::Workflow, workflows),
        (RecordType::Execution, executions),
    ]);
    Ok(Drawn { transaction, time, ids })
}

/// The remediations that records of the group name and that do not exist.
pub(super) async fn orphans(
    connection: &mut AsyncPgConnection,
    records: &[&NewRecord],
) -> QueryResult<HashSet<i64>> {
    let mut ids: Vec<i64> = records.iter().filter_map(|record| record.parent()).collect();
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    ids.sort_unstable();
    ids.dedup();
    let missing: Vec<i64> = MissingParents { ids }.load(connection).await?;
    Ok(missing.into_iter().collect())
}
