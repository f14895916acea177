//! Remediations as other services see them.

use diesel::{Queryable, Selectable};
use serde::Serialize;
use storage_models::{Alterations, JsonText, Phase, Severity, Status, Timestamp, schema};

/// A remediation as an incident: the same row, with the keys that other services agreed on. Listed, filtered
/// and sorted as remediations are.
///
/// ```
/// use storage_models::{Severity, Timestamp};
/// use storage_query::{AuditFilter, GetQuery, Incident, ListQuery, RemediationFilter};
///
/// # storage_testkit::example(async |conn| {
/// let filter = RemediationFilter::default().severity(Severity::Critical).check(Timestamp::now())?;
/// let page = ListQuery::<Incident>::new(filter).run(conn).await?;
/// let newest = page.records.first().ok_or("no incident")?;
/// assert_eq!(GetQuery::<Incident>::new(newest.id).run(conn).await?.as_ref(), Some(newest));
/// # Ok(())
/// # });
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Queryable, Selectable)]
#[diesel(table_name = schema::remediation_audit)]
#[diesel(check_for_backend(diesel::pg::Pg))]
#[non_exhaustive]
pub struct Incident {
    /// The remediation's id.
    pub id: i64,
    /// The alert that caused it.
    pub alert_name: Option<String>,
    /// The alert's fingerprint.
    pub alert_fingerprint: Option<String>,
    /// The alert's severity.
    pub severity: Option<Severity>,
    /// The action.
    pub action_type: String,
    /// The namespace it was done in.
    pub namespace: String,
    /// The cluster's name.
    pub cluster: Option<String>,
    /// Such as `production`.
    pub environment: Option<String>,
    /// The object of the action.
    pub target_name: Option<String>,
    /// The request that asked for it.
    pub remediation_request_id: Option<String>,
    /// How far it has come.
    pub phase: Phase,
    /// How it went.
    pub status: Status,
    /// When it began.
    pub start_time: Timestamp,
    /// When it ended.
    pub end_time: Option<Timestamp>,
    /// `end_time - start_time` in whole milliseconds.
    pub duration_ms: Option<i64>,
    /// The error.
    pub error_message: Option<String>,
    /// Anything else, a JSON object.
    pub metadata: Option<JsonText>,
    /// The caller that sent it.
    pub recorded_by: String,
    /// Where it differs from what was sent.
    pub alterations: Option<Alterations>,
    /// When the row was written, which lists may be sorted by; not one of the keys.
    #[serde(skip)]
    pub created_at: Timestamp,
    /// When the row last changed, which lists may be sorted by; not one of the keys.
    #[serde(skip)]
    pub updated_at: Timestamp,
}

impl Incident {
    /// Bytes of its error message, metadata and alterations, which are most of a large incident.
    #[must_use]
    pub fn bulk(&self) -> usize {
        self.error_message.as_ref().map_or(0, String::len)
            + self.metadata.as_ref().map_or(0, |metadata| metadata.as_str().len())
            + self.alterations.as_ref().map_or(0, Alterations::bulk)
    }
}
