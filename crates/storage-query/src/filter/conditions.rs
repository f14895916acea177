//! A WHERE clause, grown one condition at a time.

use super::value::FilterValue;
use super::{AuditFilter, Valid};
use crate::sql::{Bind, Sql};

/// A WHERE clause; no clause at all while it has no condition.
#[derive(Debug, Default)]
pub struct Conditions {
    sql: Sql,
}

impl Conditions {
    /// What `filter` demands. Everything that selects records comes through here, so that a list, its total
    /// and a search never disagree.
    pub(crate) fn of<F: AuditFilter>(filter: &Valid<F>) -> Self {
        Self::default().with(filter)
    }

    /// Whether `filter` demands more than a range of time.
    pub(crate) fn is_of_columns<F: AuditFilter>(filter: &Valid<F>) -> bool {
        let mut conditions = Self::default();
        filter.filter().push_conditions(&mut conditions);
        !conditions.sql.is_empty()
    }

    /// These conditions and what `filter` demands.
    pub(crate) fn with<F: AuditFilter>(mut self, filter: &Valid<F>) -> Self {
        filter.filter().push_conditions(&mut self);
        self.within(filter, F::TIME);
        self
    }

    /// Demands that `time` lies in the filter's range. What follows the months of records is narrowed by the same range, for
    /// PostgreSQL does not conclude from a join which of its partitions are left.
    pub(crate) fn within<F: AuditFilter>(&mut self, filter: &Valid<F>, time: &'static str) {
        if let Some(since) = filter.since() {
            self.and(time).text(" >= ").bind(Bind::Timestamptz(since));
        }
        if let Some(until) = filter.until() {
            self.and(time).text(" < ").bind(Bind::Timestamptz(until));
        }
    }

    /// Begins another condition, with the column or expression `text`.
    pub(crate) fn and(&mut self, text: &'static str) -> &mut Sql {
        let joint = if self.sql.is_empty() { " WHERE " } else { " AND " };
        self.sql.text(joint).text(text)
    }

    /// Demands that `column` is one of `values`; none means any.
    pub(super) fn one_of<V: FilterValue>(&mut self, column: &'static str, values: &[V]) {
        if !values.is_empty() {
            self.and(column);
            self.equals_one_of(values);
        }
    }

    /// Goes on with a comparison to `values`, of which there is at least one.
    ///
    /// A single value is compared with `=`: an index on the column and a time then gives the rows in the
    /// order of the time, which it does not for `= ANY`, and a page is read without sorting all that match.
    pub(super) fn equals_one_of<V: FilterValue>(&mut self, values: &[V]) {
        match values {
            [value] => self.sql.text(" = ").bind(value.bind()),
            values => self.sql.text(" = ANY(").bind(V::bind_all(values)).text(")"),
        };
    }

    pub(crate) fn into_sql(self) -> Sql {
        self.sql
    }
}
