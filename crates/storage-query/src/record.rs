//! What the four record types have in common, so that one implementation serves them all.

use std::fmt::Debug;

use diesel::Selectable;
use diesel::deserialize::FromSqlRow;
use diesel::dsl::SqlTypeOf;
use diesel::pg::Pg;
use serde::Serialize;
use storage_models::{AiAnalysis, Execution, Record, RecordType, Remediation, Workflow};

use crate::sort::SortKey;
use crate::{AiAnalysisFilter, AuditFilter, ExecutionFilter, RemediationFilter, WorkflowFilter};

/// A stored record of one of the four types. Nothing outside this crate can implement it.
pub trait AuditRecord:
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

    /// Which of the four it is.
    const TYPE: RecordType;

    /// The number that identifies it among the records of its type.
    fn id(&self) -> i64;

    /// The record as one of the four.
    fn into_record(self) -> Record;
}

pub(crate) mod sealed {
    //! Keeps [`AuditRecord`](super::AuditRecord) closed and holds what only this crate needs to know.

    use crate::sort::SortKey;

    pub trait Shape {
        /// The SQL types of [`Self::COLUMNS`].
        type Columns: 'static;

        /// The columns in the order of the record's fields, with commas between.
        const COLUMNS: &'static str;
        /// The column of its own time, which decides its partition.
        const TIME: &'static str;
        /// What its lists may be ordered by.
        const SORT_KEYS: &'static [SortKey];
    }
}

macro_rules! audit_record {
    ($record:ident by $time:literal, sorted by $keys:expr, filtered by $filter:ident: $columns:literal) => {
        impl sealed::Shape for $record {
            type Columns = SqlTypeOf<<$record as Selectable<Pg>>::SelectExpression>;

            const COLUMNS: &'static str = $columns;
            const TIME: &'static str = $time;
            const SORT_KEYS: &'static [SortKey] = $keys;
        }

        impl AuditRecord for $record {
            type Filter = $filter;

            const TYPE: RecordType = RecordType::$record;

            fn id(&self) -> i64 {
                self.id
            }

            fn into_record(self) -> Record {
                Record::$record(self)
            }
        }
    };
}

const TIMES: &[SortKey] = &[SortKey::Time, SortKey::CreatedAt];

audit_record!(Remediation by "start_time",
    sorted by &[SortKey::Time, SortKey::CreatedAt, SortKey::Duration],
    filtered by RemediationFilter:
    "id, name, namespace, phase, action_type, target_name, status, start_time, end_time, duration_ms, \
     environment, cluster, remediation_request_id, alert_name, alert_fingerprint, severity, \
     error_message, metadata, created_at, updated_at");
audit_record!(AiAnalysis by "timestamp", sorted by TIMES, filtered by AiAnalysisFilter:
    "id, remediation_id, analysis_type, confidence, recommendation, reasoning, timestamp, model, \
     tokens_used, latency_ms, created_at");
audit_record!(Workflow by "start_time", sorted by TIMES, filtered by WorkflowFilter:
    "id, remediation_id, workflow_name, phase, status, start_time, end_time, step_count, current_step, \
     created_at, updated_at");
audit_record!(Execution by "start_time", sorted by TIMES, filtered by ExecutionFilter:
    "id, remediation_id, action_type, target_kind, target_name, namespace, status, start_time, end_time, \
     error_message, dry_run, created_at");

#[cfg(test)]
mod tests {
    use diesel::pg::{Pg, PgQueryBuilder};
    use diesel::query_builder::{QueryBuilder as _, QueryFragment};
    use diesel::{QueryDsl as _, SelectableHelper as _};
    use storage_models::{AiAnalysis, Execution, Remediation, Workflow, schema};

    use super::sealed::Shape;

    fn columns_of(query: &impl QueryFragment<Pg>, table: &str) -> String {
        let mut builder = PgQueryBuilder::default();
        query.to_sql(&mut builder, &Pg).unwrap();
        let sql = builder.finish().replace(&format!("\"{table}\"."), "").replace('"', "");
        let (select, _) = sql.split_once(" FROM ").unwrap();
        select.trim_start_matches("SELECT ").to_owned()
    }

    /// Rows are read by position: the columns must be those of the record's fields, in their order.
    #[test]
    fn the_columns_are_those_diesel_would_select() {
        use schema::{ai_analysis_audit, execution_audit, remediation_audit, workflow_audit};
        for (columns, found) in [
            (
                Remediation::COLUMNS,
                columns_of(&remediation_audit::table.select(Remediation::as_select()), "remediation_audit"),
            ),
            (
                AiAnalysis::COLUMNS,
                columns_of(&ai_analysis_audit::table.select(AiAnalysis::as_select()), "ai_analysis_audit"),
            ),
            (
                Workflow::COLUMNS,
                columns_of(&workflow_audit::table.select(Workflow::as_select()), "workflow_audit"),
            ),
            (
                Execution::COLUMNS,
                columns_of(&execution_audit::table.select(Execution::as_select()), "execution_audit"),
            ),
        ] {
            assert_eq!(columns, found);
        }
    }
}
