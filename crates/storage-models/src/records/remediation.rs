//! One action taken on a cluster.

use diesel::{Queryable, Selectable};
use serde::Serialize;

use crate::fields::{Members as _, members};
use crate::{Alterations, JsonText, Phase, RecordType, Severity, Status, Timestamp};

members! {
    /// A stored remediation. Absent optional fields are written as `null`.
    #[derive(Debug, Clone, PartialEq, Serialize, Queryable, Selectable)]
    #[diesel(table_name = crate::schema::remediation_audit)]
    #[diesel(check_for_backend(diesel::pg::Pg))]
    #[non_exhaustive]
    pub struct Remediation {
        /// Assigned by the database.
        pub id: i64,
        /// The remediation's own name, at most 255 characters.
        pub name: String,
        /// The Kubernetes namespace it acted in, at most 255 characters.
        pub namespace: String,
        /// How far it has come.
        pub phase: Phase,
        /// The action, such as `restart-pod`; at most 100 characters.
        pub action_type: String,
        /// The object of the action.
        pub target_name: Option<String>,
        /// How it went.
        pub status: Status,
        /// When it began.
        pub start_time: Timestamp,
        /// When it ended.
        pub end_time: Option<Timestamp>,
        /// `end_time - start_time` in whole milliseconds, computed by the database.
        pub duration_ms: Option<i64>,
        /// Such as `production`; at most 50 characters.
        pub environment: Option<String>,
        /// The cluster's name.
        pub cluster: Option<String>,
        /// The request that asked for it.
        pub remediation_request_id: Option<String>,
        /// The alert that caused it.
        pub alert_name: Option<String>,
        /// The alert's fingerprint.
        pub alert_fingerprint: Option<String>,
        /// The alert's severity.
        pub severity: Option<Severity>,
        /// The error, free text of at most 64 KiB.
        pub error_message: Option<String>,
        /// Anything else, a JSON object of at most 256 KiB.
        pub metadata: Option<JsonText>,
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

impl Remediation {
    /// See [`Record::bulk`](crate::Record::bulk).
    #[must_use]
    pub fn bulk(&self) -> usize {
        super::bulk::bulk(RecordType::Remediation, |name| self.value(name))
    }
}

members! {
    /// A remediation to store. Validation makes it, and all later code trusts it.
    #[derive(Debug, Clone, PartialEq)]
    pub struct NewRemediation {
        /// See [`Remediation::name`].
        pub name: String,
        /// See [`Remediation::namespace`].
        pub namespace: String,
        /// See [`Remediation::phase`].
        pub phase: Phase,
        /// See [`Remediation::action_type`].
        pub action_type: String,
        /// See [`Remediation::target_name`].
        pub target_name: Option<String>,
        /// See [`Remediation::status`].
        pub status: Status,
        /// See [`Remediation::start_time`].
        pub start_time: Timestamp,
        /// See [`Remediation::end_time`].
        pub end_time: Option<Timestamp>,
        /// See [`Remediation::environment`].
        pub environment: Option<String>,
        /// See [`Remediation::cluster`].
        pub cluster: Option<String>,
        /// See [`Remediation::remediation_request_id`].
        pub remediation_request_id: Option<String>,
        /// See [`Remediation::alert_name`].
        pub alert_name: Option<String>,
        /// See [`Remediation::alert_fingerprint`].
        pub alert_fingerprint: Option<String>,
        /// See [`Remediation::severity`].
        pub severity: Option<Severity>,
        /// See [`Remediation::error_message`].
        pub error_message: Option<String>,
        /// See [`Remediation::metadata`].
        pub metadata: Option<JsonText>,
        /// See [`Remediation::recorded_by`].
        pub recorded_by: String,
        /// See [`Remediation::correlation_id`].
        pub correlation_id: Option<String>,
        /// See [`Remediation::alterations`].
        pub alterations: Option<Alterations>,
    }
}

members! {
    /// The new values of all fields of a remediation that may change. Validation makes it.
    #[derive(Debug, Clone, PartialEq)]
    pub struct RemediationUpdate {
        /// See [`Remediation::phase`].
        pub phase: Phase,
        /// See [`Remediation::status`].
        pub status: Status,
        /// See [`Remediation::end_time`].
        pub end_time: Option<Timestamp>,
        /// See [`Remediation::error_message`].
        pub error_message: Option<String>,
        /// See [`Remediation::metadata`].
        pub metadata: Option<JsonText>,
        /// See [`Remediation::alterations`].
        pub alterations: Option<Alterations>,
    }
}
