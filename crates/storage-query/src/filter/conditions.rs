//! A WHERE clause, grown one condition at a time.

use storage_models::Timestamp;

use super::{AuditFilter, Range, Valid};
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

    /// Whether `filter` demands more than a range of the time that partitions go by.
    pub(crate) fn is_of_columns<F: AuditFilter>(filter: &Valid<F>) -> bool {
        !Self::default().with_columns(filter).sql.is_empty()
    }

    /// These conditions and what `filter` demands.
    pub(crate) fn with<F: AuditFilter>(self, filter: &Valid<F>) -> Self {
        let mut conditions = self.with_columns(filter);
        conditions.within(filter, F::TIME);
        conditions
    }

    fn with_columns<F: AuditFilter>(mut self, filter: &Valid<F>) -> Self {
        filter.filter().push_conditions(&mut self);
        self.range("created_at", filter.times().created);
        self.range("updated_at", filter.times().updated);
        self
    }

    /// Demands that `time` lies in the filter's range. What follows the months of records is narrowed by the same range, for
    /// PostgreSQL does not conclude from a join which of its partitions are left.
    pub(crate) fn within<F: AuditFilter>(&mut self, filter: &Valid<F>, time: &'static str) {
        self.range(time, filter.times().own);
    }

    fn range(&mut self, time: &'static str, Range { since, until }: Range<Timestamp>) {
        if let Some(since) = since {
            self.and(time).text(" >= ").bind(Bind::Timestamptz(since));
        }
        if let Some(until) = until {
            self.and(time).text(" < ").bind(Bind::Timestamptz(until));
        }
    }

    /// Begins another condition, with the column or expression `text`.
    pub(crate) fn and(&mut self, text: &'static str) -> &mut Sql {
        let joint = if self.sql.is_empty() { " WHERE " } else { " AND " };
        self.sql.text(joint).text(text)
    }

    /// Demands one of `alternatives`; none means nothing.
    pub(super) fn any_of(&mut self, alternatives: Vec<Sql>) {
        let are_several = alternatives.len() > 1;
        for (place, alternative) in alternatives.into_iter().enumerate() {
            let sql = match place {
                0 => self.and(if are_several { "(" } else { "" }),
                _ => self.sql.text(" OR "),
            };
            sql.append(alternative);
        }
        if are_several {
            self.sql.text(")");
        }
    }

    pub(crate) fn into_sql(self) -> Sql {
        self.sql
    }
}
