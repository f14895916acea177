//! Records whose ids are known. The partition is not, so each one is probed through its primary key.

use std::collections::HashMap;

use diesel_async::AsyncPgConnection;

use super::rows::Plain;
use crate::filter::Conditions;
use crate::sql::{Bind, Sql, Statement};
use crate::{Listed, QueryError, Valid};

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
) -> Result<Vec<R>, QueryError> {
    let rows = Statement::<Plain<R>>::new(get_many_sql::<R>(ids, filter)).load(conn, "read records").await?;
    let mut found: HashMap<i64, R> = rows.into_iter().map(|Plain(record)| (record.id(), record)).collect();
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

pub(crate) fn get_sql<R: Listed>(id: i64) -> Sql {
    let mut sql = select_from::<R>();
    sql.text(" WHERE id = ").bind(Bind::BigInt(id));
    sql
}

pub(crate) fn get_many_sql<R: Listed>(ids: &[i64], filter: &Valid<R::Filter>) -> Sql {
    let mut conditions = Conditions::of(filter);
    conditions.and("id = ANY(").bind(Bind::BigIntArray(ids.to_vec())).text(")");
    let mut sql = select_from::<R>();
    sql.append(conditions.into_sql());
    sql
}

fn select_from<R: Listed>() -> Sql {
    let mut sql = Sql::new("SELECT ");
    sql.text(R::COLUMNS).text(" FROM ").text(R::TABLE);
    sql
}
