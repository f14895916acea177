//! The filters of the four record types.

use std::time::Duration;

use storage_models::{Phase, Severity, Status, WorkflowPhase};

use super::define::filter;
use super::{DurationRange, MetadataValues};

filter! {
    /// Which remediations are meant: all of them, unless a field says otherwise; every field that does must
    /// match.
    ///
    /// ```
    /// use storage_models::{Phase, Timestamp};
    /// use storage_query::{AuditFilter, RemediationFilter};
    ///
    /// let built = RemediationFilter::default().namespace("prod").namespace("stage").phase(Phase::Failed);
    /// let read = RemediationFilter::from_pairs([("namespace", "prod,stage"), ("phase", "failed")])?;
    /// assert_eq!(built, read);
    ///
    /// let valid = read.check(Timestamp::now())?;
    /// # Ok::<(), storage_query::InvalidParameters>(())
    /// ```
    RemediationFilter by "start_time" {
        /// The remediation's own name.
        name: String,
        /// The namespace it acted in.
        namespace: String,
        /// How far it has come.
        phase: Phase,
        /// How it went.
        status: Status,
        /// What was done.
        action_type: String,
        /// What it was done to.
        target_name: String,
        /// Such as `production`.
        environment: String,
        /// The cluster's name.
        cluster: String,
        /// The alert's severity.
        severity: Severity,
        /// The alert that caused it.
        alert_name: String,
        /// The alert's fingerprint.
        alert_fingerprint: String,
        /// The request that asked for it.
        remediation_request_id: String,
    } and {
        /// How long it took.
        duration: DurationRange ["min_duration", "max_duration"],
        /// What it says under keys of its own.
        metadata: MetadataValues [],
    }
}

impl RemediationFilter {
    /// Only records that ended and took at least this long.
    #[must_use]
    pub const fn min_duration(mut self, duration: Duration) -> Self {
        self.duration.min = Some(duration);
        self
    }

    /// Only records that ended and took at most this long.
    #[must_use]
    pub const fn max_duration(mut self, duration: Duration) -> Self {
        self.duration.max = Some(duration);
        self
    }

    /// Also accepts this value of this top-level key of `metadata`; see [`MetadataValues`].
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.add(key, value);
        self
    }
}

filter! {
    /// Which analyses are meant: all of them, unless a field says otherwise; every field that does must
    /// match.
    AiAnalysisFilter by "timestamp" {
        /// The remediation that was analysed.
        remediation_id: i64,
        /// Such as `root-cause`.
        analysis_type: String,
        /// Which model made it.
        model: String,
    }
}

filter! {
    /// Which workflow runs are meant: all of them, unless a field says otherwise; every field that does must
    /// match.
    WorkflowFilter by "start_time" {
        /// The remediation it ran for.
        remediation_id: i64,
        /// Which workflow.
        workflow_name: String,
        /// How far it has come.
        phase: WorkflowPhase,
        /// How it went.
        status: Status,
    }
}

filter! {
    /// Which executions are meant: all of them, unless a field says otherwise; every field that does must
    /// match.
    ExecutionFilter by "start_time" {
        /// The remediation it was done for.
        remediation_id: i64,
        /// What was done.
        action_type: String,
        /// The kind of object it was done to.
        target_kind: String,
        /// That object's name.
        target_name: String,
        /// Its namespace.
        namespace: String,
        /// How it went.
        status: Status,
        /// Whether it was only tried.
        dry_run: bool,
    }
}
