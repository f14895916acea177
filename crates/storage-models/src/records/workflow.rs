//! One workflow run for a remediation.

use diesel::{Queryable, Selectable};
use serde::Serialize;

use crate::fields::members;
use crate::{Alterations, Status, Timestamp, WorkflowPhase};

members! {
    /// A stored workflow run. Absent optional fields are written as `null`.
    #[derive(Debug, Clone, PartialEq, Serialize, Queryable, Selectable)]
    #[diesel(table_name = crate::schema::workflow_audit)]
    #[diesel(check_for_backend(diesel::pg::Pg))]
    #[non_exhaustive]
    pub struct Workflow {
        /// Assigned by the database.
        pub id: i64,
        /// The remediation it ran for.
        pub remediation_id: i64,
        /// Which workflow, at most 255 characters.
        pub workflow_name: String,
        /// How far it has come.
        pub phase: WorkflowPhase,
        /// How it went.
        pub status: Status,
        /// When it began.
        pub start_time: Timestamp,
        /// When it ended.
        pub end_time: Option<Timestamp>,
        /// How many steps it has, 0 or more.
        pub step_count: i32,
        /// The step it has reached, 0 to `step_count`; only grows.
        pub current_step: i32,
        /// The authenticated caller that sent it, or `anonymous`; at most 255 characters.
        pub recorded_by: String,
        /// The correlation id of the request that wrote it, at most 128 characters.
        pub correlation_id: Option<String>,
        /// Where it differs from what was sent.
        pub alterations: Option<Alterations>,
        /// When the row was written.
        pub created_at: Timestamp,
        /// When a field above last changed; in microseconds this is the record's version.
        pub updated_at: Timestamp,
    }
}

members! {
    /// A workflow run to store. Validation makes it, and all later code trusts it.
    #[derive(Debug, Clone, PartialEq)]
    pub struct NewWorkflow {
        /// See [`Workflow::remediation_id`].
        pub remediation_id: i64,
        /// See [`Workflow::workflow_name`].
        pub workflow_name: String,
        /// See [`Workflow::phase`].
        pub phase: WorkflowPhase,
        /// See [`Workflow::status`].
        pub status: Status,
        /// See [`Workflow::start_time`].
        pub start_time: Timestamp,
        /// See [`Workflow::end_time`].
        pub end_time: Option<Timestamp>,
        /// See [`Workflow::step_count`].
        pub step_count: i32,
        /// See [`Workflow::current_step`].
        pub current_step: i32,
        /// See [`Workflow::recorded_by`].
        pub recorded_by: String,
        /// See [`Workflow::correlation_id`].
        pub correlation_id: Option<String>,
        /// See [`Workflow::alterations`].
        pub alterations: Option<Alterations>,
    }
}

members! {
    /// The new values of all fields of a workflow run that may change. Validation makes it.
    #[derive(Debug, Clone, PartialEq)]
    pub struct WorkflowUpdate {
        /// See [`Workflow::phase`].
        pub phase: WorkflowPhase,
        /// See [`Workflow::status`].
        pub status: Status,
        /// See [`Workflow::end_time`].
        pub end_time: Option<Timestamp>,
        /// See [`Workflow::current_step`].
        pub current_step: i32,
        /// See [`Workflow::alterations`].
        pub alterations: Option<Alterations>,
    }
}
