//! The claim: leases due rows, in one statement that holds nothing afterwards.

use std::time::Duration;

use diesel::QueryResult;
use diesel::sql_types::{Array, BigInt, Double, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection as _};
use storage_models::Timestamp;
use storage_postgres::statement;
use uuid::Uuid;

use super::window::{Look, Position, Window};
use super::{Holder, Lease, Stage};
use crate::ServingSet;

/// The database's time, the outbox's length in pages, and a leased row: id, start time, version, stage, when it was due.
type Row =
    (Timestamp, i64, Option<i64>, Option<Timestamp>, Option<Timestamp>, Option<i16>, Option<Timestamp>);
type RowSql = (
    Timestamptz,
    BigInt,
    Nullable<BigInt>,
    Nullable<Timestamptz>,
    Nullable<Timestamptz>,
    Nullable<SmallInt>,
    Nullable<Timestamptz>,
);

statement! {
    /// Leases what is due behind a position, in order, by the database's clock. One row comes back at least.
    TakeOldest("outbox/take_oldest.sql") -> RowSql {
        set: i64 => BigInt,
        after: Timestamp => Timestamptz,
        after_id: i64 => BigInt,
        stages: Vec<i16> => Array<SmallInt>,
        limit: i64 => BigInt,
        owner: Uuid => SqlUuid,
        lease: f64 => Double,
    }
}

statement! {
    /// The same in the opposite order.
    TakeNewest("outbox/take_newest.sql") -> RowSql {
        set: i64 => BigInt,
        after: Timestamp => Timestamptz,
        after_id: i64 => BigInt,
        stages: Vec<i16> => Array<SmallInt>,
        limit: i64 => BigInt,
        owner: Uuid => SqlUuid,
        lease: f64 => Double,
    }
}

statement! {
    /// The same of what is due in a range of pages. Asked in a way that no index of the outbox answers: an index would be read
    /// with all that is dead in it.
    TakeInPages("outbox/take_in_pages.sql") -> RowSql {
        set: i64 => BigInt,
        from: String => Text,
        to: String => Text,
        stages: Vec<i16> => Array<SmallInt>,
        limit: i64 => BigInt,
        owner: Uuid => SqlUuid,
        lease: f64 => Double,
    }
}

/// The result of a claim.
#[derive(Debug)]
pub(crate) struct Claim {
    /// The database's time.
    pub(crate) now: Timestamp,
    /// Pages of the outbox.
    pub(crate) pages: i64,
    /// The last row in the order of due rows.
    pub(crate) last: Option<Position>,
    /// The rows.
    pub(crate) leases: Vec<Lease>,
}

/// Prepares a connection for the outbox, which is empty at one moment and a million rows deep at another: its
/// statistics and any plan that was made for the other moment are wrong. So each statement is planned again, and reads
/// no more of the index of due rows than it needs, in the order of the index. For the same reason no statement joins
/// the outbox with other rows: if PostgreSQL believes that the outbox is empty, every join reads all of it. Statements
/// name rows by their keys instead.
pub(crate) async fn set_up(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    let plans = "SET plan_cache_mode = force_custom_plan; SET enable_seqscan = off; SET enable_bitmapscan = off; \
                 SET enable_sort = off";
    connection.batch_execute(plans).await
}

/// Leases at most `limit` due rows of the window for `lease`.
pub(crate) async fn take(
    connection: &mut AsyncPgConnection,
    holder: Holder,
    limit: i64,
    lease: Duration,
    window: Window,
) -> QueryResult<Claim> {
    let rows = lease_rows(connection, holder, limit, lease, window).await?;
    let head = rows.as_slice().first().map(|row| (row.0, row.1));
    let (now, pages) = head.ok_or(diesel::result::Error::NotFound)?;
    let mut claim = Claim { now, pages, last: None, leases: Vec::new() };
    for row in rows {
        let (_, _, Some(record_id), Some(start_time), Some(version), Some(stage), Some(due_at)) = row else {
            continue;
        };
        claim.last = claim.last.max(Some(Position { due_at, record_id }));
        claim.leases.push(Lease { record_id, start_time, version, stage: Stage::of(stage) });
    }
    Ok(claim)
}

async fn lease_rows(
    connection: &mut AsyncPgConnection,
    holder: Holder,
    limit: i64,
    lease: Duration,
    window: Window,
) -> QueryResult<Vec<Row>> {
    let Holder { owner, set: ServingSet { id: set, .. } } = holder;
    let (stages, lease) = (window.wanted.stages(), lease.as_secs_f64());
    match window.look {
        Look::Oldest(Position { due_at: after, record_id: after_id }) => {
            TakeOldest { set, after, after_id, stages, limit, owner, lease }.load(connection).await
        }
        Look::Newest(Position { due_at: after, record_id: after_id }) => {
            TakeNewest { set, after, after_id, stages, limit, owner, lease }.load(connection).await
        }
        Look::Pages { from, to } => {
            let (from, to) = (row_id(from), row_id(to));
            TakeInPages { set, from, to, stages, limit, owner, lease }.load(connection).await
        }
    }
}

/// The first place of a page, as PostgreSQL writes it.
pub(super) fn row_id(page: i64) -> String {
    format!("({page},0)")
}
