//! The conditions that narrow a search of the index.

use storage_models::fields::{Field, Members as _};
use storage_models::{RecordType, Remediation, Timestamp};

/// The fields of a remediation that an index can filter by, in the order of the table's columns. Their names are the
/// payload's keys and the filter's parameters. `metadata` is in the payload too, but a search by it goes to PostgreSQL.
pub fn fields() -> impl Iterator<Item = &'static Field> {
    let fields = RecordType::Remediation.fields().iter();
    fields.filter(|field| field.is_filterable && field.kind.is_text())
}

/// One condition of a search; a search's conditions must all hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// The field has one of these values; a record without the field does not match.
    AnyOf {
        /// Which of [`fields`].
        field: &'static Field,
        /// At least one.
        values: Vec<String>,
    },
    /// The field has none of these values; a record without the field matches.
    NoneOf {
        /// Which of [`fields`].
        field: &'static Field,
        /// At least one.
        values: Vec<String>,
    },
    /// The record is without the field, or has it.
    Absent {
        /// Which of [`fields`].
        field: &'static Field,
        /// Whether it must be without it.
        is_absent: bool,
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
    /// Whether no record can meet it.
    #[must_use]
    pub const fn is_never_met(&self) -> bool {
        matches!(self, Self::AnyOf { values, .. } if values.is_empty())
    }

    /// Whether it holds for this record.
    #[must_use]
    pub fn holds(&self, record: &Remediation) -> bool {
        match self {
            Self::AnyOf { field, values } => has_one_of(record, field, values),
            Self::NoneOf { field, values } => !has_one_of(record, field, values),
            Self::Absent { field, is_absent } => record.value(field.name).as_text().is_none() == *is_absent,
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

fn has_one_of(record: &Remediation, field: &Field, values: &[String]) -> bool {
    record.value(field.name).as_text().is_some_and(|text| values.iter().any(|value| value == text))
}
