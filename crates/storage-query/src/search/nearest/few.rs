//! Whether a filter lets so few records through that each is looked at.

use diesel::deserialize::{self, QueryableByName};
use diesel::pg::Pg;
use diesel::row::NamedRow;
use diesel::sql_types::{BigInt, Text, Timestamptz};
use diesel_async::AsyncPgConnection;
use serde::Deserialize;
use storage_models::{Month, Remediation, Timestamp};

use super::query::OPERATION;
use crate::filter::{Conditions, Range};
use crate::record::sealed::Shape as _;
use crate::sql::{Bind, Sql, Statement};
use crate::{CheckedFilter, QueryError, RemediationFilter};

/// So many are few in any case.
const ALWAYS: u32 = 100;

/// The cost of reading a record with its vector, in records read through the vector index.
const PRICE: i64 = 3;

/// How many times as many as were estimated to be few are still looked at: a filter of several columns lets more through
/// than PostgreSQL expects, which takes columns to be independent of each other.
const TOLERANCE: u32 = 4;

/// How many records are looked at one by one, at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct Few {
    most: u32,
}

impl Few {
    /// `None` if PostgreSQL estimates that more records match, or if all do.
    ///
    /// Through the vector index, a search for k of n records, of which m match, reads k × n / m records. Reading the
    /// matching records costs three times as much each, so it is cheaper if m² < k × n / 3.
    pub(super) async fn estimate(
        filter: &CheckedFilter<RemediationFilter>,
        wanted: i64,
        conn: &mut AsyncPgConnection,
    ) -> Result<Option<Self>, QueryError> {
        if Conditions::of(filter).into_sql().is_empty() {
            return Ok(None);
        }
        let months = Statement::of_text(MONTHS).load(conn, OPERATION).await?;
        let matching = matching(filter, &months, conn).await?;
        let stored = months.iter().map(|month| i64::from(month.records)).sum();
        let few = if matching <= f64::from(ALWAYS) { ALWAYS } else { few_of(wanted, stored) };
        Ok((matching <= f64::from(few)).then_some(Self { most: few.saturating_mul(TOLERANCE) }))
    }

    /// How many are read: one more than there may be shows that there are more.
    pub(super) fn read(self) -> i64 {
        i64::from(self.most) + 1
    }

    /// Whether these are all that match.
    pub(super) fn holds(self, matching: i64) -> bool {
        matching <= i64::from(self.most)
    }
}

/// The number of records that counts as few for a search for `wanted` of `stored` records.
fn few_of(wanted: i64, stored: i64) -> u32 {
    let few = (wanted.saturating_mul(stored) / PRICE).max(0).isqrt();
    u32::try_from(few).unwrap_or(u32::MAX).max(ALWAYS)
}

/// PostgreSQL's estimate of the matching records, from the month with the most records in the filter's range.
/// PostgreSQL plans each month separately, and an estimate over a year costs a tenth of a search.
async fn matching(
    filter: &CheckedFilter<RemediationFilter>,
    months: &[Stored],
    conn: &mut AsyncPgConnection,
) -> Result<f64, QueryError> {
    let touched = months.iter().filter(|stored| stored.is_touched(filter.times().own));
    let Some(largest) = touched.clone().max_by_key(|month| month.records) else {
        return Ok(0.0);
    };
    let mut conditions = Conditions::of(filter);
    conditions.and("start_time >= ").bind(Bind::Timestamptz(largest.month.begin()));
    conditions.and("start_time < ").bind(Bind::Timestamptz(largest.month.end()));
    let mut sql = Sql::new("EXPLAIN (FORMAT JSON) SELECT FROM ");
    sql.text(Remediation::TABLE).append(conditions.into_sql());
    let plans = Statement::<Plans>::new(sql).load(conn, OPERATION).await?;
    let of_month: f64 = plans.iter().flat_map(|Plans(plans)| plans).map(|it| it.plan.rows).sum();
    // A month that was never analysed is of unknown size, as all are then.
    let share = |month: &Stored| match largest.records {
        0 => 1.0,
        most => f64::from(month.records) / f64::from(most),
    };
    Ok(of_month * touched.map(share).sum::<f64>())
}

/// The months of records, and how many each has, as of the last time that it was analysed or vacuumed.
const MONTHS: &str = "SELECT to_date(right(relname, 7), 'YYYY_MM')::timestamp AT TIME ZONE 'UTC' AS month, \
    greatest(reltuples, 0)::bigint AS records \
    FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = 'remediation_audit'::regclass";

/// A month of records.
struct Stored {
    month: Month,
    records: u32,
}

impl Stored {
    fn is_touched(&self, Range { since, until }: Range<Timestamp>) -> bool {
        since.is_none_or(|since| since < self.month.end())
            && until.is_none_or(|until| self.month.begin() < until)
    }
}

impl QueryableByName<Pg> for Stored {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let records = NamedRow::get::<BigInt, i64>(row, "records")?;
        Ok(Self {
            month: Month::of(NamedRow::get::<Timestamptz, _>(row, "month")?),
            records: u32::try_from(records).unwrap_or(u32::MAX),
        })
    }
}

/// <https://www.postgresql.org/docs/16/sql-explain.html>, as far as it is needed.
struct Plans(Vec<Explained>);

#[derive(Deserialize)]
struct Explained {
    #[serde(rename = "Plan")]
    plan: Plan,
}

#[derive(Deserialize)]
struct Plan {
    #[serde(rename = "Plan Rows")]
    rows: f64,
}

impl QueryableByName<Pg> for Plans {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        Ok(Self(serde_json::from_str(&row.get_value::<Text, String, _>(0)?)?))
    }
}
