//! What came of each of the newest records, as SQL.

use storage_models::{Remediation, Timestamp};

use super::settle::Settle;
use crate::filter::Conditions;
use crate::record::sealed::Shape as _;
use crate::search::ACTIVE_SLOT;
use crate::sql::{Bind, Sql};

/// Of how many records it is looked up what came of them, at most: the newest.
pub const MAX_JUDGED: i64 = 10_000;

/// The columns that are looked at of every record.
const ALWAYS: [&str; 10] = [
    "id",
    "start_time",
    "phase",
    "status",
    "duration_ms",
    "action_type",
    "namespace",
    "cluster",
    "alert_fingerprint",
    "remediation_request_id",
];

/// What is looked at where outcomes are counted.
pub(super) const FINISHED: &str = "phase IN ('completed', 'failed')";

/// What tells a record that came back from one of the same request.
const OF_ANOTHER_REQUEST: &str =
    "(again.remediation_request_id <> looked.remediation_request_id) IS NOT FALSE";

/// Which of the records are looked at where there are too many.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    NewestFirst,
    OldestFirst,
}

/// The records that meet the conditions, in their order, as many as that, with these columns and what is looked at of every
/// record: what is sorted is as narrow as may be.
pub(super) fn looked_at(columns: &[&'static str], conditions: Conditions, order: Order, most: i64) -> Sql {
    let mut sql = columns_looked_at(columns);
    sql.append(conditions.into_sql());
    sql.text(match order {
        Order::NewestFirst => " ORDER BY start_time DESC, id DESC LIMIT ",
        Order::OldestFirst => " ORDER BY start_time, id LIMIT ",
    });
    sql.bind(Bind::BigInt(most));
    sql
}

/// The record that meets the conditions, which name it. `OFFSET 0` has records looked up one by one.
pub(super) fn looked_at_one_by_one(conditions: Conditions) -> Sql {
    let mut sql = columns_looked_at(&[]);
    sql.append(conditions.into_sql()).text(" OFFSET 0");
    sql
}

/// A success that says no end is taken to have ended when it began.
fn columns_looked_at(columns: &[&'static str]) -> Sql {
    let mut sql = Sql::new("SELECT coalesce(end_time, start_time) AS ended");
    let others = columns.iter().filter(|column| !ALWAYS.contains(column));
    for column in ALWAYS.iter().chain(others) {
        sql.text(", ").text(column);
    }
    sql.text(" FROM ").text(Remediation::TABLE);
    sql
}

/// The rows of `looked`, a table that is called so and made by [`looked_at`], each with its `outcome`, one after the other.
///
/// A success has `recurred` when a record of the same incident begins after its end and soon enough, whatever asked for it
/// but the same request: one of the same fingerprint, or where it has none, of the same text, cluster and namespace. Until
/// that time is over it is `too_early` to say that it `held`.
pub(super) fn judged(looked: Sql, now: Timestamp, settle: Settle) -> Sql {
    let mut own = Sql::new("(SELECT slot, incident_key FROM ");
    own.append(own_vector()).text(" OFFSET 0)");
    let mut again = Sql::new("CASE");
    again.append(again_by_look_up(own, settle)).text(" END");
    outcomes(again, looked, now, settle)
}

/// [`judged`] of the table `looked` of a statement, all at once. `OFFSET 0` has the outcome worked out once a row, however
/// often it is named.
///
/// The next record of the same incident that is `looked` at mostly answers. Only a success that it leaves open is looked up:
/// where an alert never rests, that is one of thousands.
pub(super) fn judged_once(now: Timestamp, settle: Settle) -> Sql {
    let mut looked = Sql::new(
        "(SELECT looked.*, own.slot AS own_slot, own.incident_key AS own_key, lead(looked.start_time) OVER next AS next_time, \
         lead(remediation_request_id) OVER next AS next_request FROM looked LEFT JOIN LATERAL (SELECT slot, incident_key FROM ",
    );
    looked.append(own_vector()).text(
        " AND looked.alert_fingerprint IS NULL OFFSET 0) AS own ON true WINDOW next AS (PARTITION BY \
         alert_fingerprint COLLATE \"C\", own.incident_key, \
         CASE WHEN alert_fingerprint IS NULL THEN namespace END COLLATE \"C\", \
         CASE WHEN alert_fingerprint IS NULL THEN cluster END COLLATE \"C\" ORDER BY looked.start_time)) AS looked",
    );
    let mut again = Sql::new("CASE WHEN (alert_fingerprint IS NOT NULL OR own_key IS NOT NULL) AND ");
    again
        .append(soon("next_time", settle))
        .text(" AND (next_request <> remediation_request_id) IS NOT FALSE THEN true")
        .append(again_by_look_up(Sql::new("(SELECT own_slot AS slot, own_key AS incident_key)"), settle))
        .text(" END");
    let mut sql = outcomes(again, looked, now, settle);
    sql.text(" OFFSET 0");
    sql
}

/// The rows of `looked`, each with its outcome; `again` says whether what succeeded came again.
fn outcomes(again: Sql, looked: Sql, now: Timestamp, settle: Settle) -> Sql {
    let mut sql = Sql::new(
        "SELECT *, CASE WHEN phase NOT IN ('completed', 'failed') THEN 'unfinished' WHEN status = 'failed' THEN 'failed' \
         WHEN status <> 'success' THEN 'unknown' WHEN ",
    );
    sql.append(again)
        .text(" THEN 'recurred' WHEN ")
        .append(settled(settle))
        .text(" > ")
        .bind(Bind::Timestamptz(now));
    sql.text(" THEN 'too_early' ELSE 'held' END AS outcome FROM ").append(looked);
    sql
}

/// The vector of a record of `looked` in the set that serves.
fn own_vector() -> Sql {
    let mut sql = Sql::new("remediation_vector WHERE slot = ");
    sql.text(ACTIVE_SLOT).text(" AND record_id = looked.id AND start_time = looked.start_time");
    sql
}

/// The end of a `CASE`: looks for a record by the fingerprint, or without one by the text of `own`.
fn again_by_look_up(own: Sql, settle: Settle) -> Sql {
    let mut sql = Sql::new(" WHEN alert_fingerprint IS NULL THEN ");
    sql.append(again_by_text(own, settle)).text(" ELSE ").append(again_by_fingerprint(settle));
    sql
}

fn settled(settle: Settle) -> Sql {
    let mut sql = Sql::new("looked.ended + ");
    sql.bind(Bind::BigInt(settle.millis())).text(" * interval '1 ms'");
    sql
}

/// Whether there is a record of the same fingerprint.
fn again_by_fingerprint(settle: Settle) -> Sql {
    let mut sql = Sql::new("EXISTS (SELECT FROM ");
    sql.text(Remediation::TABLE)
        .text(" AS again WHERE again.alert_fingerprint = looked.alert_fingerprint AND ")
        .append(soon("again.start_time", settle))
        .text(" AND ")
        .text(OF_ANOTHER_REQUEST)
        .text(")");
    sql
}

/// Whether there is a record of the same text, cluster and namespace, as far as both have a vector; that of the one before is
/// `own`. `OFFSET 0` has each looked up for the one before: PostgreSQL would else plan every order in which three tables of
/// many months can be joined.
fn again_by_text(own: Sql, settle: Settle) -> Sql {
    let mut sql = Sql::new("EXISTS (SELECT FROM ");
    sql.append(own)
        .text(
            " AS own CROSS JOIN LATERAL (SELECT record_id, start_time FROM remediation_vector AS other \
             WHERE other.slot = own.slot AND other.incident_key = own.incident_key AND ",
        )
        .append(soon("other.start_time", settle))
        .text(" OFFSET 0) AS other CROSS JOIN LATERAL (SELECT FROM ")
        .text(Remediation::TABLE)
        .text(
            " AS again WHERE again.id = other.record_id AND again.start_time = other.start_time \
             AND again.namespace = looked.namespace AND again.cluster IS NOT DISTINCT FROM looked.cluster AND ",
        )
        .text(OF_ANOTHER_REQUEST)
        .text(" OFFSET 0) AS again)");
    sql
}

/// That a time lies behind the end, and not too far.
fn soon(time: &'static str, settle: Settle) -> Sql {
    let mut sql = Sql::new(time);
    sql.text(" > looked.ended AND ").text(time).text(" <= ").append(settled(settle));
    sql
}
