//! One transaction for an update: the record's new version, if the record is still as its reader saw it, and its
//! outbox row.

use diesel::QueryResult;
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::Pg;
use diesel::sql_types::{BigInt, Bool, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_models::{Record, RecordType, RecordUpdate, Remediation, Timestamp, Workflow};
use storage_postgres::statement;

use super::WriteError;
use super::batch::settled;
use super::columns::Changes;
use super::commit_outcome::{CommitProbe, CommitTrace};
use super::transaction::Work;
use crate::built_statement::built_statement;
use crate::idempotency::{Keyed, Written, keep};

built_statement! {
    /// Updates a remediation that still has the version, and enqueues its new version for each set that serves or is being
    /// built: with lease, stage, attempts and
    /// parking cleared, so that nothing that was begun for the old version is taken for the new one.
    UpdateRemediation<'a> -> (SqlTypeOf<AsSelect<Remediation, Pg>>, Bool) {
        "WITH updated AS (UPDATE remediation_audit SET ", changes: Changes<'a>;
        " WHERE id = ", id: i64 => BigInt;
        " AND start_time = ", start_time: Timestamp => Timestamptz;
        " AND updated_at = ", version: Timestamp => Timestamptz;
        " RETURNING *), \
         fed AS (SELECT id AS set_id, state FROM embedding_set WHERE state <> 'retired'), \
         enqueued AS (INSERT INTO vector_outbox (set_id, record_id, start_time, version) \
            SELECT set_id, id, start_time, updated_at FROM updated CROSS JOIN fed WHERE updated_at <> ", old: Timestamp => Timestamptz;
        " ON CONFLICT (set_id, record_id) DO UPDATE SET start_time = excluded.start_time, version = excluded.version, \
            enqueued_at = now(), attempts = 0, next_attempt_at = now(), lease_owner = NULL, lease_until = NULL, \
            last_error = NULL, parked_at = NULL, stage = 0 RETURNING set_id) \
         SELECT ";
        RecordType::Remediation.columns();
        ", EXISTS (SELECT FROM enqueued JOIN fed USING (set_id) WHERE state = 'active') \
            OR EXISTS (SELECT FROM vector_outbox JOIN fed USING (set_id) \
                       WHERE state = 'active' AND record_id = updated.id) \
         FROM updated";
    }
}

built_statement! {
    /// Updates a workflow run that still has the version.
    UpdateWorkflow<'a> -> SqlTypeOf<AsSelect<Workflow, Pg>> {
        "UPDATE workflow_audit SET ", changes: Changes<'a>;
        " WHERE id = ", id: i64 => BigInt;
        " AND start_time = ", start_time: Timestamp => Timestamptz;
        " AND updated_at = ", version: Timestamp => Timestamptz;
        " RETURNING ";
        RecordType::Workflow.columns();
    }
}

statement! {
    /// The transaction's id and time.
    Now("writer/transaction.sql") -> (Text, Timestamptz) {}
}

/// A record after an update.
#[derive(Debug, Clone, PartialEq)]
pub struct Updated {
    /// The record as it is stored.
    pub record: Record,
    /// Whether this version still has to reach the vector index.
    pub is_pending: bool,
}

/// An update of a record that was read.
#[derive(Debug)]
pub(super) struct UpdateWork {
    id: i64,
    start_time: Timestamp,
    version: Timestamp,
    update: RecordUpdate,
    keyed: Option<Keyed<Updated>>,
}

impl UpdateWork {
    /// `None` when the update is for another type of record.
    pub(super) fn new(current: &Record, update: RecordUpdate, keyed: Option<Keyed<Updated>>) -> Option<Self> {
        let (id, start_time, version) = match (current, &update) {
            (Record::Remediation(it), RecordUpdate::Remediation(_)) => (it.id, it.start_time, it.updated_at),
            (Record::Workflow(it), RecordUpdate::Workflow(_)) => (it.id, it.start_time, it.updated_at),
            _ => return None,
        };
        Some(Self { id, start_time, version, update, keyed })
    }

    async fn apply(&self, connection: &mut AsyncPgConnection) -> QueryResult<Option<Updated>> {
        match &self.update {
            RecordUpdate::Remediation(_) => self.remediation(connection).await,
            RecordUpdate::Workflow(_) => self.workflow(connection).await,
        }
    }

    async fn remediation(&self, connection: &mut AsyncPgConnection) -> QueryResult<Option<Updated>> {
        let statement = UpdateRemediation {
            changes: Changes::of(&self.update),
            id: self.id,
            start_time: self.start_time,
            version: self.version,
            old: self.version,
        };
        let rows: Vec<(Remediation, bool)> = statement.load(connection).await?;
        let updated = |(record, is_pending)| Updated { record: Record::Remediation(record), is_pending };
        Ok(rows.into_iter().next().map(updated))
    }

    async fn workflow(&self, connection: &mut AsyncPgConnection) -> QueryResult<Option<Updated>> {
        let statement = UpdateWorkflow {
            changes: Changes::of(&self.update),
            id: self.id,
            start_time: self.start_time,
            version: self.version,
        };
        let rows: Vec<Workflow> = statement.load(connection).await?;
        let updated = |record| Updated { record: Record::Workflow(record), is_pending: false };
        Ok(rows.into_iter().next().map(updated))
    }

    /// The row that shows later that this transaction has committed; `None` if it changed nothing.
    fn trace(&self, updated: &Updated, time: Timestamp) -> Option<CommitTrace> {
        if let Some(keyed) = &self.keyed {
            return Some(CommitTrace::Answer(keyed.key.clone(), time));
        }
        let version = Timestamp::from_micros(updated.record.version())?;
        (version != self.version)
            .then(|| CommitTrace::Version(updated.record.record_type(), self.id, version))
    }
}

impl Work for UpdateWork {
    const NAME: &'static str = "update a record";

    type Output = Result<Written<Updated>, WriteError>;

    async fn run(
        &self,
        connection: &mut AsyncPgConnection,
    ) -> QueryResult<(Option<CommitProbe>, Self::Output)> {
        if let Some(settled) = settled(connection, self.keyed.as_ref()).await? {
            return Ok((None, settled));
        }
        let Some(updated) = self.apply(connection).await? else {
            return Ok((None, Err(WriteError::Stale)));
        };
        let (transaction, time): (String, Timestamp) = Now {}.get_result(connection).await?;
        if let Some(keyed) = &self.keyed {
            keep(connection, &[(&keyed.key, (keyed.render)(&updated))]).await?;
        }
        let probe = self.trace(&updated, time).map(|trace| CommitProbe { transaction, trace });
        Ok((probe, Ok(Written::Now(updated))))
    }

    fn months(&self) -> Vec<(RecordType, Timestamp)> {
        Vec::new()
    }

    fn is_in_flight(&self, output: &Self::Output) -> bool {
        matches!(output, Err(WriteError::KeyInFlight))
    }

    fn enqueued(&self, output: &Self::Output) -> usize {
        usize::from(matches!(output, Ok(Written::Now(updated)) if updated.is_pending))
    }

    fn len(&self) -> usize {
        1
    }
}
