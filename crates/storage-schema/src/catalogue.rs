//! What a database's catalogue says about the tables of the schema.

use diesel::sql_types::{Array, Bool, Nullable, Text};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::SchemaError;

#[derive(Debug, QueryableByName)]
pub(crate) struct ColumnRow {
    #[diesel(sql_type = Text)]
    pub(crate) table_name: String,
    #[diesel(sql_type = Text)]
    pub(crate) name: String,
    #[diesel(sql_type = Text)]
    pub(crate) sql_type: String,
    #[diesel(sql_type = Bool)]
    pub(crate) nullable: bool,
}

/// Something that belongs to a table: an index with its validity, or a trigger with whether it fires.
#[derive(Debug, QueryableByName)]
pub(crate) struct PartRow {
    #[diesel(sql_type = Text)]
    pub(crate) table_name: String,
    #[diesel(sql_type = Text)]
    pub(crate) name: String,
    #[diesel(sql_type = Bool)]
    pub(crate) works: bool,
}

pub(crate) async fn columns(
    connection: &mut AsyncPgConnection,
    tables: &[&str],
) -> Result<Vec<ColumnRow>, SchemaError> {
    sql_query(
        "SELECT c.relname::text AS table_name, a.attname::text AS name, \
                format_type(a.atttypid, a.atttypmod) AS sql_type, NOT a.attnotnull AS nullable \
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
         WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY($1) \
           AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum",
    )
    .bind::<Array<Text>, _>(tables)
    .load(connection)
    .await
    .map_err(SchemaError::during("the list of columns"))
}

pub(crate) async fn indexes(
    connection: &mut AsyncPgConnection,
    tables: &[&str],
) -> Result<Vec<PartRow>, SchemaError> {
    sql_query(
        "SELECT c.relname::text AS table_name, i.relname::text AS name, x.indisvalid AS works \
         FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid \
         WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY($1) ORDER BY 1, 2",
    )
    .bind::<Array<Text>, _>(tables)
    .load(connection)
    .await
    .map_err(SchemaError::during("the list of indexes"))
}

pub(crate) async fn triggers(
    connection: &mut AsyncPgConnection,
    tables: &[&str],
) -> Result<Vec<PartRow>, SchemaError> {
    sql_query(
        "SELECT c.relname::text AS table_name, t.tgname::text AS name, t.tgenabled <> 'D' AS works \
         FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid \
         WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY($1) AND NOT t.tgisinternal ORDER BY 1, 2",
    )
    .bind::<Array<Text>, _>(tables)
    .load(connection)
    .await
    .map_err(SchemaError::during("the list of triggers"))
}

pub(crate) async fn pgvector_version(
    connection: &mut AsyncPgConnection,
) -> Result<Option<String>, SchemaError> {
    #[derive(QueryableByName)]
    struct Version {
        #[diesel(sql_type = Text)]
        version: String,
    }
    sql_query("SELECT extversion AS version FROM pg_extension WHERE extname = 'vector'")
        .get_result::<Version>(connection)
        .await
        .optional()
        .map(|row| row.map(|row| row.version))
        .map_err(SchemaError::during("the version of pgvector"))
}

pub(crate) async fn function_exists(
    connection: &mut AsyncPgConnection,
    signature: &str,
) -> Result<bool, SchemaError> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = Nullable<Text>)]
        found: Option<String>,
    }
    sql_query("SELECT to_regprocedure('public.' || $1)::text AS found")
        .bind::<Text, _>(signature)
        .get_result::<Found>(connection)
        .await
        .map(|row| row.found.is_some())
        .map_err(SchemaError::during("the list of functions"))
}

/// The names of a partitioned table's partitions.
pub(crate) async fn partitions(
    connection: &mut AsyncPgConnection,
    tables: &[&str],
) -> Result<Vec<PartRow>, SchemaError> {
    sql_query(
        "SELECT p.relname::text AS table_name, c.relname::text AS name, true AS works \
         FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent JOIN pg_class c ON c.oid = h.inhrelid \
         WHERE p.relnamespace = 'public'::regnamespace AND p.relname = ANY($1) ORDER BY 1, 2",
    )
    .bind::<Array<Text>, _>(tables)
    .load(connection)
    .await
    .map_err(SchemaError::during("the list of partitions"))
}
