//! What came of each of the newest records, as SQL.

use storage_models::{Remediation, Timestamp};

use super::settle::Settle;
use crate::filter::Conditions;
use crate::record::sealed::Shape as _;
use crate::search::ACTIVE_SLOT;
use crate::sql::{Bind, Sql};

/// Of how many records it is looked up what came of them, at most: the newest.
pub const MAX_JUDGED: i64 = 10_000;

/// What is looked at of a record. A success that says no end is taken to have ended when it began.
const LOOKED_AT: &str = "SELECT id, start_time, end_time, coalesce(end_time, start_time) AS ended, phase, status, \
                         duration_ms, action_type, namespace, cluster, environment, severity, target_name, alert_name, \
                         alert_fingerprint, remediation_request_id, recorded_by FROM ";

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

/// The records that meet the conditions, in their order, as many as that.
pub(super) fn looked_at(conditions: Conditions, order: Order, most: i64) -> Sql {
    let mut sql = Sql::new(LOOKED_AT);
    sql.text(Remediation::TABLE).append(conditions.into_sql());
    sql.text(match order {
        Order::NewestFirst => " ORDER BY start_time DESC, id DESC LIMIT ",
        Order::OldestFirst => " ORDER BY start_time, id LIMIT ",
    });
    sql.bind(Bind::BigInt(most));
    sql
}

/// The record that meets the conditions, which name it. `OFFSET 0` has records looked up one by one.
pub(super) fn looked_at_one_by_one(conditions: Conditions) -> Sql {
    let mut sql = Sql::new(LOOKED_AT);
    sql.text(Remediation::TABLE).append(conditions.into_sql()).text(" OFFSET 0");
    sql
}

/// The rows of the table `looked`, which is made by [`looked_at`], each with its `outcome`.
///
/// A success has `recurred` when a record of the same incident begins after its end and soon enough, whatever asked for it
/// but the same request: one of the same fingerprint, or where it has none, of the same text, cluster and namespace. Until
/// that time is over it is `too_early` to say that it `held`.
///
/// `OFFSET 0` has it worked out once a row, however often it is named.
pub(super) fn judged(now: Timestamp, settle: Settle) -> Sql {
    let mut sql = Sql::new(
        "SELECT *, CASE WHEN phase NOT IN ('completed', 'failed') THEN 'unfinished' WHEN status = 'failed' THEN 'failed' \
         WHEN status <> 'success' THEN 'unknown' WHEN CASE WHEN alert_fingerprint IS NULL THEN ",
    );
    sql.append(again_by_text(settle)).text(" ELSE ").append(again_by_fingerprint(settle));
    sql.text(" END THEN 'recurred' WHEN ").append(settled(settle)).text(" > ").bind(Bind::Timestamptz(now));
    sql.text(" THEN 'too_early' ELSE 'held' END AS outcome FROM looked OFFSET 0");
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

/// Whether there is a record of the same text, cluster and namespace, as far as both have a vector.
fn again_by_text(settle: Settle) -> Sql {
    let mut sql = Sql::new(
        "EXISTS (SELECT FROM remediation_vector AS own JOIN remediation_vector AS other \
         ON other.slot = own.slot AND other.incident_key = own.incident_key JOIN ",
    );
    sql.text(Remediation::TABLE)
        .text(" AS again ON again.id = other.record_id AND again.start_time = other.start_time WHERE own.slot = ")
        .text(ACTIVE_SLOT)
        .text(" AND own.record_id = looked.id AND own.start_time = looked.start_time AND ")
        .append(soon("other.start_time", settle))
        .text(
            " AND again.namespace = looked.namespace AND again.cluster IS NOT DISTINCT FROM looked.cluster AND ",
        )
        .text(OF_ANOTHER_REQUEST)
        .text(")");
    sql
}

/// That a time lies behind the end, and not too far.
fn soon(time: &'static str, settle: Settle) -> Sql {
    let mut sql = Sql::new(time);
    sql.text(" > looked.ended AND ").text(time).text(" <= ").append(settled(settle));
    sql
}
