//! How many remediations match, from the counters that every write keeps (`remediation_count` and what was appended
//! to it since): the sum over them is exact in every snapshot, and does not grow with the table.

mod months;
#[cfg(test)]
mod tests;

use storage_models::Remediation;

use crate::filter::Conditions;
use crate::record::sealed::Shape as _;
use crate::sql::{Bind, Sql};
use crate::{AuditFilter, Listed, Valid};
use months::{Months, Span};

/// The columns that the counters know, besides the month.
const KNOWN: [&str; 5] = ["namespace", "phase", "status", "action_type", "severity"];

/// A query whose `records`, summed up, are how many records match; with `column`, one of the counters' own, beside
/// them. `None` when the counters cannot tell: the filter asks for something else than they know, or for a range of
/// time that holds no whole month. What is left of a range at its ends is counted in the table.
///
/// A month with too many kinds of records has no counters (`remediation_count_excess`). Whether the range holds one
/// is decided by the same statement, which then counts the table instead.
pub(crate) fn of<R: Listed>(filter: &Valid<R::Filter>, column: Option<&'static str>) -> Option<Sql> {
    if R::TABLE != Remediation::TABLE || !knows_all(filter) || column.is_some_and(|it| !KNOWN.contains(&it)) {
        return None;
    }
    let months = Months::of(filter.since(), filter.until())?;
    let tally = Tally { filter, column, months };
    let mut sql = tally.counters("remediation_count");
    sql.text(" UNION ALL ").append(tally.counters("remediation_count_delta"));
    for edge in [tally.months.head, tally.months.tail].into_iter().flatten() {
        sql.text(" UNION ALL ").append(tally.rows(edge, None));
    }
    sql.text(" UNION ALL ").append(tally.rows(tally.months.whole, Some(tally.excess())));
    Some(sql)
}

/// The total of [`of`], as a query of one row.
pub(crate) fn total<R: Listed>(filter: &Valid<R::Filter>) -> Option<Sql> {
    let mut sql = Sql::new("SELECT coalesce(sum(records), 0)::bigint AS total FROM (");
    sql.append(of::<R>(filter, None)?).text(") AS tally");
    Some(sql)
}

/// Whether the filter, but for the range of the records' own time, speaks of the counters' columns alone.
fn knows_all<F: AuditFilter>(filter: &Valid<F>) -> bool {
    let is_known = |parameter: &str| KNOWN.contains(&parameter.split('.').next().unwrap_or_default());
    !filter.is_within_written_times() && filter.filter().describe().iter().all(|(field, _)| is_known(field))
}

struct Tally<'a, F> {
    filter: &'a Valid<F>,
    column: Option<&'static str>,
    months: Months,
}

impl<F: AuditFilter> Tally<'_, F> {
    fn counters(&self, table: &'static str) -> Sql {
        let mut conditions = self.conditions("month", self.months.whole);
        conditions.and("NOT ").append(self.excess());
        let mut sql = self.select();
        sql.text("records FROM ").text(table).append(conditions.into_sql());
        sql
    }

    /// The records of the table itself in a range of time, perhaps only if something holds.
    fn rows(&self, span: Span, gate: Option<Sql>) -> Sql {
        let mut conditions = self.conditions(F::TIME, span);
        if let Some(gate) = gate {
            conditions.and("").append(gate);
        }
        let mut sql = self.select();
        sql.text("count(*) AS records FROM ").text(Remediation::TABLE).append(conditions.into_sql());
        if let Some(column) = self.column {
            sql.text(" GROUP BY ").text(column);
        }
        sql
    }

    /// Whether one of the whole months has no counters.
    fn excess(&self) -> Sql {
        let mut conditions = Conditions::default();
        push_span(&mut conditions, "month", self.months.whole);
        let mut sql = Sql::new("EXISTS (SELECT FROM remediation_count_excess");
        sql.append(conditions.into_sql()).text(")");
        sql
    }

    fn select(&self) -> Sql {
        let mut sql = Sql::new("SELECT ");
        if let Some(column) = self.column {
            sql.text(column).text(", ");
        }
        sql
    }

    /// What the filter demands but for its range of time, and another range.
    fn conditions(&self, time: &'static str, span: Span) -> Conditions {
        let mut conditions = Conditions::default();
        self.filter.filter().push_conditions(&mut conditions);
        push_span(&mut conditions, time, span);
        conditions
    }
}

fn push_span(conditions: &mut Conditions, time: &'static str, (from, to): Span) {
    if let Some(from) = from {
        conditions.and(time).text(" >= ").bind(Bind::Timestamptz(from));
    }
    if let Some(to) = to {
        conditions.and(time).text(" < ").bind(Bind::Timestamptz(to));
    }
}
