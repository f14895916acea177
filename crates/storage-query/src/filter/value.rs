//! Values that a filter compares with columns.

use storage_models::fields::{Kind, Value};

use super::MAX_VALUES;
use crate::number::parse_in;
use crate::sql::Bind;
use crate::{InvalidParameter, InvalidReason};

/// The most characters of a text. No compared column except the metadata has longer ones.
const MAX_TEXT: usize = 1_000;

/// Refuses what PostgreSQL holds in no text, and what has more than `max` characters.
pub(crate) fn check_text(text: &str, max: usize) -> Result<(), InvalidReason> {
    if text.contains('\0') {
        return Err(InvalidReason::Nul);
    }
    if text.chars().count() > max { Err(InvalidReason::ValueTooLong { max }) } else { Ok(()) }
}

/// A value that a filter may list.
pub(super) trait FilterValue: Sized {
    /// Checks what its type does not rule out; gives the value as text and the rule it breaks.
    fn check(&self) -> Result<(), (String, InvalidReason)>;

    /// As it is stored, and as a parameter writes it.
    fn text(&self) -> String;

    fn bind(&self) -> Bind;

    fn bind_all(values: &[Self]) -> Bind;
}

impl FilterValue for String {
    fn check(&self) -> Result<(), (String, InvalidReason)> {
        check_text(self, MAX_TEXT).map_err(|reason| (self.clone(), reason))
    }

    fn text(&self) -> String {
        self.clone()
    }

    fn bind(&self) -> Bind {
        Bind::Text(self.clone())
    }

    fn bind_all(values: &[Self]) -> Bind {
        Bind::TextArray(values.to_vec())
    }
}

/// A value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FieldValue {
    Text(String),
    Integer(i64),
    Boolean(bool),
}

impl FieldValue {
    /// Reads it from a parameter.
    pub(super) fn read(kind: Kind, text: String) -> Result<Self, InvalidReason> {
        let integer = |min, max| {
            parse_in(&text, min, max).map(Self::Integer).ok_or(InvalidReason::NotInRange { min, max })
        };
        match kind {
            Kind::Identifier(_) | Kind::FreeText => Ok(Self::Text(text)),
            Kind::Word(words) if words.contains(&text.as_str()) => Ok(Self::Text(text)),
            Kind::Word(words) => Err(InvalidReason::NotOneOf { allowed: words.join(", ") }),
            Kind::Id | Kind::RemediationId => integer(1, i64::MAX),
            Kind::Milliseconds => integer(0, i64::MAX),
            Kind::Count => integer(0, i32::MAX.into()),
            Kind::Boolean => match text.parse() {
                Ok(flag) => Ok(Self::Boolean(flag)),
                Err(_) => Err(InvalidReason::NotOneOf { allowed: "true, false".to_owned() }),
            },
            Kind::Time | Kind::Fraction | Kind::Metadata | Kind::Alterations => Err(InvalidReason::Unknown),
        }
    }

    /// The value of a record's field, if a filter may list such values.
    pub(super) fn of(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Text(text) => Some(Self::Text(text.into_owned())),
            Value::Integer(number) => Some(Self::Integer(number)),
            Value::Boolean(flag) => Some(Self::Boolean(flag)),
            Value::Null | Value::Time(_) | Value::Real(_) | Value::Json(_) => None,
        }
    }
}

impl FilterValue for FieldValue {
    fn check(&self) -> Result<(), (String, InvalidReason)> {
        match self {
            Self::Text(text) => text.check(),
            Self::Integer(_) | Self::Boolean(_) => Ok(()),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Integer(number) => number.to_string(),
            Self::Boolean(flag) => flag.to_string(),
        }
    }

    fn bind(&self) -> Bind {
        match self {
            Self::Text(text) => Bind::Text(text.clone()),
            Self::Integer(number) => Bind::BigInt(*number),
            Self::Boolean(flag) => Bind::Bool(*flag),
        }
    }

    /// The values of one field are all of one kind.
    fn bind_all(values: &[Self]) -> Bind {
        let (mut texts, mut numbers, mut flags) = (Vec::new(), Vec::new(), Vec::new());
        for value in values {
            match value {
                Self::Text(text) => texts.push(text.clone()),
                Self::Integer(number) => numbers.push(*number),
                Self::Boolean(flag) => flags.push(*flag),
            }
        }
        match values.first() {
            Some(Self::Integer(_)) => Bind::BigIntArray(numbers),
            Some(Self::Boolean(_)) => Bind::BoolArray(flags),
            Some(Self::Text(_)) | None => Bind::TextArray(texts),
        }
    }
}

/// The values of a parameter: text between commas; `\,` is a comma inside a value.
pub(super) fn split_values(text: &str) -> Vec<String> {
    let mut values = vec![String::new()];
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let escaped = character == '\\' && characters.next_if_eq(&',').is_some();
        match (values.last_mut(), escaped, character) {
            (_, false, ',') => values.push(String::new()),
            (Some(value), true, _) => value.push(','),
            (Some(value), false, other) => value.push(other),
            (None, ..) => {}
        }
    }
    values
}

pub(super) fn check_values<V: FilterValue>(field: &str, values: &[V], errors: &mut Vec<InvalidParameter>) {
    if values.len() > MAX_VALUES {
        errors.push(InvalidParameter::new(
            field.to_owned(),
            values.len().to_string(),
            InvalidReason::TooManyValues,
        ));
    }
    for value in values {
        if let Err((text, reason)) = value.check() {
            errors.push(InvalidParameter::new(field.to_owned(), text, reason));
        }
    }
}
