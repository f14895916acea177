//! The catalogue of a database, for the tables of the schema.

use diesel::OptionalExtension;
use diesel::sql_types::{Array, Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_postgres::statement;

use crate::SchemaError;

#[derive(Debug, diesel::Queryable)]
pub(crate) struct ColumnRow {
    pub(crate) table_name: String,
    pub(crate) name: String,
    pub(crate) sql_type: String,
    pub(crate) nullable: bool,
}

/// Something that has a definition: a table itself, a default, a constraint, an index, a trigger, a function.
#[derive(Debug, Clone, PartialEq, Eq, diesel::Queryable)]
pub(crate) struct PartRow {
    pub(crate) kind: String,
    /// Empty for a function.
    pub(crate) table_name: String,
    pub(crate) name: String,
    /// As PostgreSQL writes it.
    pub(crate) definition: String,
    /// Why it does not do its work, such as `invalid`; empty when it does.
    pub(crate) fault: String,
}

statement! {
    /// The columns of these tables.
    Columns<'a>("columns.sql") -> (Text, Text, Text, Bool) { tables: &'a [&'a str] => Array<Text> }
}

statement! {
    /// What of these tables has a definition, and the functions.
    Parts<'a>("parts.sql") -> PartSql { tables: &'a [&'a str] => Array<Text> }
}

statement! {
    /// What is wrong with the partitions of these tables.
    PartitionFaults<'a>("partition_faults.sql") -> PartSql { tables: &'a [&'a str] => Array<Text> }
}

statement! {
    /// Sets how the catalogue is shown until the transaction ends.
    ShowAsExpected("show_as_expected.sql") -> (Text, Text, Text) {}
}

statement! {
    /// The installed version of pgvector.
    PgvectorVersion("pgvector_version.sql") -> Text {}
}

statement! {
    /// The names among these that partitions have.
    PresentPartitions<'a>("present_partitions.sql") -> Text { wanted: &'a [String] => Array<Text> }
}

/// The columns of a [`PartRow`].
type PartSql = (Text, Text, Text, Text, Text);

pub(crate) async fn columns(
    connection: &mut AsyncPgConnection,
    tables: &[&str],
) -> Result<Vec<ColumnRow>, SchemaError> {
    Columns { tables }.load(connection).await.map_err(SchemaError::during("the list of columns"))
}

/// Everything of the tables that has a definition, and every function of the schema that belongs to no extension.
pub(crate) async fn parts(
    connection: &mut AsyncPgConnection,
    tables: &[&str],
) -> Result<Vec<PartRow>, SchemaError> {
    Parts { tables }.load(connection).await.map_err(SchemaError::during("the list of definitions"))
}

/// The faults of partitions: bounds, indexes, triggers, and ids that do not carry their month. `definition` is the
/// actual state and `fault` the expected one. An empty definition is a missing object, an empty fault an extra one.
pub(crate) async fn partition_faults(
    connection: &mut AsyncPgConnection,
    tables: &[&str],
) -> Result<Vec<PartRow>, SchemaError> {
    PartitionFaults { tables }.load(connection).await.map_err(SchemaError::during("the list of partitions"))
}

/// Until the transaction ends, names are shown without the schema of the extension and of the tables, and times in UTC.
pub(crate) async fn show_as_expected(connection: &mut AsyncPgConnection) -> Result<(), SchemaError> {
    ShowAsExpected {}
        .execute(connection)
        .await
        .map(|_| ())
        .map_err(SchemaError::during("the settings for reading the catalogue"))
}

pub(crate) async fn pgvector_version(
    connection: &mut AsyncPgConnection,
) -> Result<Option<String>, SchemaError> {
    PgvectorVersion {}
        .get_result(connection)
        .await
        .optional()
        .map_err(SchemaError::during("the version of pgvector"))
}

/// Those of the wanted partitions that are there.
pub(crate) async fn present_partitions(
    connection: &mut AsyncPgConnection,
    wanted: &[String],
) -> Result<Vec<String>, SchemaError> {
    PresentPartitions { wanted }.load(connection).await.map_err(SchemaError::during("the list of partitions"))
}
