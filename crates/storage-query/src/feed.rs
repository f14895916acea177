//! How far a list in the order of writing may be read while transactions are open.
//!
//! A record's `created_at` is the time at which its transaction began. One that began earlier may commit later
//! than those already seen; a reader that went past its time would never see it. So such a list ends before
//! the beginning of the oldest transaction that may still add to it.

use diesel_async::AsyncPgConnection;
use storage_models::Timestamp;

use crate::sql::{Bind, BoundSql, Sql, Statement};
use crate::{FeedFault, Listed, QueryError};

/// The answer of [`statement`].
#[derive(diesel::QueryableByName)]
struct EndOfFeed {
    #[diesel(sql_type = diesel::sql_types::Timestamptz)]
    bound: Timestamp,
    #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Text>)]
    fault: Option<String>,
}

/// The instant before which nothing can be added to the table of `R` any more. Statements whose snapshot is
/// taken after this answer see all that was created before it.
pub(crate) async fn bound<R: Listed>(conn: &mut AsyncPgConnection) -> Result<Timestamp, QueryError> {
    let rows = Statement::<EndOfFeed>::new(sql::<R>()).load(conn, "find the end of the feed").await?;
    let fault = match rows.first().map(|row| (row.bound, row.fault.as_deref())) {
        Some((bound, None)) => return Ok(bound),
        Some((_, Some("snapshot"))) => FeedFault::FixedSnapshot,
        Some((_, Some("standby"))) => FeedFault::Standby,
        Some((_, Some(_))) | None => FeedFault::HiddenWriter,
    };
    Err(QueryError::Feed(fault))
}

/// The statement behind [`bound`], for another driver.
pub(crate) fn statement<R: Listed>() -> BoundSql {
    sql::<R>().into_bound()
}

/// A transaction counts as a writer if it holds the lock that INSERT takes on the table or a partition and keeps until
/// its end (`pg_locks` shows the lock to every role). A transaction younger than a minute counts too, because it may
/// take the lock later. An older one without the lock counts as a reader; otherwise a dump would stop the feed for
/// hours.
///
/// The time is that of the transaction, not of the clock, because within a transaction PostgreSQL keeps showing the
/// activity that it showed first. A fifth of a second is subtracted, because a session takes the time of its
/// transaction when its first message arrives, and shows it a moment later.
fn sql<R: Listed>() -> Sql {
    let mut sql = Sql::new(
        "WITH writer AS MATERIALIZED (SELECT pid FROM pg_locks \
         WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         AND relation IN (SELECT relid FROM pg_partition_tree(CAST(",
    );
    sql.bind(Bind::Text(R::TABLE.to_owned())).text(
        " AS text)::regclass))) \
         SELECT least(now() - interval '200 milliseconds', min(activity.xact_start)) AS bound, \
         CASE WHEN pg_is_in_recovery() THEN 'standby' \
         WHEN current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN 'snapshot' \
         WHEN EXISTS (SELECT FROM writer WHERE pid IS NULL) OR bool_or(writer.pid IS NOT NULL \
         AND activity.xact_start IS NULL AND coalesce(activity.state, 'disabled') = 'disabled') THEN 'hidden' \
         END AS fault \
         FROM pg_stat_activity AS activity LEFT JOIN writer ON writer.pid = activity.pid \
         WHERE activity.datname = current_database() AND activity.pid <> pg_backend_pid() \
         AND (writer.pid IS NOT NULL OR activity.xact_start > now() - interval '1 minute')",
    );
    sql
}
