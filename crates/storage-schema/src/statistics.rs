//! Statistics of the partitioned tables as wholes, which PostgreSQL's autovacuum does not collect.

use diesel::sql_types::{Bool, Text};

use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_models::RecordType;
use storage_postgres::statement;

use crate::SchemaError;

statement! {
    /// Collects the statistics of one table, if it has changed much.
    Refresh("refresh_statistics.sql") -> Bool { table: &'static str => Text }
}

/// Collects the statistics of a type of record's table, and of those that follow it, each if its size has changed much since
/// the last time; says whether it did.
///
/// Before PostgreSQL 18 this reads a sample of each partition, and no partition can be made meanwhile: the connection's
/// `statement_timeout` should bound it. Safe to call from any number of replicas at once.
///
/// # Errors
/// When a lock could not be taken within two seconds, when it took too long, or when the database is unavailable.
pub async fn refresh(
    connection: &mut AsyncPgConnection,
    record_type: RecordType,
) -> Result<bool, SchemaError> {
    Refresh { table: record_type.table() }
        .get_result(connection)
        .await
        .map_err(SchemaError::during("the statistics of a partitioned table"))
}
