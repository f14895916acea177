//! One transaction for a group of records.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use diesel::QueryResult;
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, TransactionManager};
use storage_models::{
    DatabaseFault, NewAiAnalysis, NewExecution, NewRecord, NewRemediation, NewWorkflow, Record, RecordType,
    Timestamp,
};

use super::WriteError;
use super::draw::{draw, orphans};
use super::insert::{self, Numbered, StoredRemediation};
use super::stored::as_stored;

/// What identifies a transaction whose COMMIT may or may not have happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// As `pg_current_xact_id` gave it.
    pub(super) transaction: String,
    /// The transaction's time, which is `created_at` of each of its records.
    pub(super) time: Timestamp,
    /// One of its records.
    pub(super) record_type: RecordType,
    /// That record's id.
    pub(super) id: i64,
}

/// Why a group was not written.
#[derive(Debug)]
pub(crate) enum GroupError {
    /// Before COMMIT was sent: nothing is stored.
    Before {
        /// What the error means.
        fault: DatabaseFault,
        /// The database's sentence, for the log.
        message: String,
    },
    /// COMMIT was sent and its answer is not a success: the outcome is open, and would be this.
    AtCommit(Mark, Outcomes),
}

/// One outcome for each record of the group, in the group's order.
pub(crate) type Outcomes = Vec<Result<Record, WriteError>>;

/// Writes all records in one transaction. Records whose remediation does not exist are left out of it.
pub(crate) async fn write(
    connection: &mut AsyncPgConnection,
    records: &[&NewRecord],
    step_timeout: Duration,
) -> Result<Outcomes, GroupError> {
    let prepared = tokio::time::timeout(step_timeout, insert_all(connection, records)).await;
    let (mark, outcomes) = match prepared {
        Ok(Ok(prepared)) => prepared,
        Ok(Err(error)) => return Err(before(&error)),
        Err(_) => {
            let message = "the server did not answer in time".to_owned();
            return Err(GroupError::Before { fault: DatabaseFault::ConnectionLost, message });
        }
    };
    match tokio::time::timeout(step_timeout, AnsiTransactionManager::commit_transaction(connection)).await {
        Ok(Ok(())) => Ok(outcomes),
        _ => match mark {
            Some(mark) => Err(GroupError::AtCommit(mark, outcomes)),
            None => Ok(outcomes),
        },
    }
}

/// Leaves no transaction open on a connection that goes on being used.
pub(super) async fn roll_back(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    AnsiTransactionManager::rollback_transaction(connection).await
}

fn before(error: &diesel::result::Error) -> GroupError {
    GroupError::Before { fault: DatabaseFault::of(error), message: error.to_string() }
}

/// Everything up to COMMIT. The mark is that of a record that was inserted, if any was.
async fn insert_all(
    connection: &mut AsyncPgConnection,
    records: &[&NewRecord],
) -> QueryResult<(Option<Mark>, Outcomes)> {
    AnsiTransactionManager::begin_transaction(connection).await?;
    let drawn = draw(connection, records).await?;
    let orphans = orphans(connection, records).await?;
    let group = Group::number(records, drawn.ids, &orphans);
    let stored = group.insert(connection).await?;
    let mark = group.any_record().map(|(record_type, id)| Mark {
        transaction: drawn.transaction,
        time: drawn.time,
        record_type,
        id,
    });
    Ok((mark, group.outcomes(records, drawn.time, stored)))
}

/// The group's records by type, each with its id; and for each record of the group its id, or none for an orphan.
#[derive(Default)]
struct Group<'a> {
    remediations: Vec<Numbered<'a, NewRemediation>>,
    ai_analyses: Vec<Numbered<'a, NewAiAnalysis>>,
    workflows: Vec<Numbered<'a, NewWorkflow>>,
    executions: Vec<Numbered<'a, NewExecution>>,
    numbers: Vec<Option<i64>>,
}

impl<'a> Group<'a> {
    fn number(records: &[&'a NewRecord], ids: HashMap<RecordType, Vec<i64>>, orphans: &HashSet<i64>) -> Self {
        let mut ids: HashMap<_, _> = ids.into_iter().map(|(kind, ids)| (kind, ids.into_iter())).collect();
        let mut group = Self::default();
        for record in records {
            let is_orphan = record.parent().is_some_and(|parent| orphans.contains(&parent));
            let id = ids.get_mut(&record.record_type()).and_then(Iterator::next).filter(|_| !is_orphan);
            group.numbers.push(id);
            if let Some(id) = id {
                group.push(id, record);
            }
        }
        group
    }

    fn push(&mut self, id: i64, record: &'a NewRecord) {
        match record {
            NewRecord::Remediation(record) => self.remediations.push((id, record)),
            NewRecord::AiAnalysis(record) => self.ai_analyses.push((id, record)),
            NewRecord::Workflow(record) => self.workflows.push((id, record)),
            NewRecord::Execution(record) => self.executions.push((id, record)),
        }
    }

    fn any_record(&self) -> Option<(RecordType, i64)> {
        let remediation = self.remediations.first().map(|(id, _)| (RecordType::Remediation, *id));
        let analysis = self.ai_analyses.first().map(|(id, _)| (RecordType::AiAnalysis, *id));
        let workflow = self.workflows.first().map(|(id, _)| (RecordType::Workflow, *id));
        let execution = self.executions.first().map(|(id, _)| (RecordType::Execution, *id));
        remediation.or(analysis).or(workflow).or(execution)
    }

    /// Always in this order: parents, children. Returns what the database made of each remediation.
    async fn insert(
        &self,
        connection: &mut AsyncPgConnection,
    ) -> QueryResult<HashMap<i64, StoredRemediation>> {
        let mut stored = Vec::new();
        if !self.remediations.is_empty() {
            stored = insert::remediations(connection, &self.remediations).await?;
        }
        if !self.ai_analyses.is_empty() {
            insert::ai_analyses(connection, &self.ai_analyses).await?;
        }
        if !self.workflows.is_empty() {
            insert::workflows(connection, &self.workflows).await?;
        }
        if !self.executions.is_empty() {
            insert::executions(connection, &self.executions).await?;
        }
        Ok(stored.into_iter().map(|row| (row.0, row)).collect())
    }

    fn outcomes(
        &self,
        records: &[&NewRecord],
        time: Timestamp,
        mut stored: HashMap<i64, StoredRemediation>,
    ) -> Outcomes {
        let outcome = |(record, id): (&&NewRecord, &Option<i64>)| match id {
            Some(id) => Ok(as_stored(record, *id, time, stored.remove(id))),
            None => Err(WriteError::ParentNotFound(record.parent().unwrap_or_default())),
        };
        records.iter().zip(&self.numbers).map(outcome).collect()
    }
}
