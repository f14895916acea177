//! One field: what it must be, and reading it.

use std::str::FromStr;

use storage_models::{Json, JsonText, Phase, Severity, Status, Timestamp, WorkflowPhase};
use validator::ValidateRange as _;

use crate::problem::Problem;
use crate::report::Report;
use crate::time::Window;
use crate::{metadata, number, text};

/// A field that a client may send.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) need: Need,
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// A name of at most so many Unicode scalar values.
    Identifier(u64),
    /// One word of a closed set.
    Word(fn(&str) -> bool),
    /// Text of at most [`crate::MAX_FREE_TEXT_BYTES`].
    FreeText,
    /// An RFC 3339 time.
    Time,
    /// A whole number between two, both included.
    Integer(i64, i64),
    /// A number between 0 and 1, both included.
    Fraction,
    /// True or false.
    Flag,
    /// A JSON object.
    Metadata,
}

/// What becomes of a field that is absent or null.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Need {
    /// The record is refused.
    Required,
    /// The field stays null.
    Optional,
    /// The field takes this value, made from the time of receipt.
    Default(fn(Timestamp) -> Value),
}

/// A value that may be stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Time(Timestamp),
    Integer(i64),
    Real(f64),
    Flag(bool),
    Json(JsonText),
}

/// Whether a text is a word of the set `T`.
pub(crate) fn is_word<T: FromStr>(text: &str) -> bool {
    text.parse::<T>().is_ok()
}

impl Field {
    /// What to store for what was sent; `None` when that is nothing, or wrong, which the report then says.
    pub(crate) fn read(&self, sent: Json, window: &Window, report: &mut Report) -> Option<Value> {
        let pointer = format!("/{}", self.name);
        if report.is_faulty(&pointer) {
            return None;
        }
        let read = match sent {
            Json::Null => self.read_nothing(window),
            Json::Object(_) if matches!(self.kind, Kind::Metadata) => {
                return metadata::read(sent, &pointer, report).map(Value::Json);
            }
            Json::String(sent) => self.read_text(sent, window, &pointer, report).map(Some),
            sent => self.kind.read_plain(&sent).map(Some),
        };
        read.unwrap_or_else(|problem| {
            report.problem(&pointer, &problem);
            None
        })
    }

    fn read_nothing(&self, window: &Window) -> Result<Option<Value>, Problem> {
        match self.need {
            Need::Required => Err(Problem::Required),
            Need::Optional => Ok(None),
            Need::Default(default) => Ok(Some(default(window.received_at))),
        }
    }

    fn read_text(
        &self,
        sent: String,
        window: &Window,
        pointer: &str,
        report: &mut Report,
    ) -> Result<Value, Problem> {
        let altered = match self.kind {
            Kind::Identifier(max) => Some(text::identifier(&sent, max)?),
            Kind::Word(_) if self.lacks(&sent) => return Err(Problem::Required),
            Kind::Word(is_word) => Some(text::word(&sent, is_word)?),
            Kind::FreeText => text::bounded_free(&sent)?,
            Kind::Time => return window.read(&sent).map(Value::Time),
            kind => return Err(kind.wrong_type("string")),
        }
        .filter(|stored| *stored != sent);
        if self.lacks(altered.as_ref().unwrap_or(&sent)) {
            return Err(Problem::Required);
        }
        if altered.is_some() {
            report.altered(pointer.to_owned());
        }
        Ok(Value::Text(altered.unwrap_or(sent)))
    }

    /// Whether the field is required and the text is none.
    fn lacks(&self, text: &str) -> bool {
        matches!(self.need, Need::Required) && text::is_blank(text)
    }
}

impl Kind {
    /// Reads what is neither text, metadata nor null.
    fn read_plain(self, sent: &Json) -> Result<Value, Problem> {
        match (self, sent) {
            (Self::Flag, Json::Bool(flag)) => Ok(Value::Flag(*flag)),
            (Self::Integer(low, high), Json::Number(literal)) => integer(literal, low, high),
            (Self::Fraction, Json::Number(literal)) => fraction(literal),
            _ => Err(self.wrong_type(sent.kind())),
        }
    }

    const fn wrong_type(self, found: &'static str) -> Problem {
        let expected = match self {
            Self::Identifier(_) | Self::Word(_) | Self::FreeText | Self::Time => "a string",
            Self::Integer(..) => "an integer",
            Self::Fraction => "a number",
            Self::Flag => "a boolean",
            Self::Metadata => "an object",
        };
        Problem::WrongType { expected, found }
    }
}

fn integer(literal: &str, low: i64, high: i64) -> Result<Value, Problem> {
    let value = number::whole(literal).ok_or(Problem::NotAnInteger)?;
    i64::try_from(value)
        .ok()
        .filter(|value| value.validate_range(Some(low), Some(high), None, None))
        .map(Value::Integer)
        .ok_or_else(|| Problem::OutOfRange { low: low.to_string(), high: high.to_string() })
}

/// The nearest 64-bit floating point number, which is what the database keeps.
fn fraction(literal: &str) -> Result<Value, Problem> {
    let (low, high) = (0.0, 1.0);
    literal
        .parse::<f64>()
        .ok()
        .filter(|value| value.validate_range(Some(low), Some(high), None, None))
        .map(|value| Value::Real(value.abs()))
        .ok_or_else(|| Problem::OutOfRange { low: low.to_string(), high: high.to_string() })
}

/// A type that a [`Value`] may hold.
pub(crate) trait FromValue: Sized {
    /// The value, if it is of this type.
    fn from_value(value: Value) -> Option<Self>;
}

/// Implements [`FromValue`] for types that a kind of value can become.
macro_rules! from_value {
    ($($type:ty: $pattern:pat => $made:expr,)+) => {$(
        impl FromValue for $type {
            fn from_value(value: Value) -> Option<Self> {
                match value {
                    $pattern => $made,
                    _ => None,
                }
            }
        }
    )+};
}

from_value! {
    String: Value::Text(text) => Some(text),
    Phase: Value::Text(word) => word.parse().ok(),
    WorkflowPhase: Value::Text(word) => word.parse().ok(),
    Status: Value::Text(word) => word.parse().ok(),
    Severity: Value::Text(word) => word.parse().ok(),
    Timestamp: Value::Time(time) => Some(time),
    i64: Value::Integer(number) => Some(number),
    i32: Value::Integer(number) => number.try_into().ok(),
    f64: Value::Real(number) => Some(number),
    bool: Value::Flag(flag) => Some(flag),
    JsonText: Value::Json(json) => Some(json),
}
