//! A statement as diesel runs it.

use std::marker::PhantomData;

use diesel::QueryResult;
use diesel::deserialize::{self, QueryableByName};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::row::{Field as _, NamedRow};
use diesel::sql_types::Untyped;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::TryStreamExt as _;

use super::{Part, Sql};
use crate::QueryError;

/// The most bytes of rows that one statement's answer keeps in memory: 4 MiB, as PostgreSQL sends them. A record may
/// have a third of a megabyte, and a page a thousand records.
pub const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// A complete statement whose rows are read as `Row`.
///
/// It is prepared again on every call, because the number of shapes has no bound, and diesel's cache of prepared
/// statements has none either. PostgreSQL then also plans it for the bound values. Only a statement of fixed text is
/// prepared once for each connection.
#[derive(Debug)]
pub(crate) struct Statement<Row> {
    sql: Sql,
    is_fixed: bool,
    row: PhantomData<fn() -> Row>,
}

impl<Row> Statement<Row> {
    pub(crate) fn new(sql: Sql) -> Self {
        Self { sql, is_fixed: false, row: PhantomData }
    }

    /// The whole text of a statement without values.
    pub(crate) fn of_text(text: &'static str) -> Self {
        Self { sql: Sql::new(text), is_fixed: true, row: PhantomData }
    }
}

impl<Row: QueryableByName<Pg> + Send + 'static> Statement<Row> {
    /// Runs it and reads rows as long as their bytes are within [`MAX_ANSWER_BYTES`], the first one in any case. The
    /// remaining rows are discarded.
    pub(crate) async fn load_within_bound(
        self,
        conn: &mut AsyncPgConnection,
        operation: &'static str,
    ) -> Result<Bounded<Row>, QueryError> {
        let rows = async {
            let mut stream = Box::pin(RunQueryDsl::load_stream::<Measured<Row>>(self, conn).await?);
            let (mut rows, mut bytes) = (Vec::new(), 0_usize);
            while let Some(Measured { row, size }) = stream.try_next().await? {
                bytes = bytes.saturating_add(size);
                if bytes > MAX_ANSWER_BYTES && !rows.is_empty() {
                    return Ok(Bounded { rows, is_cut: true });
                }
                rows.push(row);
            }
            Ok(Bounded { rows, is_cut: false })
        };
        rows.await.map_err(QueryError::database(operation))
    }

    /// Runs it and reads every row; a row that cannot be read fails the whole.
    pub(crate) async fn load(
        self,
        conn: &mut AsyncPgConnection,
        operation: &'static str,
    ) -> Result<Vec<Row>, QueryError> {
        RunQueryDsl::load(self, conn).await.map_err(QueryError::database(operation))
    }
}

/// The first rows of an answer.
pub(crate) struct Bounded<Row> {
    pub(crate) rows: Vec<Row>,
    /// Whether rows were left out.
    pub(crate) is_cut: bool,
}

/// A row with the bytes of its values.
struct Measured<Row> {
    row: Row,
    size: usize,
}

impl<Row: QueryableByName<Pg>> QueryableByName<Pg> for Measured<Row> {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let value = |at| Some(diesel::row::Row::get(row, at)?.value()?.as_bytes().len());
        let sizes = (0..row.field_count()).filter_map(value);
        Ok(Self { size: sizes.sum(), row: Row::build(row)? })
    }
}

impl<Row> QueryFragment<Pg> for Statement<Row> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if !self.is_fixed {
            out.unsafe_to_cache_prepared();
        }
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
