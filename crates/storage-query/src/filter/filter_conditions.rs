//! The conditions of a filter.

use super::{AuditFilter, CheckedFilter, Conditions};

impl Conditions {
    /// The conditions of `filter`. Every query that selects records uses this function, so that a list, its total and a
    /// search never disagree.
    pub(crate) fn of<F: AuditFilter>(filter: &CheckedFilter<F>) -> Self {
        Self::default().with(filter)
    }

    /// Whether `filter` has more than a range of the time that selects partitions.
    pub(crate) fn is_of_columns<F: AuditFilter>(filter: &CheckedFilter<F>) -> bool {
        !Self::default().with_columns(filter).is_empty()
    }

    /// These conditions and those of `filter`.
    pub(crate) fn with<F: AuditFilter>(self, filter: &CheckedFilter<F>) -> Self {
        let mut conditions = self.with_columns(filter);
        conditions.within(filter, F::TIME);
        conditions
    }

    fn with_columns<F: AuditFilter>(mut self, filter: &CheckedFilter<F>) -> Self {
        filter.filter().push_conditions(&mut self);
        self.range("created_at", filter.times().created);
        self.range("updated_at", filter.times().updated);
        self
    }

    /// Requires that `time` lies in the filter's range. A table that is partitioned by the months of records needs the
    /// same range, because PostgreSQL does not derive from a join which partitions it can skip.
    pub(crate) fn within<F: AuditFilter>(&mut self, filter: &CheckedFilter<F>, time: &'static str) {
        self.range(time, filter.times().own);
    }
}
