//! One transaction for a group of records.

use std::collections::{HashMap, HashSet};

use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use storage_models::{
    Month, NewAiAnalysis, NewExecution, NewRecord, NewRemediation, NewWorkflow, Record, RecordType, Timestamp,
};

use super::WriteError;
use super::columns::Numbered;
use super::commit_outcome::{CommitProbe, CommitTrace};
use super::draw::{Drawn, draw, orphans};
use super::insert::{self, StoredRemediation, Wanted};
use super::stored::as_stored;
use super::transaction::Work;
use crate::idempotency::{IdempotencyKey, KeyState, KeyStates, Keyed, Reply, Written, keep};

/// A record of a group, with its request's key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item<'a> {
    pub(crate) record: &'a NewRecord,
    pub(crate) keyed: Option<&'a Keyed<Record>>,
}

/// One outcome for each record of the group, in the group's order.
pub(crate) type Outcomes = Vec<Result<Written<Record>, WriteError>>;

/// Writes all records in one transaction, except those that their keys or their parents keep out of it.
#[derive(Debug)]
pub(crate) struct GroupWork<'a>(pub(crate) Vec<Item<'a>>);

impl Work for GroupWork<'_> {
    const NAME: &'static str = "write a group";

    type Output = Outcomes;

    async fn run(&self, connection: &mut AsyncPgConnection) -> QueryResult<(Option<CommitProbe>, Outcomes)> {
        let keys: Vec<&IdempotencyKey> =
            self.0.iter().filter_map(|item| item.keyed).map(|keyed| &keyed.key).collect();
        let states = KeyStates::take(connection, &keys).await?;
        let plans = plans(&self.0, &states);
        let mut written = self.0.clone();
        let mut is_written = plans.iter().map(|plan| matches!(plan, ItemPlan::Write));
        written.retain(|_| is_written.next().unwrap_or_default());
        if written.is_empty() {
            return Ok((None, join_outcomes(&self.0, plans, Vec::new())));
        }
        let records: Vec<&NewRecord> = written.iter().map(|item| item.record).collect();
        let orphans = orphans(connection, &records).await?;
        let inserted = insert_records(connection, &records, &orphans).await?;
        keep(connection, &answers(&written, &inserted.outcomes)).await?;
        Ok((inserted.probe, join_outcomes(&self.0, plans, inserted.outcomes)))
    }

    fn months(&self) -> Vec<(RecordType, Timestamp)> {
        self.0.iter().map(|item| (item.record.record_type(), item.record.partition_time())).collect()
    }

    fn is_in_flight(&self, outcomes: &Outcomes) -> bool {
        outcomes.iter().all(|outcome| matches!(outcome, Err(WriteError::KeyInFlight)))
    }

    fn enqueued(&self, outcomes: &Outcomes) -> usize {
        let is_enqueued = |(item, outcome): &(&Item<'_>, &Result<Written<Record>, WriteError>)| {
            matches!(outcome, Ok(Written::Now(_))) && item.record.record_type() == RecordType::Remediation
        };
        self.0.iter().zip(outcomes).filter(is_enqueued).count()
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

/// What the transaction does with a record of the group.
enum ItemPlan {
    /// It is inserted.
    Write,
    /// Its outcome is known from its key.
    Settled(Box<Result<Written<Record>, WriteError>>),
    /// It shares its key with an earlier record of the group, at this place.
    DuplicateOf(usize),
}

fn plans(items: &[Item<'_>], states: &KeyStates) -> Vec<ItemPlan> {
    let settled = |outcome| ItemPlan::Settled(Box::new(outcome));
    let mut first = HashMap::new();
    let mut plan = |(place, item): (usize, &Item<'_>)| {
        let Some(keyed) = item.keyed else { return ItemPlan::Write };
        match states.of(&keyed.key) {
            KeyState::Free => match *first.entry(keyed.key.identity.clone()).or_insert(place) {
                leader if leader == place => ItemPlan::Write,
                leader => ItemPlan::DuplicateOf(leader),
            },
            KeyState::InFlight => settled(Err(WriteError::KeyInFlight)),
            KeyState::Replay(reply) => settled(Ok(Written::Before(reply))),
            KeyState::Reused => settled(Err(WriteError::KeyReused)),
        }
    };
    items.iter().enumerate().map(&mut plan).collect()
}

/// The answers to keep: the answers of inserted records that have a key.
fn answers<'a>(
    items: &[Item<'a>],
    outcomes: &[Result<Record, WriteError>],
) -> Vec<(&'a IdempotencyKey, Reply)> {
    let answer = |(item, outcome): (&Item<'a>, &Result<Record, WriteError>)| {
        let (keyed, record) = item.keyed.zip(outcome.as_ref().ok())?;
        Some((&keyed.key, (keyed.render)(record)))
    };
    items.iter().zip(outcomes).filter_map(answer).collect()
}

/// Joins the outcomes of inserted records, in their order, with the outcomes of the others.
fn join_outcomes(
    items: &[Item<'_>],
    plans: Vec<ItemPlan>,
    inserted: Vec<Result<Record, WriteError>>,
) -> Outcomes {
    let mut inserted = inserted.into_iter();
    let mut outcomes: Outcomes = Vec::with_capacity(items.len());
    for (item, plan) in items.iter().zip(plans) {
        let outcome = match plan {
            ItemPlan::Write => inserted.next().unwrap_or(Err(WriteError::Unavailable)).map(Written::Now),
            ItemPlan::Settled(outcome) => *outcome,
            ItemPlan::DuplicateOf(leader) => duplicate_outcome(item, items.get(leader), outcomes.get(leader)),
        };
        outcomes.push(outcome);
    }
    outcomes
}

/// The outcome of a request that shares the key of an earlier one in its group.
fn duplicate_outcome(
    item: &Item<'_>,
    leader: Option<&Item<'_>>,
    outcome: Option<&Result<Written<Record>, WriteError>>,
) -> Result<Written<Record>, WriteError> {
    let keys = item.keyed.zip(leader.and_then(|leader| leader.keyed));
    let is_same = keys.is_some_and(|(mine, first)| mine.key.hash == first.key.hash);
    match (outcome, keys) {
        (Some(Ok(Written::Now(record))), Some((_, first))) if is_same => {
            Ok(Written::Before((first.render)(record)))
        }
        (Some(Ok(_)), _) => Err(WriteError::KeyReused),
        (Some(Err(error)), _) if is_same => Err(error.clone()),
        // The first was refused, so the key is free again, but only in another transaction.
        _ => Err(WriteError::KeyInFlight),
    }
}

/// The result of an insertion.
pub(super) struct Inserted<T> {
    /// Of a record that was inserted, if any was.
    pub(super) probe: Option<CommitProbe>,
    /// One for each record, in their order.
    pub(super) outcomes: Vec<Result<T, WriteError>>,
}

/// Inserts the records with their outbox rows, all but those whose remediation is missing.
pub(super) async fn insert_records(
    connection: &mut AsyncPgConnection,
    records: &[&NewRecord],
    orphans: &HashSet<i64>,
) -> QueryResult<Inserted<Record>> {
    let drawn = draw(connection, records).await?;
    let group = Group::number(records, &drawn.numbers, orphans);
    let stored = group.insert(connection, Wanted::Metadata).await?;
    Ok(Inserted { probe: group.probe(&drawn), outcomes: group.outcomes(records, drawn.time, stored)? })
}

/// The same for records whose ids are all that is asked for. Their metadata, which may have become large, stays where it is.
pub(super) async fn insert_for_ids(
    connection: &mut AsyncPgConnection,
    records: &[&NewRecord],
) -> QueryResult<Inserted<i64>> {
    let drawn = draw(connection, records).await?;
    let group = Group::number(records, &drawn.numbers, &HashSet::new());
    group.insert(connection, Wanted::Nothing).await?;
    let ids = group.ids.iter().map(|id| id.ok_or(WriteError::Unavailable));
    Ok(Inserted { probe: group.probe(&drawn), outcomes: ids.collect() })
}

/// The group's records by type, each with its id; and for each record of the group its id, or none for an orphan.
#[derive(Default)]
struct Group<'a> {
    remediations: Vec<Numbered<'a, NewRemediation>>,
    ai_analyses: Vec<Numbered<'a, NewAiAnalysis>>,
    workflows: Vec<Numbered<'a, NewWorkflow>>,
    executions: Vec<Numbered<'a, NewExecution>>,
    ids: Vec<Option<i64>>,
}

impl<'a> Group<'a> {
    fn number(
        records: &[&'a NewRecord],
        numbers: &HashMap<RecordType, Vec<i64>>,
        orphans: &HashSet<i64>,
    ) -> Self {
        let mut numbers: HashMap<_, _> = numbers.iter().map(|(of, it)| (*of, it.iter().copied())).collect();
        let mut group = Self::default();
        for record in records {
            let is_orphan = record.parent().is_some_and(|parent| orphans.contains(&parent));
            let number = numbers.get_mut(&record.record_type()).and_then(Iterator::next);
            let id =
                number.filter(|_| !is_orphan).map(|number| Month::of(record.partition_time()).id(number));
            group.ids.push(id);
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

    fn probe(&self, drawn: &Drawn) -> Option<CommitProbe> {
        self.any_record().map(|(record_type, id)| CommitProbe {
            transaction: drawn.transaction.clone(),
            trace: CommitTrace::Record(record_type, id, drawn.time),
        })
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
        wanted: Wanted,
    ) -> QueryResult<HashMap<i64, StoredRemediation>> {
        let mut stored = Vec::new();
        if !self.remediations.is_empty() {
            stored = insert::remediations(connection, &self.remediations, wanted).await?;
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
    ) -> QueryResult<Vec<Result<Record, WriteError>>> {
        let outcome = |(record, id): (&&NewRecord, &Option<i64>)| match id {
            Some(id) => as_stored(record, *id, time, stored.remove(id)).map(Ok),
            None => Ok(Err(WriteError::ParentNotFound(record.parent().unwrap_or_default()))),
        };
        records.iter().zip(&self.ids).map(outcome).collect()
    }
}
