//! The faults of a field, with their codes and messages.

use storage_models::json::JsonFaultKind;
use storage_models::{Status, Timestamp, identifier};

/// Characters of a client's text that a message repeats at most.
const MAX_EXCERPT: usize = 100;

/// One broken rule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Problem {
    Required,
    TooLong { max: u64 },
    TooManyBytes { max: u64 },
    TooLarge { found: usize, max: usize },
    TooDeep { max: usize },
    UnknownWord { found: String, allowed: &'static [&'static str] },
    UnknownField,
    SetByServer,
    CannotChange,
    BatchSize { max: usize },
    BatchTooLarge { max: usize },
    WrongType { expected: &'static str, found: &'static str },
    NotAnInteger,
    NotATime(String),
    OutOfRange { low: String, high: String },
    EndsBeforeStart { start: Timestamp, is_sent: bool },
    StatusRequired { found: Status },
    ForbiddenCharacter { found: char, position: usize },
    ForbiddenMarkup,
    UnsafeText,
    Unkeepable(JsonFaultKind),
}

impl Problem {
    /// The stable code; see the crate's table.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::TooLong { .. } | Self::TooManyBytes { .. } => "too_long",
            Self::TooLarge { .. } | Self::BatchTooLarge { .. } => "too_large",
            Self::TooDeep { .. } => "too_deep",
            Self::UnknownWord { .. } | Self::NotATime(_) => "invalid_value",
            Self::UnknownField | Self::SetByServer => "unknown_field",
            Self::CannotChange => "immutable_field",
            Self::BatchSize { .. } => "batch_size",
            Self::WrongType { .. } | Self::NotAnInteger => "wrong_type",
            Self::OutOfRange { .. } | Self::EndsBeforeStart { .. } => "out_of_range",
            Self::StatusRequired { .. } => "status_required",
            Self::ForbiddenCharacter { .. } => "forbidden_character",
            Self::ForbiddenMarkup => "forbidden_markup",
            Self::UnsafeText => "unsafe_text",
            Self::Unkeepable(kind) => kind.code(),
        }
    }

    /// The sentence about the field of that name.
    pub(crate) fn message(&self, name: &str) -> String {
        match self {
            Self::Required => format!("{name} is required"),
            Self::TooLong { max } => format!("{name} exceeds maximum length of {max}"),
            Self::TooManyBytes { max } => format!("{name} exceeds maximum length of {max} bytes"),
            Self::TooLarge { found, max } => {
                format!("{name} has {found} bytes when stored; the limit is {max}")
            }
            Self::TooDeep { max } => format!("{name} is nested deeper than {max} levels"),
            Self::UnknownWord { found, allowed } => {
                format!("invalid {name}: {} (allowed: {})", excerpt(found), allowed.join(", "))
            }
            Self::UnknownField => format!("unknown field: {name}"),
            Self::SetByServer => format!("unknown field: {name} is set by the server and cannot be sent"),
            Self::CannotChange => format!("{name} cannot be changed"),
            Self::BatchSize { max } => format!("a batch must hold 1 to {max} records"),
            Self::BatchTooLarge { max } => {
                format!("the batch has more than {max} bytes when stored; send fewer records at a time")
            }
            Self::WrongType { expected, found } => format!("{name} must be {expected}, not {found}"),
            Self::NotAnInteger => format!("{name} must be an integer, not a fraction"),
            Self::NotATime(text) => {
                format!("{name} must be an RFC 3339 time such as 2026-01-02T03:04:05Z, not {}", excerpt(text))
            }
            Self::OutOfRange { low, high } => format!("{name} must be between {low} and {high}"),
            Self::EndsBeforeStart { start, is_sent: true } => {
                format!("{name} must not be before start_time ({start})")
            }
            Self::EndsBeforeStart { start, is_sent: false } => format!(
                "{name} must not be before start_time; without start_time in the request, start_time is the time of \
                 receipt ({start}); send start_time too"
            ),
            Self::StatusRequired { found } => {
                format!("{name} must be success, failed or unknown when the record is finished, not {found}")
            }
            Self::ForbiddenCharacter { found, position } => {
                format!(
                    "{name} has the forbidden character U+{:04X} at position {position}",
                    u32::from(*found)
                )
            }
            Self::ForbiddenMarkup => format!("{name} is a key that a browser could take for markup"),
            Self::UnsafeText => format!("{name} has text that could not be escaped safely"),
            Self::Unkeepable(kind) => format!("{name}: {kind}"),
        }
    }
}

/// A client's text as a message may repeat it: short, and without what could forge a line of a log.
pub(crate) fn excerpt(text: &str) -> String {
    let mut excerpt = String::new();
    let mut room = MAX_EXCERPT;
    for c in text.chars() {
        let shown = if identifier::is_forbidden(c) { c.escape_unicode().to_string() } else { c.to_string() };
        let length = shown.chars().count();
        if length > room {
            excerpt.push('…');
            break;
        }
        room -= length;
        excerpt.push_str(&shown);
    }
    excerpt
}
