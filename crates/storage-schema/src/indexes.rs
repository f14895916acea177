//! Indexes that a migration added to a table with partitions, built on each partition without stopping writers.
//!
//! A migration makes such an index with `ON ONLY`, which touches no row. PostgreSQL holds it to be invalid until every
//! partition has its part; partitions made later bring theirs along.

use diesel::sql_types::{Array, Text};

use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection as _};
use storage_postgres::statement;

use crate::{SchemaError, expected};

/// One partition's part of an index that is not there yet, as statements to be run one by one.
#[derive(Debug, diesel::Queryable)]
struct MissingPart {
    name: String,
    /// Removes what a build that was broken off has left.
    clear: String,
    build: String,
    attach: String,
}

statement! {
    /// The parts of indexes that partitions of these tables lack.
    MissingParts("missing_index_parts.sql") -> (Text, Text, Text, Text) { parents: Vec<&'static str> => Array<Text> }
}

/// Builds what is missing, `CONCURRENTLY`, and attaches it. What is done stays done when a later part fails.
pub(crate) async fn complete(connection: &mut AsyncPgConnection) -> Result<(), SchemaError> {
    for part in missing(connection).await? {
        tracing::info!(index = part.name, "building an index; writes are accepted meanwhile");
        for statement in [&part.clear, &part.build, &part.attach] {
            connection
                .batch_execute(statement)
                .await
                .map_err(SchemaError::during("an index of a partition"))?;
        }
    }
    Ok(())
}

async fn missing(connection: &mut AsyncPgConnection) -> Result<Vec<MissingPart>, SchemaError> {
    let parents: Vec<&str> = expected::partitioned().collect();
    MissingParts { parents }
        .load(connection)
        .await
        .map_err(SchemaError::during("the list of incomplete indexes"))
}
