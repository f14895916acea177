//! Statistics of the partitioned tables as wholes, which PostgreSQL's autovacuum does not collect.

use diesel::sql_types::{Bool, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_models::RecordType;

use crate::SchemaError;

/// Collects the statistics of the table of a record type, and of its dependent tables, if their size has changed much
/// since the last time. Returns whether it did.
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
    #[derive(QueryableByName)]
    struct Refreshed {
        #[diesel(sql_type = Bool)]
        refreshed: bool,
    }
    sql_query("SELECT analyze_audit_table($1) AS refreshed")
        .bind::<Text, _>(record_type.table())
        .get_result::<Refreshed>(connection)
        .await
        .map(|row| row.refreshed)
        .map_err(SchemaError::during("the statistics of a partitioned table"))
}
