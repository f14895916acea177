//! A statement as diesel runs it.

use std::marker::PhantomData;

use diesel::QueryResult;
use diesel::deserialize::QueryableByName;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::Untyped;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{Part, Sql};
use crate::QueryError;

/// A complete statement whose rows are read as `Row`.
///
/// It is prepared anew on every call: the number of shapes has no bound, and neither has diesel's cache of
/// prepared statements. PostgreSQL then also plans it for the very values that are bound.
#[derive(Debug)]
pub(crate) struct Statement<Row> {
    sql: Sql,
    row: PhantomData<fn() -> Row>,
}

impl<Row> Statement<Row> {
    pub(crate) fn new(sql: Sql) -> Self {
        Self { sql, row: PhantomData }
    }
}

impl<Row: QueryableByName<Pg> + Send + 'static> Statement<Row> {
    /// Runs it and reads every row; a row that cannot be read fails the whole.
    pub(crate) async fn load(
        self,
        conn: &mut AsyncPgConnection,
        operation: &'static str,
    ) -> Result<Vec<Row>, QueryError> {
        RunQueryDsl::load(self, conn).await.map_err(QueryError::database(operation))
    }
}

impl<Row> QueryFragment<Pg> for Statement<Row> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        for part in &self.sql.parts {
            match part {
                Part::Text(text) => out.push_sql(text),
                Part::Bind(value) => value.push(&mut out)?,
            }
        }
        Ok(())
    }
}

impl<Row> QueryId for Statement<Row> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Row> Query for Statement<Row> {
    type SqlType = Untyped;
}
