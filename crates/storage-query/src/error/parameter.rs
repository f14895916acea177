//! A parameter that breaks a rule.

use std::borrow::Cow;
use std::fmt;

use storage_models::Timestamp;
use storage_models::fields::Field;

use crate::{MAX_METADATA_KEYS, MAX_VALUES, MAX_WRITTEN_DAYS};

/// One parameter that breaks a rule. Its text does not hold the value, which may be long or private.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {reason}")]
pub struct InvalidParameter {
    /// The parameter's name.
    pub field: Cow<'static, str>,
    /// The value that was given.
    pub value: String,
    /// The rule that it breaks.
    pub reason: InvalidReason,
}

impl InvalidParameter {
    pub(crate) fn new(
        field: impl Into<Cow<'static, str>>,
        value: impl Into<String>,
        reason: InvalidReason,
    ) -> Self {
        Self { field: field.into(), value: value.into(), reason }
    }
}

/// The rule that a parameter breaks; reads as the rest of a sentence that its name begins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidReason {
    /// Nothing has this name.
    #[error("is not a parameter here")]
    Unknown,
    /// A parameter that takes one value came twice.
    #[error("is given more than once")]
    Repeated,
    /// Not a word of a closed set.
    #[error("must be one of {allowed}")]
    NotOneOf {
        /// The words, separated by commas.
        allowed: String,
    },
    /// Not a number, or one outside the range.
    #[error("must be a whole number from {min} to {max}")]
    NotInRange {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// An offset too deep.
    #[error("must be a whole number from 0 to {max}; to read further, use cursor")]
    OffsetTooDeep {
        /// The deepest.
        max: i64,
    },
    /// Not a number from 0 to 1.
    #[error("must be a number from 0 to 1")]
    NotAFraction,
    /// A range of times of writing that is too long for a list that nothing else narrows.
    #[error("covers more than {MAX_WRITTEN_DAYS} days; ask for fewer days, or add {filters}")]
    RangeRequired {
        /// The filters that narrow the list, one of which is enough.
        filters: String,
    },
    /// Neither a time nor an age.
    #[error("must be an RFC 3339 time, a date such as 2026-01-31, or an age such as 90m, 24h, 7d or 1h30m")]
    NotATime,
    /// A time whose offset has a space for its sign.
    #[error("has a space before its offset: in a URL, write the + of an offset as %2B")]
    PlusAsSpace,
    /// A time that the calendar or the database does not have.
    #[error("must be a time in the years 0 to 9999, or an age of at most 36500d")]
    TimeOutOfRange,
    /// A range of time that ends before it begins.
    #[error("must not be after {end}, which is {until}")]
    AfterEnd {
        /// The parameter of the end.
        end: &'static str,
        /// The end of the range.
        until: Timestamp,
    },
    /// Not a duration, or too long a one.
    #[error("must be a duration such as 250ms, 90s, 5m or 1h30m, of at most 36500d")]
    NotADuration,
    /// Not a time to settle, or too long a one.
    #[error("must be a duration such as 90m, 24h or 7d, of more than zero and at most 30d")]
    NotASettle,
    /// A range of durations that ends before it begins.
    #[error("must not be above max_duration, which is {max}ms")]
    AboveMaximum {
        /// The end of the range in milliseconds.
        max: i64,
    },
    /// More values than [`MAX_VALUES`].
    #[error("has more than {MAX_VALUES} values")]
    TooManyValues,
    /// More keys than [`MAX_METADATA_KEYS`].
    #[error("names more than {MAX_METADATA_KEYS} keys")]
    TooManyKeys,
    /// A key that is too long.
    #[error("has a key of more than {max} characters")]
    KeyTooLong {
        /// The longest.
        max: usize,
    },
    /// A key with a control character, which no record is stored with.
    #[error("has a key with a control character")]
    KeyCharacter,
    /// A value that is too long.
    #[error("has a value of more than {max} characters")]
    ValueTooLong {
        /// The longest.
        max: usize,
    },
    /// Not a text that this crate made, or one of another version of it.
    #[error("is not a cursor of this list; start again without cursor")]
    NotACursor,
    /// A cursor of another list.
    #[error("belongs to another {part}; start again without cursor")]
    OtherCursor {
        /// The difference: `record type`, `sort` or `filter`.
        part: &'static str,
    },
    /// A parameter that changes nothing beside another one.
    #[error("has no effect together with {beside}; remove one of them")]
    WithoutEffect {
        /// The other one.
        beside: &'static str,
    },
    /// An offset beside a cursor.
    #[error("cannot be combined with cursor")]
    WithCursor,
    /// What the statement needs and a query must read first.
    #[error("must be read first, by {by}")]
    NotRead {
        /// The query or method that reads it.
        by: &'static str,
    },
    /// A range of time of too many buckets.
    #[error("starts a range of more than {max} buckets; choose a shorter range or a longer interval")]
    TooManyBuckets {
        /// The most buckets.
        max: usize,
    },
    /// Neither an alert nor a fingerprint, or several of them.
    #[error("must have one value, or alert_name must")]
    AlertRequired,
    /// A number of columns that is not allowed.
    #[error("must name {min} to {max} columns")]
    ColumnCount {
        /// The fewest.
        min: usize,
        /// The most.
        max: usize,
    },
    /// NUL, which no text in PostgreSQL can hold.
    #[error("contains the character NUL")]
    Nul,
}

impl InvalidReason {
    /// A range that is too long for lists of records with these fields.
    pub(crate) fn range_required(fields: &[Field]) -> Self {
        let indexed = fields.iter().filter(|field| field.is_filterable && field.is_indexed);
        let names: Vec<_> = indexed.map(|field| field.name).collect();
        Self::RangeRequired {
            filters: format!("{}, or a since within {MAX_WRITTEN_DAYS} days", names.join(", ")),
        }
    }
}

/// Every parameter of a query that breaks a rule; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidParameters(Vec<InvalidParameter>);

impl InvalidParameters {
    /// `Err` with `parameters` unless there are none.
    pub(crate) fn check(parameters: Vec<InvalidParameter>) -> Result<(), Self> {
        if parameters.is_empty() { Ok(()) } else { Err(Self(parameters)) }
    }

    /// Each of them, in the order they were found.
    pub fn iter(&self) -> std::slice::Iter<'_, InvalidParameter> {
        self.0.iter()
    }
}

impl From<InvalidParameter> for InvalidParameters {
    fn from(parameter: InvalidParameter) -> Self {
        Self(vec![parameter])
    }
}

impl IntoIterator for InvalidParameters {
    type Item = InvalidParameter;
    type IntoIter = std::vec::IntoIter<InvalidParameter>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a InvalidParameters {
    type Item = &'a InvalidParameter;
    type IntoIter = std::slice::Iter<'a, InvalidParameter>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for InvalidParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, parameter) in self.iter().enumerate() {
            write!(f, "{}{parameter}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidParameters {}
