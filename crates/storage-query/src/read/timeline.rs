//! A remediation with everything that belongs to it.

use diesel::deserialize::{self, QueryableByName};
use diesel::pg::Pg;
use diesel::row::{NamedRow, Row};
use diesel::sql_types::{BigInt, Nullable};
use diesel_async::AsyncPgConnection;
use serde::Serialize;
use storage_models::{AiAnalysis, Execution, Month, Record, Remediation, Timestamp, Workflow};

use super::by_id::in_month;
use crate::record::sealed::Shape as _;
use crate::sql::{Bind, BoundSql, Bounded, Sql, Statement};
use crate::{AuditRecord, QueryError};

/// The most analyses, workflows and executions of one timeline, together.
pub const MAX_EVENTS: usize = 1_000;

/// A remediation with its analyses, workflows and executions.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Timeline {
    /// The remediation itself.
    pub remediation: Remediation,
    /// What belongs to it, in the order of time; at the same instant analyses, workflows, executions, each
    /// by id. The earliest: at most [`MAX_EVENTS`], and about [`MAX_ANSWER_BYTES`](crate::MAX_ANSWER_BYTES) together.
    pub events: Vec<Record>,
    /// Whether later events were left out.
    pub is_truncated: bool,
}

/// A remediation and what belongs to it, if there is one; read by one statement, hence one snapshot.
#[derive(Debug, Clone, Copy)]
pub struct TimelineQuery {
    remediation_id: i64,
}

impl TimelineQuery {
    /// The timeline of the remediation with this id.
    #[must_use]
    pub const fn new(remediation_id: i64) -> Self {
        Self { remediation_id }
    }

    /// The statement, for a service with another driver: the columns of a remediation, an analysis, a workflow and an
    /// execution beside each other behind the row's number; null where a kind has fewer records.
    #[must_use]
    pub fn to_sql(&self) -> BoundSql {
        sql(self.remediation_id).into_bound()
    }

    /// Runs it.
    ///
    /// # Errors
    /// [`QueryError::Database`].
    pub async fn run(&self, conn: &mut AsyncPgConnection) -> Result<Option<Timeline>, QueryError> {
        let statement = Statement::<Line>::new(sql(self.remediation_id));
        Ok(assembled(statement.load_within_bound(conn, "read a timeline").await?))
    }
}

/// The `n`th record of each kind, side by side.
pub(super) struct Line {
    pub(super) remediation: Option<Remediation>,
    pub(super) events: [Option<Record>; 3],
}

pub(super) fn assembled(lines: Bounded<Line>) -> Option<Timeline> {
    let until = lines.rows.last().filter(|_| lines.is_cut).and_then(known_until);
    let mut remediation = None;
    let mut events = Vec::new();
    for line in lines.rows {
        remediation = remediation.or(line.remediation);
        events.extend((0_u8..).zip(line.events).filter_map(|(kind, event)| Some((kind, event?))));
    }
    events.retain(|(_, event)| until.is_none_or(|until| time_of(event) <= until));
    events.sort_by_key(|(kind, event)| (time_of(event), *kind, event.id()));
    let is_truncated = lines.is_cut || events.len() > MAX_EVENTS;
    events.truncate(MAX_EVENTS);
    let events = events.into_iter().map(|(_, event)| event).collect();
    remediation.map(|remediation| Timeline { remediation, events, is_truncated })
}

/// The time up to which the events in the lines so far are complete: a kind with an event in the last line may have
/// later events.
fn known_until(last: &Line) -> Option<Timestamp> {
    last.events.iter().flatten().map(time_of).min()
}

const fn time_of(record: &Record) -> Timestamp {
    match record {
        Record::Remediation(record) => record.start_time,
        Record::AiAnalysis(record) => record.timestamp,
        Record::Workflow(record) => record.start_time,
        Record::Execution(record) => record.start_time,
    }
}

impl QueryableByName<Pg> for Line {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        // The number that joins them comes first.
        let mut at = 1;
        Ok(Self {
            remediation: next(row, &mut at)?,
            events: [
                next(row, &mut at)?.map(Record::AiAnalysis),
                next(row, &mut at)?.map(Record::Workflow),
                next(row, &mut at)?.map(Record::Execution),
            ],
        })
    }
}

/// The record whose columns begin at `at`, which moves behind them; none when its id is null.
fn next<'a, R: AuditRecord>(row: &impl Row<'a, Pg>, at: &mut usize) -> deserialize::Result<Option<R>> {
    let end = *at + R::COLUMNS.split(", ").count();
    let part = row.partial_row(*at..end);
    *at = end;
    let id: Option<i64> = part.get_value::<Nullable<BigInt>, _, _>(0)?;
    id.map(|_| R::build_from_row(&part)).transpose()
}

/// The records of each kind are numbered and laid side by side, so that one statement gives rows of four
/// tables, each read through its index and no further than the bound. What belongs to a remediation may be of any month.
fn sql(remediation_id: i64) -> Sql {
    let mut sql = Sql::new("SELECT * FROM ");
    let month = in_month(Remediation::TIME, Month::of_id(remediation_id));
    sql.append(numbered::<Remediation>("id", remediation_id, month))
        .text(" AS remediation FULL JOIN ")
        .append(numbered::<AiAnalysis>("remediation_id", remediation_id, Sql::default()))
        .text(" AS analysis USING (n) FULL JOIN ")
        .append(numbered::<Workflow>("remediation_id", remediation_id, Sql::default()))
        .text(" AS workflow USING (n) FULL JOIN ")
        .append(numbered::<Execution>("remediation_id", remediation_id, Sql::default()))
        .text(" AS execution USING (n) ORDER BY n");
    sql
}

fn numbered<R: AuditRecord>(column: &'static str, id: i64, also: Sql) -> Sql {
    let limit = i64::try_from(MAX_EVENTS + 1).unwrap_or(i64::MAX);
    let mut sql = Sql::new("(SELECT row_number() OVER (ORDER BY ");
    sql.text(R::TIME).text(", id) AS n, ").text(R::COLUMNS).text(" FROM ").text(R::TABLE).text(" WHERE ");
    sql.text(column).text(" = ").bind(Bind::BigInt(id)).append(also).text(" ORDER BY ").text(R::TIME);
    sql.text(", id LIMIT ").bind(Bind::BigInt(limit)).text(")");
    sql
}
