//! How many remediations match, from the counters that every write keeps (`remediation_count` and what was appended
//! to it since): the sum over them is exact in every snapshot, and does not grow with the table.

mod months;
#[cfg(test)]
mod tests;

use storage_models::Remediation;

use crate::filter::Conditions;
use crate::record::sealed::Shape as _;
use crate::sql::{Bind, Sql};
use crate::{AuditFilter, CheckedFilter, Listed, RemediationFilter};
use months::{Months, Span};

/// The columns that the counters know, besides the month.
pub(crate) const KNOWN: [&str; 5] = ["namespace", "phase", "status", "action_type", "severity"];

/// A query whose `records` sum up to the number of matching records, with `columns`, some of the counters', beside
/// them. `None` if the counters cannot answer: the filter has a condition on another column, or its range of time has
/// no whole month. The parts of a month at the ends of the range are counted in the table.
///
/// A month with too many kinds of records has no counters (`remediation_count_excess`). Whether the range holds one
/// is decided by the same statement, which then counts the table instead.
pub(crate) fn of<R: Listed>(filter: &CheckedFilter<R::Filter>, columns: &[&'static str]) -> Option<Sql> {
    let counter_sum = CounterSum::of::<R>(filter, columns)?;
    let mut sql = counter_sum.counted();
    sql.text(" UNION ALL ").append(counter_sum.rows_of_excess());
    Some(sql)
}

/// How many `records` there are of each kind, a kind being one value of each of the counters' columns, in the filter's range
/// of time. What the filter says of `columns` is left out. `None` as in [`of`].
pub(crate) fn kinds(filter: &CheckedFilter<RemediationFilter>, columns: &[&'static str]) -> Option<Sql> {
    let wider = filter.clone().with(|filter| columns.iter().for_each(|column| filter.forget(column)));
    let mut sql = Sql::new("SELECT ");
    sql.text(LISTED)
        .text(", sum(records)::bigint AS records FROM (")
        .append(of::<Remediation>(&wider, &KNOWN)?);
    sql.text(") AS counter_sum GROUP BY ").text(LISTED);
    Some(sql)
}

/// [`KNOWN`], between commas.
const LISTED: &str = "namespace, phase, status, action_type, severity";

/// The total of [`of`], as a query of one row.
pub(crate) fn total<R: Listed>(filter: &CheckedFilter<R::Filter>) -> Option<Sql> {
    let mut sql = Sql::new("SELECT coalesce(sum(records), 0)::bigint AS total FROM (");
    sql.append(of::<R>(filter, &[])?).text(") AS counter_sum");
    Some(sql)
}

/// The same total, or null when a whole month has no counters. Its plan has no month of the table but those at the ends of
/// the range.
pub(crate) fn total_of_counters<R: Listed>(filter: &CheckedFilter<R::Filter>) -> Option<Sql> {
    let counter_sum = CounterSum::of::<R>(filter, &[])?;
    let mut sql = Sql::new("SELECT CASE WHEN NOT ");
    sql.append(counter_sum.excess()).text(" THEN coalesce(sum(records), 0)::bigint END AS total FROM (");
    sql.append(counter_sum.counted()).text(") AS counter_sum");
    Some(sql)
}

/// Whether the filter, but for the range of the records' own time, speaks of the counters' columns alone.
fn knows_all<F: AuditFilter>(filter: &CheckedFilter<F>) -> bool {
    let is_known = |parameter: &str| KNOWN.contains(&parameter.split('.').next().unwrap_or_default());
    !filter.is_within_written_times() && filter.filter().describe().iter().all(|(field, _)| is_known(field))
}

struct CounterSum<'a, F> {
    filter: &'a CheckedFilter<F>,
    columns: &'a [&'static str],
    months: Months,
}

impl<'a, F: AuditFilter> CounterSum<'a, F> {
    fn of<R: Listed<Filter = F>>(filter: &'a CheckedFilter<F>, columns: &'a [&'static str]) -> Option<Self> {
        let is_known = R::TABLE == Remediation::TABLE && knows_all(filter);
        if !is_known || columns.iter().any(|it| !KNOWN.contains(it)) {
            return None;
        }
        Some(Self { filter, columns, months: Months::of(filter.since(), filter.until())? })
    }

    /// The months that have counters, and the ends of the range.
    fn counted(&self) -> Sql {
        let mut sql = self.counters("remediation_count");
        sql.text(" UNION ALL ").append(self.counters("remediation_count_delta"));
        for edge in [self.months.head, self.months.tail].into_iter().flatten() {
            sql.text(" UNION ALL ").append(self.rows(edge));
        }
        sql
    }

    fn counters(&self, table: &'static str) -> Sql {
        let mut conditions = self.conditions("month", self.months.whole);
        conditions.and("NOT ").append(self.excess());
        let mut sql = self.select();
        sql.text("records FROM ").text(table).append(conditions.into_sql());
        sql
    }

    /// The records of the table itself in a range of time.
    fn rows(&self, span: Span) -> Sql {
        let mut sql = self.select();
        sql.text("count(*) AS records FROM ")
            .text(Remediation::TABLE)
            .append(self.conditions(F::TIME, span).into_sql());
        if !self.columns.is_empty() {
            sql.text(" GROUP BY ").append(self.listed());
        }
        sql
    }

    /// The same, only if a whole month has no counters. That is asked outside of what counts: asked inside, PostgreSQL would
    /// start workers for a large table before it knows.
    fn rows_of_excess(&self) -> Sql {
        let mut sql = Sql::new("SELECT * FROM (");
        sql.append(self.rows(self.months.whole)).text(") AS counted WHERE ").append(self.excess());
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
        if !self.columns.is_empty() {
            sql.append(self.listed()).text(", ");
        }
        sql
    }

    fn listed(&self) -> Sql {
        let mut sql = Sql::default();
        for (place, column) in self.columns.iter().enumerate() {
            sql.text(if place == 0 { "" } else { ", " }).text(column);
        }
        sql
    }

    /// The conditions of the filter without its range of time, and another range.
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
