//! The traits that all kinds of record share, so that one implementation serves them all.

use std::fmt::Debug;

use diesel::Selectable;
use diesel::deserialize::FromSqlRow;
use diesel::dsl::SqlTypeOf;
use diesel::pg::Pg;
use serde::Serialize;
use storage_models::{AiAnalysis, Execution, Record, RecordType, Remediation, Timestamp, Workflow};

use crate::sort_key::SortKey;
use crate::{AiAnalysisFilter, AuditFilter, ExecutionFilter, Incident, RemediationFilter, WorkflowFilter};

/// Records that can be listed and read by id: the four types of record, and [`Incident`]. Only this crate can implement
/// it.
pub trait Listed:
    sealed::Shape
    + FromSqlRow<<Self as sealed::Shape>::Columns, Pg>
    + Serialize
    + Clone
    + Debug
    + PartialEq
    + Send
    + 'static
{
    /// The filter of its lists.
    type Filter: AuditFilter;

    /// The number that identifies it among its like.
    fn id(&self) -> i64;
}

/// A stored record of one of the four types.
pub trait AuditRecord: Listed {
    /// Which of the four it is.
    const TYPE: RecordType;

    /// The record as one of the four.
    fn into_record(self) -> Record;
}

pub(crate) mod sealed {
    //! Keeps [`Listed`](super::Listed) closed and holds what only this crate needs to know.

    use crate::sort_key::SortKey;

    pub trait Shape {
        /// The SQL types of [`Self::COLUMNS`].
        type Columns: 'static;

        /// The columns in the order of the record's fields, with commas between.
        const COLUMNS: &'static str;
        /// Where they are.
        const TABLE: &'static str;
        /// The column of its own time, which decides its partition.
        const TIME: &'static str;
        /// The keys that its lists may be sorted by.
        const SORT_KEYS: &'static [SortKey];
        /// Its number in a cursor. The meaning of a number never changes.
        const CODE: u8;

        /// Its place in an order: an instant as microseconds since 1970, a duration as milliseconds.
        fn sort_value(&self, key: SortKey) -> Option<i64>;
    }

    /// Records with a duration.
    pub trait Lasting {}

    impl Lasting for storage_models::Remediation {}
    impl Lasting for crate::Incident {}

    /// Records that can change.
    pub trait Changing {}

    impl Changing for storage_models::Remediation {}
    impl Changing for storage_models::Workflow {}
    impl Changing for crate::Incident {}
}

macro_rules! listed {
    (
        $record:ident of $type:ident by $time:ident, sorted by $keys:expr, coded $code:literal,
        changed $updated:expr, lasting $duration:expr, filtered by $filter:ident: $columns:expr
    ) => {
        impl sealed::Shape for $record {
            type Columns = SqlTypeOf<<$record as Selectable<Pg>>::SelectExpression>;

            const COLUMNS: &'static str = $columns;
            const TABLE: &'static str = RecordType::$type.table();
            const TIME: &'static str = stringify!($time);
            const SORT_KEYS: &'static [SortKey] = $keys;
            const CODE: u8 = $code;

            fn sort_value(&self, key: SortKey) -> Option<i64> {
                match key {
                    SortKey::Time => Some(self.$time.micros()),
                    SortKey::CreatedAt => Some(self.created_at.micros()),
                    SortKey::UpdatedAt => $updated(self).map(Timestamp::micros),
                    SortKey::Duration => $duration(self),
                }
            }
        }

        impl Listed for $record {
            type Filter = $filter;

            fn id(&self) -> i64 {
                self.id
            }
        }
    };
}

macro_rules! audit_record {
    ($($record:ident)+) => {$(
        impl AuditRecord for $record {
            const TYPE: RecordType = RecordType::$record;

            fn into_record(self) -> Record {
                Record::$record(self)
            }
        }
    )+};
}

const TIMES: &[SortKey] = &[SortKey::Time, SortKey::CreatedAt];
const TIMES_AND_CHANGE: &[SortKey] = &[SortKey::Time, SortKey::CreatedAt, SortKey::UpdatedAt];
const EVERY: &[SortKey] = &[SortKey::Time, SortKey::CreatedAt, SortKey::UpdatedAt, SortKey::Duration];

listed!(Remediation of Remediation by start_time, sorted by EVERY, coded 1,
    changed |it: &Remediation| Some(it.updated_at), lasting |it: &Remediation| it.duration_ms, filtered by RemediationFilter: RecordType::Remediation.columns());
listed!(AiAnalysis of AiAnalysis by timestamp, sorted by TIMES, coded 2,
    changed |_| None, lasting |_| None, filtered by AiAnalysisFilter: RecordType::AiAnalysis.columns());
listed!(Workflow of Workflow by start_time, sorted by TIMES_AND_CHANGE, coded 3,
    changed |it: &Workflow| Some(it.updated_at), lasting |_| None, filtered by WorkflowFilter: RecordType::Workflow.columns());
listed!(Execution of Execution by start_time, sorted by TIMES, coded 4,
    changed |_| None, lasting |_| None, filtered by ExecutionFilter: RecordType::Execution.columns());
listed!(Incident of Remediation by start_time, sorted by EVERY, coded 5,
    changed |it: &Incident| Some(it.updated_at), lasting |it: &Incident| it.duration_ms, filtered by RemediationFilter:
    "id, alert_name, alert_fingerprint, severity, action_type, namespace, cluster, environment, target_name, \
     remediation_request_id, phase, status, start_time, end_time, duration_ms, error_message, metadata, \
     recorded_by, alterations, created_at, updated_at");

audit_record!(Remediation AiAnalysis Workflow Execution);

#[cfg(test)]
mod tests {
    use diesel::pg::{Pg, PgQueryBuilder};
    use diesel::query_builder::{QueryBuilder as _, QueryFragment};
    use diesel::{QueryDsl as _, SelectableHelper as _};
    use storage_models::schema::remediation_audit;
    use storage_models::{AiAnalysis, Execution, Remediation, Workflow};

    use super::sealed::Shape;
    use crate::Incident;

    /// Rows are read by position: the columns must be those of the incident's fields, in their order.
    #[test]
    fn the_columns_of_an_incident_are_those_diesel_would_select() {
        let mut builder = PgQueryBuilder::default();
        let query = remediation_audit::table.select(Incident::as_select());
        QueryFragment::<Pg>::to_sql(&query, &mut builder, &Pg).unwrap();
        let sql = builder.finish().replace("\"remediation_audit\".", "").replace('"', "");
        let (select, _) = sql.split_once(" FROM ").unwrap();
        assert_eq!(Incident::COLUMNS, select.trim_start_matches("SELECT "));
    }

    /// A cursor is told from another list's by this number alone.
    #[test]
    fn no_two_lists_share_a_code() {
        let codes = [Remediation::CODE, AiAnalysis::CODE, Workflow::CODE, Execution::CODE, Incident::CODE];
        assert_eq!(codes, [1, 2, 3, 4, 5]);
    }
}
