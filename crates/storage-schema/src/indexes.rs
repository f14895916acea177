//! Indexes that a migration added to a table with partitions, built on each partition without stopping writers.
//!
//! A migration makes such an index with `ON ONLY`, which touches no row. PostgreSQL holds it to be invalid until every
//! partition has its part; partitions made later bring theirs along.

use diesel::sql_types::{Array, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection as _};

use crate::{SchemaError, expected};

/// One partition's part of an index that is not there yet, as statements to be run one by one.
#[derive(Debug, QueryableByName)]
struct MissingPart {
    #[diesel(sql_type = Text)]
    name: String,
    /// Removes what a build that was broken off has left.
    #[diesel(sql_type = Text)]
    clear: String,
    #[diesel(sql_type = Text)]
    build: String,
    #[diesel(sql_type = Text)]
    attach: String,
}

/// Builds missing indexes with `CONCURRENTLY` and attaches them. Finished indexes stay if a later one fails.
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
    sql_query(
        "SELECT name, format('DROP INDEX CONCURRENTLY IF EXISTS public.%I', name) AS clear, \
                format('CREATE INDEX CONCURRENTLY %I ON public.%I %s', name, partition, definition) AS build, \
                format('ALTER INDEX public.%I ATTACH PARTITION public.%I', index, name) AS attach \
         FROM ( \
             SELECT i.relname AS index, p.relname AS partition, \
                    p.relname || substr(i.relname::text, length(t.relname) + 1) AS name, \
                    substring(pg_get_indexdef(x.indexrelid) FROM 'USING .*') AS definition \
             FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid \
                  JOIN pg_inherits h ON h.inhparent = t.oid JOIN pg_class p ON p.oid = h.inhrelid \
             WHERE NOT x.indisvalid AND t.relnamespace = 'public'::regnamespace AND t.relname = ANY($1) \
               AND NOT EXISTS ( \
                   SELECT FROM pg_inherits part JOIN pg_index y ON y.indexrelid = part.inhrelid \
                   WHERE part.inhparent = x.indexrelid AND y.indrelid = p.oid) \
         ) AS part ORDER BY name",
    )
    .bind::<Array<Text>, _>(parents)
    .load(connection)
    .await
    .map_err(SchemaError::during("the list of incomplete indexes"))
}
