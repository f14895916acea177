//! How many records match a filter.

use diesel_async::AsyncPgConnection;

use super::rows::Number;
use crate::filter::Conditions;
use crate::sql::{Sql, Statement};
use crate::{Listed, QueryError, Valid, tally};

/// How many records match `filter`, counted by the database: from its counters of remediations when the filter names
/// nothing but namespace, phase, status, action type, severity and time, else one by one.
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

pub(crate) fn sql<R: Listed>(filter: &Valid<R::Filter>) -> Sql {
    tally::total::<R>(filter).unwrap_or_else(|| {
        let mut sql = Sql::new("SELECT count(*) AS total FROM ");
        sql.text(R::TABLE).append(Conditions::of(filter).into_sql());
        sql
    })
}
