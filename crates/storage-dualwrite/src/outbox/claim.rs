//! The claim: leases due rows, in one statement that holds nothing afterwards.

use std::time::Duration;

use diesel::QueryResult;
use diesel::sql_types::{Array, BigInt, Double, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection as _};
use storage_models::Timestamp;
use uuid::Uuid;

use super::window::{Look, Position, Window};
use super::{Holder, Lease, Stage};
use crate::ServingSet;
use crate::fixed_statement::fixed_statement;

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

/// A statement that leases what is due in a part of the outbox, by the database's clock. One row comes back at least. The
/// first two literals stand around the set's id.
macro_rules! take_statement {
    ($(#[$meta:meta])* $name:ident { $set:literal $of_set:literal $($part:expr, $bind:ident: $rust:ty => $sql:ty;)+ } $close:literal $order:literal) => {
        fixed_statement! {
            $(#[$meta])*
            $name -> RowSql {
                concat!("WITH due AS (SELECT record_id, next_attempt_at FROM vector_outbox WHERE ", $set),
                    set: i64 => BigInt;
                concat!($of_set, " AND next_attempt_at <= now()");
                $($part, $bind: $rust => $sql;)+
                $close;
                " AND stage = ANY(", stages: Vec<i16> => Array<SmallInt>;
                ")";
                $order;
                " LIMIT ", limit: i64 => BigInt;
                " FOR UPDATE SKIP LOCKED), \
                 taken AS (UPDATE vector_outbox o SET lease_owner = ", owner: Uuid => SqlUuid;
                ", lease_until = now() + make_interval(secs => ", lease: f64 => Double;
                "), next_attempt_at = now() + make_interval(secs => ", until: f64 => Double;
                ") WHERE o.set_id = ", of_set: i64 => BigInt;
                " AND o.record_id = ANY(ARRAY(SELECT record_id FROM due)) \
                    RETURNING o.record_id, o.start_time, o.version, o.stage) \
                 SELECT now(), \
                        pg_relation_size('vector_outbox') / current_setting('block_size')::bigint, \
                        record_id, taken.start_time, taken.version, taken.stage, due.next_attempt_at \
                    FROM (VALUES (1)) AS one LEFT JOIN (taken JOIN due USING (record_id)) ON true";
            }
        }
    };
}

take_statement! {
    /// The due rows after a position, in order.
    TakeOldest { "set_id = " ""
    " AND parked_at IS NULL AND (next_attempt_at, record_id) > (", after: Timestamp => Timestamptz;
    ", ", after_id: i64 => BigInt;
    } ")" " ORDER BY next_attempt_at, record_id"
}
take_statement! {
    /// The due rows after a position, in the opposite order.
    TakeNewest { "set_id = " ""
    " AND parked_at IS NULL AND (next_attempt_at, record_id) > (", after: Timestamp => Timestamptz;
    ", ", after_id: i64 => BigInt;
    } ")" " ORDER BY next_attempt_at DESC, record_id DESC"
}
take_statement! {
    /// The due rows in a range of pages. The statement avoids the indexes of the outbox, because reading an index
    /// includes all its dead entries.
    TakeInPages { "(set_id = " ") IS TRUE"
    " AND (parked_at IS NULL) IS TRUE AND ctid >= CAST(", from: String => Text;
    " AS tid) AND ctid < CAST(", to: String => Text;
    } " AS tid)" ""
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
    let (of_set, stages) = (set, window.wanted.stages());
    let (lease, until) = (lease.as_secs_f64(), lease.as_secs_f64());
    match window.look {
        Look::Oldest(Position { due_at: after, record_id: after_id }) => {
            TakeOldest { set, after, after_id, stages, limit, owner, lease, until, of_set }
                .load(connection)
                .await
        }
        Look::Newest(Position { due_at: after, record_id: after_id }) => {
            TakeNewest { set, after, after_id, stages, limit, owner, lease, until, of_set }
                .load(connection)
                .await
        }
        Look::Pages { from, to } => {
            let (from, to) = (row_id(from), row_id(to));
            TakeInPages { set, from, to, stages, limit, owner, lease, until, of_set }.load(connection).await
        }
    }
}

/// The first place of a page, as PostgreSQL writes it.
pub(super) fn row_id(page: i64) -> String {
    format!("({page},0)")
}
