//! Records whose ids are known. An id carries its record's month, so that only the partitions of these months are read.

use std::marker::PhantomData;

use diesel_async::AsyncPgConnection;
use storage_models::{Month, Timestamp};

use super::rows::Plain;
use crate::filter::Conditions;
use crate::sql::{Bind, BoundSql, Bounded, Sql, Statement};
use crate::{CheckedFilter, Listed, QueryError};

/// Records that were asked for by their ids.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Records<R> {
    /// In the order of the ids.
    pub records: Vec<R>,
    /// Whether the last ones were left out because all together would have had more than
    /// [`MAX_ANSWER_BYTES`](crate::MAX_ANSWER_BYTES).
    pub is_cut: bool,
}

impl<R> From<Vec<R>> for Records<R> {
    /// All that were asked for.
    fn from(records: Vec<R>) -> Self {
        Self { records, is_cut: false }
    }
}

/// The record with an id, if there is one.
#[derive(Debug, Clone, Copy)]
pub struct GetQuery<R> {
    id: i64,
    record: PhantomData<fn() -> R>,
}

impl<R: Listed> GetQuery<R> {
    /// The record with this id.
    #[must_use]
    pub const fn new(id: i64) -> Self {
        Self { id, record: PhantomData }
    }

    /// The statement, for a service with another driver: the record's columns in one row, or no row.
    #[must_use]
    pub fn to_sql(&self) -> BoundSql {
        self.sql().into_bound()
    }

    /// Runs it.
    ///
    /// # Errors
    /// [`QueryError::Database`].
    pub async fn run(&self, conn: &mut AsyncPgConnection) -> Result<Option<R>, QueryError> {
        let rows = Statement::<Plain<R>>::new(self.sql()).load(conn, "read a record").await?;
        Ok(rows.into_iter().next().map(|Plain(record)| record))
    }

    fn sql(&self) -> Sql {
        let mut sql = select_from::<R>();
        let month = in_month(R::TIME, Month::of_id(self.id));
        sql.text(" WHERE id = ").bind(Bind::BigInt(self.id)).append(month);
        sql
    }
}

/// Those of some records that exist and match a filter, in the order of their ids as they are given, each once.
///
/// For candidates of an index outside the database: what they say is read and filtered again here.
#[derive(Debug, Clone)]
pub struct GetManyQuery<R: Listed> {
    ids: Vec<i64>,
    filter: CheckedFilter<R::Filter>,
}

impl<R: Listed> GetManyQuery<R> {
    /// Those of the records `ids` that match `filter`.
    #[must_use]
    pub fn new(ids: impl Into<Vec<i64>>, filter: CheckedFilter<R::Filter>) -> Self {
        Self { ids: ids.into(), filter }
    }

    /// The statement, for a service with another driver: a record's columns a row, in the order of the ids.
    #[must_use]
    pub fn to_sql(&self) -> BoundSql {
        self.sql().into_bound()
    }

    /// Runs it.
    ///
    /// # Errors
    /// [`QueryError::Database`].
    pub async fn run(&self, conn: &mut AsyncPgConnection) -> Result<Records<R>, QueryError> {
        let statement = Statement::<Plain<R>>::new(self.sql());
        let Bounded { rows, is_cut } = statement.load_within_bound(conn, "read records").await?;
        Ok(Records { records: rows.into_iter().map(|Plain(record)| record).collect(), is_cut })
    }

    fn sql(&self) -> Sql {
        let mut conditions = Conditions::of(&self.filter);
        conditions.and("id = ANY(").bind(Bind::BigIntArray(self.ids.clone())).text(")");
        conditions.and("(").append(in_months_of(R::TIME, &self.ids)).text(")");
        let mut sql = select_from::<R>();
        sql.append(conditions.into_sql());
        sql.text(" ORDER BY array_position(").bind(Bind::BigIntArray(self.ids.clone())).text(", id)");
        sql
    }
}

/// Demands a month of the column `time`.
pub(super) fn in_month(time: &'static str, month: Month) -> Sql {
    let mut sql = Sql::new(" AND ");
    sql.append(within(time, month.begin(), month.end()));
    sql
}

fn within(time: &'static str, begin: Timestamp, end: Timestamp) -> Sql {
    let mut sql = Sql::new(time);
    sql.text(" >= ").bind(Bind::Timestamptz(begin)).text(" AND ").text(time);
    sql.text(" < ").bind(Bind::Timestamptz(end));
    sql
}

/// One range of the column `time` for each run of months that the ids carry.
pub(crate) fn in_months_of(time: &'static str, ids: &[i64]) -> Sql {
    let mut sql = Sql::default();
    for (begin, end) in Month::ranges(ids) {
        sql.text(if sql.is_empty() { "" } else { " OR " }).append(within(time, begin, end));
    }
    if sql.is_empty() { Sql::new("false") } else { sql }
}

fn select_from<R: Listed>() -> Sql {
    let mut sql = Sql::new("SELECT ");
    sql.text(R::COLUMNS).text(" FROM ").text(R::TABLE);
    sql
}
