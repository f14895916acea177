//! How many records match a filter.

use diesel_async::AsyncPgConnection;

use super::rows::Number;
use crate::filter::Conditions;
use crate::sql::{Sql, Statement};
use crate::{Listed, QueryError, Valid};

/// How many records match `filter`, counted by the database.
///
/// # Errors
/// [`QueryError::Database`].
pub async fn count<R: Listed>(
    conn: &mut AsyncPgConnection,
    filter: &Valid<R::Filter>,
) -> Result<i64, QueryError> {
    let rows = Statement::<Number>::new(sql::<R>(filter)).load(conn, "count records").await?;
    Ok(rows.first().map_or(0, |row| row.0))
}

pub(super) fn sql<R: Listed>(filter: &Valid<R::Filter>) -> Sql {
    let mut sql = Sql::new("SELECT count(*) FROM ");
    sql.text(R::TABLE).append(Conditions::of(filter).into_sql());
    sql
}
