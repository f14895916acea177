//! How many records of each of several incidents are looked at, so that all of them together have a bound.

use super::nearest::ACTIVE_SLOT;
use crate::filter::Conditions;
use crate::sql::{Bind, Sql};
use crate::{CheckedFilter, RemediationFilter};

/// What `placed`, a row of `remediation_vector`, must meet to be of an incident, in the filter's range of time.
pub(crate) fn placed(filter: &CheckedFilter<RemediationFilter>, incident: &'static str) -> Conditions {
    let mut placed = Conditions::default();
    placed.and("placed.slot").text(" = ").text(ACTIVE_SLOT);
    placed.and("placed.incident_key = ").text(incident);
    placed.within(filter, "placed.start_time");
    placed
}

/// Two tables of a statement: the incidents `wanted`, which are the rows of `hit`, each with its `records` in the filter's
/// range of time; and the `share`, how many records of each of them may be looked at, at `most` that many of all.
///
/// No incident has fewer than another unless it has no more. An incident with few records leaves a larger share to the
/// others: the largest share of all, as the incidents with the fewest leave one after the other, is the one that all can have.
pub(crate) fn sharing(hit: Sql, filter: &CheckedFilter<RemediationFilter>, most: i64) -> Sql {
    let mut sql =
        Sql::new("wanted AS (SELECT *, (SELECT count(*) FROM (SELECT FROM remediation_vector AS placed");
    sql.append(placed(filter, "hit.incident_key").into_sql())
        .text(" LIMIT ")
        .bind(Bind::BigInt(most))
        .text(") AS counted) AS records FROM ")
        .append(hit)
        .text("), share AS (SELECT greatest(1, max(floor((")
        .bind(Bind::BigInt(most))
        .text(
            " - fewer) / sharing)))::bigint AS most FROM (SELECT \
             coalesce(sum(records) OVER (ascending ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS fewer, \
             count(*) OVER (ascending ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS sharing \
             FROM wanted WINDOW ascending AS (ORDER BY records)) AS left_to_share)",
        );
    sql
}
