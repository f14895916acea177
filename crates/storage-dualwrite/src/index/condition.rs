//! What a search of the index may be narrowed by.

use storage_models::{Remediation, Timestamp};

/// A field of a remediation that an index can filter by. `metadata` is in the payload too, but a search by it goes
/// to PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// [`Remediation::name`].
    Name,
    /// [`Remediation::namespace`].
    Namespace,
    /// [`Remediation::phase`].
    Phase,
    /// [`Remediation::status`].
    Status,
    /// [`Remediation::action_type`].
    ActionType,
    /// [`Remediation::target_name`].
    TargetName,
    /// [`Remediation::environment`].
    Environment,
    /// [`Remediation::cluster`].
    Cluster,
    /// [`Remediation::severity`].
    Severity,
    /// [`Remediation::alert_name`].
    AlertName,
    /// [`Remediation::alert_fingerprint`].
    AlertFingerprint,
    /// [`Remediation::remediation_request_id`].
    RemediationRequestId,
}

impl Field {
    /// Every field, in the order of the table's columns.
    pub const ALL: [Self; 12] = [
        Self::Name,
        Self::Namespace,
        Self::Phase,
        Self::Status,
        Self::ActionType,
        Self::TargetName,
        Self::Environment,
        Self::Cluster,
        Self::Severity,
        Self::AlertName,
        Self::AlertFingerprint,
        Self::RemediationRequestId,
    ];

    /// The column's name, which is also the payload's key and the filter's parameter.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Namespace => "namespace",
            Self::Phase => "phase",
            Self::Status => "status",
            Self::ActionType => "action_type",
            Self::TargetName => "target_name",
            Self::Environment => "environment",
            Self::Cluster => "cluster",
            Self::Severity => "severity",
            Self::AlertName => "alert_name",
            Self::AlertFingerprint => "alert_fingerprint",
            Self::RemediationRequestId => "remediation_request_id",
        }
    }

    /// The field's text in this record.
    #[must_use]
    pub fn of(self, record: &Remediation) -> Option<&str> {
        match self {
            Self::Name => Some(&record.name),
            Self::Namespace => Some(&record.namespace),
            Self::Phase => Some(record.phase.as_str()),
            Self::Status => Some(record.status.as_str()),
            Self::ActionType => Some(&record.action_type),
            Self::TargetName => record.target_name.as_deref(),
            Self::Environment => record.environment.as_deref(),
            Self::Cluster => record.cluster.as_deref(),
            Self::Severity => record.severity.map(storage_models::Severity::as_str),
            Self::AlertName => record.alert_name.as_deref(),
            Self::AlertFingerprint => record.alert_fingerprint.as_deref(),
            Self::RemediationRequestId => record.remediation_request_id.as_deref(),
        }
    }
}

/// One condition of a search; a search's conditions must all hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// The field has one of these values; a record without the field does not match.
    AnyOf {
        /// Which field.
        field: Field,
        /// At least one.
        values: Vec<String>,
    },
    /// The record began in this range.
    StartTime {
        /// Not before.
        since: Option<Timestamp>,
        /// Before.
        until: Option<Timestamp>,
    },
    /// The record has ended and took this long, both ends included.
    DurationMs {
        /// At least.
        min: Option<i64>,
        /// At most.
        max: Option<i64>,
    },
}

impl Condition {
    /// Whether it holds for this record.
    #[must_use]
    pub fn holds(&self, record: &Remediation) -> bool {
        match self {
            Self::AnyOf { field, values } => {
                field.of(record).is_some_and(|text| values.iter().any(|value| value == text))
            }
            Self::StartTime { since, until } => {
                since.is_none_or(|since| record.start_time >= since)
                    && until.is_none_or(|until| record.start_time < until)
            }
            Self::DurationMs { min, max } => record.duration_ms.is_some_and(|duration| {
                min.is_none_or(|min| duration >= min) && max.is_none_or(|max| duration <= max)
            }),
        }
    }
}
