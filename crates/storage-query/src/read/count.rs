//! How many records match a filter.

use diesel_async::AsyncPgConnection;

use super::rows::Number;
use crate::filter::Conditions;
use crate::sql::{BoundSql, Sql, Statement};
use crate::{CheckedFilter, Listed, QueryError, counter_sum};

/// How many records match a filter, counted by the database: from its counters of remediations when the filter names
/// nothing but namespace, phase, status, action type, severity and time, else one by one.
#[derive(Debug, Clone)]
pub struct CountQuery<R: Listed> {
    filter: CheckedFilter<R::Filter>,
}

impl<R: Listed> CountQuery<R> {
    /// How many match `filter`.
    #[must_use]
    pub const fn new(filter: CheckedFilter<R::Filter>) -> Self {
        Self { filter }
    }

    /// The statement, for a service with another driver: one row, `total`.
    ///
    /// ```
    /// use storage_models::Remediation;
    /// use storage_query::{CountQuery, CheckedFilter};
    ///
    /// let sql = CountQuery::<Remediation>::new(CheckedFilter::default()).to_sql();
    /// assert!(sql.text.starts_with("SELECT "), "{}", sql.text);
    /// ```
    #[must_use]
    pub fn to_sql(&self) -> BoundSql {
        sql::<R>(&self.filter).into_bound()
    }

    /// Runs it.
    ///
    /// # Errors
    /// [`QueryError::Database`].
    pub async fn run(&self, conn: &mut AsyncPgConnection) -> Result<i64, QueryError> {
        let rows = Statement::<Number>::new(sql::<R>(&self.filter)).load(conn, "count records").await?;
        Ok(rows.first().map_or(0, |row| row.0))
    }
}

pub(super) fn sql<R: Listed>(filter: &CheckedFilter<R::Filter>) -> Sql {
    counter_sum::total::<R>(filter).unwrap_or_else(|| {
        let mut sql = Sql::new("SELECT count(*) AS total FROM ");
        sql.text(R::TABLE).append(Conditions::of(filter).into_sql());
        sql
    })
}
