//! Whether a filter lets so few records through that each is looked at.

use diesel::deserialize::{self, QueryableByName};
use diesel::pg::Pg;
use diesel::row::NamedRow;
use diesel::sql_types::Text;
use diesel_async::AsyncPgConnection;
use serde::Deserialize;
use storage_models::Remediation;

use super::query::OPERATION;
use crate::filter::Conditions;
use crate::read::rows::Number;
use crate::record::sealed::Shape as _;
use crate::sql::{Sql, Statement};
use crate::{QueryError, RemediationFilter, Valid};

/// So many are few in any case.
const ALWAYS: u32 = 100;

/// What a record with its vector costs, in records looked at behind the vector index.
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
    /// `None` when the filter lets more through by PostgreSQL's own estimate, or everything.
    ///
    /// Behind the vector index, a search for k of n records, of which m match, looks at k × n / m records until it has met
    /// enough. Looking at those that match costs three times as much each, so that it costs less while m² < k × n / 3.
    pub(super) async fn estimate(
        filter: &Valid<RemediationFilter>,
        wanted: i64,
        conn: &mut AsyncPgConnection,
    ) -> Result<Option<Self>, QueryError> {
        let conditions = Conditions::of(filter).into_sql();
        if conditions.is_empty() {
            return Ok(None);
        }
        let plans = Statement::<Plans>::new(matching(conditions)).load(conn, OPERATION).await?;
        let matching: f64 = plans.iter().flat_map(|Plans(plans)| plans).map(|it| it.plan.rows).sum();
        let few = if matching <= f64::from(ALWAYS) { ALWAYS } else { few_of(wanted, stored(conn).await?) };
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

/// How many of so many records are few for a search for so many of them.
fn few_of(wanted: i64, stored: i64) -> u32 {
    let few = (wanted.saturating_mul(stored) / PRICE).max(0).isqrt();
    u32::try_from(few).unwrap_or(u32::MAX).max(ALWAYS)
}

/// How many records there are, as of the last time that their partitions were analysed or vacuumed.
async fn stored(conn: &mut AsyncPgConnection) -> Result<i64, QueryError> {
    let mut sql = Sql::new("SELECT coalesce(sum(greatest(reltuples, 0)), 0)::bigint AS number ");
    sql.text("FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = '");
    sql.text(Remediation::TABLE).text("'::regclass");
    let rows = Statement::new(sql).load(conn, OPERATION).await?;
    Ok(rows.into_iter().map(|Number(rows)| rows).sum())
}

/// PostgreSQL's plan for reading all that match, which says how many it expects.
fn matching(conditions: Sql) -> Sql {
    let mut sql = Sql::new("EXPLAIN (FORMAT JSON) SELECT FROM ");
    sql.text(Remediation::TABLE).append(conditions);
    sql
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
