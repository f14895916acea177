//! From which similarity on incidents are alike.

use diesel::QueryableByName;
use diesel::sql_types::{Double, Nullable};
use diesel_async::AsyncPgConnection;

use crate::QueryError;
use crate::sql::{BoundSql, Sql, Statement};

/// From which similarity on two incidents are taken to be alike: what 99 % of pairs of different incidents stay below, in the
/// set that serves, as it was last measured. None before there are enough incidents to measure.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThresholdQuery;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Nullable<Double>)]
    threshold: Option<f64>,
}

const TEXT: &str = "SELECT similarity_threshold AS threshold FROM embedding_set WHERE state = 'active'";

impl ThresholdQuery {
    /// The statement, for a service with another driver: one row, `threshold`, or none without a set.
    #[must_use]
    pub fn to_sql(self) -> BoundSql {
        Sql::new(TEXT).into_bound()
    }

    /// Runs it.
    ///
    /// # Errors
    /// [`QueryError::Database`].
    pub async fn run(self, conn: &mut AsyncPgConnection) -> Result<Option<f64>, QueryError> {
        let rows = Statement::<Row>::of_text(TEXT).load(conn, "read the threshold of similarity").await?;
        Ok(rows.first().and_then(|row| row.threshold))
    }
}
