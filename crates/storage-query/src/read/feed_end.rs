//! How far a feed may be read while transactions are open.
//!
//! A record's `created_at` is the time at which its transaction began. One that began earlier may commit later
//! than those already seen; a reader that went past its time would never see it. So a feed ends before the beginning of
//! the oldest transaction that may still add to it.

use std::marker::PhantomData;

use diesel_async::AsyncPgConnection;
use storage_models::Timestamp;

use crate::sql::{Bind, BoundSql, Sql, Statement};
use crate::{FeedFault, Listed, QueryError};

/// The end of a [`Feed`](crate::Feed): nothing can be added to its table before this instant any more. Statements whose
/// snapshot is taken after it was read see all that was written before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedEnd(Timestamp);

impl FeedEnd {
    /// The end as the row of [`FeedEndQuery::to_sql`] says it, for a service with another driver.
    ///
    /// # Errors
    /// What `fault` names.
    pub fn of_row(bound: Timestamp, fault: Option<&str>) -> Result<Self, FeedFault> {
        match fault {
            None => Ok(Self(bound)),
            Some("snapshot") => Err(FeedFault::FixedSnapshot),
            Some("standby") => Err(FeedFault::Standby),
            Some(_) => Err(FeedFault::HiddenWriter),
        }
    }

    pub(super) const fn instant(self) -> Timestamp {
        self.0
    }
}

/// Where the feeds of a table end now. [`Feed::run`](crate::Feed::run) asks by itself; a service with another driver asks
/// this before it takes [`Feed::to_sql`](crate::Feed::to_sql).
#[derive(Debug, Clone)]
pub struct FeedEndQuery<R>(PhantomData<fn() -> R>);

/// The row of the answer.
#[derive(diesel::QueryableByName)]
struct EndRow {
    #[diesel(sql_type = diesel::sql_types::Timestamptz)]
    bound: Timestamp,
    #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Text>)]
    fault: Option<String>,
}

impl<R: Listed> FeedEndQuery<R> {
    /// The end of what is written to the table of `R`.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }

    /// The statement, for a service with another driver. Its one row has `bound` and `fault`, which
    /// [`FeedEnd::of_row`] takes.
    #[must_use]
    pub fn to_sql(&self) -> BoundSql {
        sql::<R>().into_bound()
    }

    /// Runs it, outside of any transaction whose snapshot stands still.
    ///
    /// # Errors
    /// [`QueryError::Feed`]; [`QueryError::Database`].
    pub async fn run(&self, conn: &mut AsyncPgConnection) -> Result<FeedEnd, QueryError> {
        let rows = Statement::<EndRow>::new(sql::<R>()).load(conn, "find the end of the feed").await?;
        let row = rows.first().ok_or(QueryError::Feed(FeedFault::HiddenWriter))?;
        FeedEnd::of_row(row.bound, row.fault.as_deref()).map_err(QueryError::Feed)
    }
}

impl<R: Listed> Default for FeedEndQuery<R> {
    fn default() -> Self {
        Self::new()
    }
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
