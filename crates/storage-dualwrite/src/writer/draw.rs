//! The start of a transaction: its identity, ids for its records, and which of their parents are missing.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use diesel::QueryResult;
use diesel::sql_types::{Array, BigInt, Integer, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_models::{Month, NewRecord, RecordType, Timestamp};
use storage_postgres::statement;

statement! {
    /// The transaction's id and time, and a number for the id of each of its records. Drawn first, so that rows are matched to
    /// records by id and never by the order in which they come back.
    ///
    /// Planned once: an array of unknown length is taken to be short. `generate_series` is taken to be long, and
    /// PostgreSQL would plan for each number anew, which takes thrice the time of the statement.
    Draw("writer/draw.sql") -> (Text, Timestamptz, Array<BigInt>, Array<BigInt>, Array<BigInt>, Array<BigInt>) {
        remediations: i32 => Integer,
        ai_analyses: i32 => Integer,
        workflows: i32 => Integer,
        executions: i32 => Integer,
    }
}

statement! {
    /// Which of these remediations of one month do not exist: one statement for all of them, which reads that month alone.
    ///
    /// A subquery for each, which PostgreSQL cannot make a join of: it would take a month for a few rows where its bounds
    /// are not known, and read all of the month for each group. docs/decisions/ids.md has the figures.
    MissingParents("writer/missing_parents.sql") -> BigInt {
        ids: Vec<i64> => Array<BigInt>,
        begin: Timestamp => Timestamptz,
        end: Timestamp => Timestamptz,
    }
}

/// The identity, the time and the numbers of a transaction.
pub(super) struct Drawn {
    pub(super) transaction: String,
    pub(super) time: Timestamp,
    /// By type, a number for the id of each record of it ([`Month::id`](storage_models::Month::id)).
    pub(super) numbers: HashMap<RecordType, Vec<i64>>,
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
    let numbers = HashMap::from([
        (RecordType::Remediation, remediations),
        (RecordType::AiAnalysis, ai_analyses),
        (RecordType::Workflow, workflows),
        (RecordType::Execution, executions),
    ]);
    Ok(Drawn { transaction, time, numbers })
}

/// The remediations that records of the group name and that do not exist.
pub(super) async fn orphans(
    connection: &mut AsyncPgConnection,
    records: &[&NewRecord],
) -> QueryResult<HashSet<i64>> {
    let mut of_months: BTreeMap<Month, BTreeSet<i64>> = BTreeMap::new();
    for id in records.iter().filter_map(|record| record.parent()) {
        of_months.entry(Month::of_id(id)).or_default().insert(id);
    }
    let mut orphans = HashSet::new();
    for (month, ids) in of_months {
        let ids = ids.into_iter().collect();
        let missing = MissingParents { ids, begin: month.begin(), end: month.end() };
        orphans.extend(missing.load::<i64>(connection).await?);
    }
    Ok(orphans)
}
