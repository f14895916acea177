//! Records whose ids are known. An id carries its record's month, so that only the partitions of these months are read.

use diesel_async::AsyncPgConnection;
use storage_models::{Month, Timestamp};

use super::rows::Plain;
use crate::filter::Conditions;
use crate::sql::{Bind, Bounded, Sql, Statement};
use crate::{Listed, QueryError, Valid};

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

/// The record with this id, if there is one.
///
/// # Errors
/// [`QueryError::Database`].
pub async fn get<R: Listed>(conn: &mut AsyncPgConnection, id: i64) -> Result<Option<R>, QueryError> {
    let rows = Statement::<Plain<R>>::new(get_sql::<R>(id)).load(conn, "read a record").await?;
    Ok(rows.into_iter().next().map(|Plain(record)| record))
}

/// Those of the records `ids` that exist and match `filter`, in the order of `ids`, each once.
///
/// For candidates of an index outside the database: what they say is read and filtered again here.
///
/// # Errors
/// [`QueryError::Database`].
pub async fn get_many<R: Listed>(
    conn: &mut AsyncPgConnection,
    ids: &[i64],
    filter: &Valid<R::Filter>,
) -> Result<Records<R>, QueryError> {
    let statement = Statement::<Plain<R>>::new(get_many_sql::<R>(ids, filter));
    let Bounded { rows, is_cut } = statement.load_within_bound(conn, "read records").await?;
    Ok(Records { records: rows.into_iter().map(|Plain(record)| record).collect(), is_cut })
}

pub(crate) fn get_sql<R: Listed>(id: i64) -> Sql {
    let mut sql = select_from::<R>();
    sql.text(" WHERE id = ").bind(Bind::BigInt(id)).append(in_month(R::TIME, Month::of_id(id)));
    sql
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

pub(crate) fn get_many_sql<R: Listed>(ids: &[i64], filter: &Valid<R::Filter>) -> Sql {
    let mut conditions = Conditions::of(filter);
    conditions.and("id = ANY(").bind(Bind::BigIntArray(ids.to_vec())).text(")");
    conditions.and("(").append(in_months_of(R::TIME, ids)).text(")");
    let mut sql = select_from::<R>();
    sql.append(conditions.into_sql());
    sql.text(" ORDER BY array_position(").bind(Bind::BigIntArray(ids.to_vec())).text(", id)");
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
