//! What a filter demands, as conditions.

use super::{AuditFilter, Conditions, Valid};

impl Conditions {
    /// What `filter` demands. Everything that selects records comes through here, so that a list, its total
    /// and a search never disagree.
    pub(crate) fn of<F: AuditFilter>(filter: &Valid<F>) -> Self {
        Self::default().with(filter)
    }

    /// Whether `filter` demands more than a range of the time that partitions go by.
    pub(crate) fn is_of_columns<F: AuditFilter>(filter: &Valid<F>) -> bool {
        !Self::default().with_columns(filter).is_empty()
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
}
