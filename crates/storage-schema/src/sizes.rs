//! How much room the database and its tables take on PostgreSQL's disk.

use diesel::sql_types::{Array, BigInt, Nullable, Text};

use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_postgres::statement;

use crate::{SchemaError, expected};

/// The size of one table, or of one month of it.
#[derive(Debug, Clone, PartialEq, Eq, diesel::Queryable)]
pub struct TableSize {
    /// The table.
    pub table: String,
    /// The month as `YYYY-MM`; `None` for a table that is not partitioned by month.
    pub month: Option<String>,
    /// Bytes on disk, with the indexes.
    pub bytes: i64,
}

statement! {
    /// The bytes of these tables, month by month.
    TableSizes("table_sizes.sql") -> (Text, Nullable<Text>, BigInt) { tables: Vec<&'static str> => Array<Text> }
}

statement! {
    /// The bytes of the whole database.
    DatabaseSize("database_size.sql") -> BigInt {}
}

/// The size of every table of the schema, month by month. The role needs no right on the tables.
///
/// # Errors
/// When the database does not answer, or when a table stays locked for longer than the connection's timeouts allow.
pub async fn of_tables(connection: &mut AsyncPgConnection) -> Result<Vec<TableSize>, SchemaError> {
    let tables = expected::TABLES.iter().map(|table| table.name).collect();
    TableSizes { tables }.load(connection).await.map_err(SchemaError::during("the sizes of the tables"))
}

/// The bytes of the whole database on disk. WAL is not part of a database.
///
/// # Errors
/// When the database does not answer.
pub async fn of_database(connection: &mut AsyncPgConnection) -> Result<i64, SchemaError> {
    DatabaseSize {}.get_result(connection).await.map_err(SchemaError::during("the size of the database"))
}
