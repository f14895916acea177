//! One step executed for a remediation.

use diesel::{Queryable, Selectable};
use serde::Serialize;

use crate::fields::members;
use crate::{Alterations, Status, Timestamp};

members! {
    /// A stored execution. Absent optional fields are written as `null`.
    #[derive(Debug, Clone, PartialEq, Serialize, Queryable, Selectable)]
    #[diesel(table_name = crate::schema::execution_audit)]
    #[diesel(check_for_backend(diesel::pg::Pg))]
    #[non_exhaustive]
    pub struct Execution {
        /// Assigned by the database.
        pub id: i64,
        /// The remediation it was done for.
        pub remediation_id: i64,
        /// The action, at most 100 characters.
        pub action_type: String,
        /// The kind of object it was done to, such as `Deployment`; at most 100 characters.
        pub target_kind: String,
        /// That object's name, at most 255 characters.
        pub target_name: String,
        /// Its namespace; none for objects of the whole cluster.
        pub namespace: Option<String>,
        /// How it went.
        pub status: Status,
        /// When it began.
        pub start_time: Timestamp,
        /// When it ended.
        pub end_time: Option<Timestamp>,
        /// The error, free text of at most 64 KiB.
        pub error_message: Option<String>,
        /// Whether it was only tried, changing nothing.
        pub dry_run: bool,
        /// The authenticated caller that sent it, or `anonymous`; at most 255 characters.
        pub recorded_by: String,
        /// The correlation id of the request that wrote it, at most 128 characters.
        pub correlation_id: Option<String>,
        /// Where it differs from what was sent.
        pub alterations: Option<Alterations>,
        /// When the row was written; in microseconds this is the record's version.
        pub created_at: Timestamp,
    }
}

members! {
    /// An execution to store. Validation makes it, and all later code trusts it.
    #[derive(Debug, Clone, PartialEq)]
    pub struct NewExecution {
        /// See [`Execution::remediation_id`].
        pub remediation_id: i64,
        /// See [`Execution::action_type`].
        pub action_type: String,
        /// See [`Execution::target_kind`].
        pub target_kind: String,
        /// See [`Execution::target_name`].
        pub target_name: String,
        /// See [`Execution::namespace`].
        pub namespace: Option<String>,
        /// See [`Execution::status`].
        pub status: Status,
        /// See [`Execution::start_time`].
        pub start_time: Timestamp,
        /// See [`Execution::end_time`].
        pub end_time: Option<Timestamp>,
        /// See [`Execution::error_message`].
        pub error_message: Option<String>,
        /// See [`Execution::dry_run`].
        pub dry_run: bool,
        /// See [`Execution::recorded_by`].
        pub recorded_by: String,
        /// See [`Execution::correlation_id`].
        pub correlation_id: Option<String>,
        /// See [`Execution::alterations`].
        pub alterations: Option<Alterations>,
    }
}
