//! The one table from causes to problems.

use storage_dualwrite::WriteError;
use storage_models::{ErrorCode, JsonError};
use storage_query::{InvalidParameter, InvalidParameters, InvalidReason, QueryError};
use storage_validation::Invalid;

use super::{Location, Problem, ProblemKind, Violation};
use crate::store::edge::ReadError;

/// The field by which a record names its remediation.
const PARENT_POINTER: &str = "/remediation_id";

impl From<ErrorCode> for ProblemKind {
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::Invalid => Self::ValidationFailed,
            ErrorCode::NotFound => Self::RecordNotFound,
            ErrorCode::Conflict => Self::Conflict,
            ErrorCode::Stale => Self::PreconditionFailed,
            ErrorCode::KeyReused => Self::KeyReused,
            ErrorCode::KeyInFlight => Self::KeyInFlight,
            ErrorCode::Overloaded => Self::Overloaded,
            ErrorCode::DeadlinePassed => Self::DeadlinePassed,
            ErrorCode::Unavailable => Self::DatabaseUnavailable,
            ErrorCode::IndexUnavailable => Self::IndexUnavailable,
            ErrorCode::Stopping => Self::Stopping,
            ErrorCode::OutcomeUnknown => Self::OutcomeUnknown,
            ErrorCode::Internal => Self::Internal,
        }
    }
}

/// The writer has logged the important cases: a refused record, a lost commit, an outage once.
impl From<WriteError> for Problem {
    fn from(error: WriteError) -> Self {
        let problem = Self::new(error.code().into());
        match error {
            WriteError::ParentNotFound(id) => problem.errors(vec![missing_parent("", id)]),
            WriteError::ParentsNotFound(orphans) => problem.errors(
                orphans
                    .iter()
                    .map(|it| missing_parent(&format!("/{}", it.place), it.remediation_id))
                    .collect(),
            ),
            _ => problem,
        }
    }
}

fn missing_parent(record: &str, id: i64) -> Violation {
    Violation {
        location: Location::Pointer(format!("{record}{PARENT_POINTER}")),
        code: "remediation_not_found",
        message: WriteError::ParentNotFound(id).to_string(),
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Query(QueryError::Invalid(parameters)) => parameters.into(),
            ReadError::Query(QueryError::Feed(_)) if error.code() == ErrorCode::Unavailable => {
                Self::new(ProblemKind::FeedUnavailable).cause(error)
            }
            error => Self::new(error.code().into()).cause(error),
        }
    }
}

impl From<JsonError> for Problem {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Empty => Self::new(ProblemKind::MalformedJson)
                .detail("The request has no body. Send one JSON text as the body."),
            JsonError::Malformed { .. } => Self::new(ProblemKind::MalformedJson).detail(error.to_string()),
            JsonError::TooManyValues { .. } => Self::new(ProblemKind::BodyTooLarge)
                .detail(format!("The body holds {error}; nothing was stored.")),
        }
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        let omitted = invalid.omitted();
        let errors = invalid.into_errors().into_iter().map(|error| Violation {
            location: Location::Pointer(error.pointer),
            code: error.code,
            message: error.message,
        });
        let problem = Self::new(ProblemKind::ValidationFailed).errors(errors.collect());
        if omitted == 0 {
            return problem;
        }
        problem.detail(format!(
            "The body breaks one or more rules; nothing was stored. {omitted} more errors are not listed."
        ))
    }
}

impl From<InvalidParameters> for Problem {
    fn from(parameters: InvalidParameters) -> Self {
        Self::invalid_parameters(parameters.iter().map(Violation::from).collect())
    }
}

impl Problem {
    /// Every parameter that cannot be used.
    pub(crate) fn invalid_parameters(errors: Vec<Violation>) -> Self {
        Self::new(ProblemKind::InvalidParameters).errors(errors)
    }
}

impl From<&InvalidParameter> for Violation {
    fn from(parameter: &InvalidParameter) -> Self {
        Self {
            location: Location::Parameter(parameter.field.to_string()),
            code: code_of(&parameter.reason),
            message: parameter.to_string(),
        }
    }
}

/// The stable code of a broken rule.
const fn code_of(reason: &InvalidReason) -> &'static str {
    match reason {
        InvalidReason::Unknown => "unknown_parameter",
        InvalidReason::Repeated => "repeated",
        InvalidReason::NotInRange { .. }
        | InvalidReason::OffsetTooDeep { .. }
        | InvalidReason::NotAFraction
        | InvalidReason::TimeOutOfRange
        | InvalidReason::AfterEnd { .. }
        | InvalidReason::AboveMaximum { .. }
        | InvalidReason::TooManyBuckets { .. } => "out_of_range",
        InvalidReason::TooManyValues | InvalidReason::TooManyKeys => "too_many_values",
        InvalidReason::KeyTooLong { .. } | InvalidReason::ValueTooLong { .. } => "too_long",
        InvalidReason::NotACursor | InvalidReason::OtherCursor { .. } => "invalid_cursor",
        InvalidReason::WithCursor => "not_with_cursor",
        InvalidReason::WithoutEffect { .. } => "without_effect",
        InvalidReason::RangeRequired { .. } => "range_required",
        InvalidReason::Nul | InvalidReason::KeyCharacter => "forbidden_character",
        _ => "invalid_value",
    }
}
