//! What a filter compares columns with.

use storage_models::{Phase, Severity, Status, WorkflowPhase};

use crate::InvalidReason;
use crate::number::parse_in;
use crate::sql::Bind;

/// Characters of a text at most. No column that is compared with one holds longer ones, but for the metadata.
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
    /// Reads it from a parameter.
    fn parse(text: &str) -> Result<Self, InvalidReason>;

    /// Checks what the type itself does not rule out; gives the value as text and the rule it breaks.
    fn check(&self) -> Result<(), (String, InvalidReason)> {
        Ok(())
    }

    /// As a parameter writes it.
    fn text(&self) -> String;

    fn bind(&self) -> Bind;

    fn bind_all(values: &[Self]) -> Bind;
}

impl FilterValue for String {
    fn parse(text: &str) -> Result<Self, InvalidReason> {
        Ok(text.to_owned())
    }

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

impl FilterValue for i64 {
    fn parse(text: &str) -> Result<Self, InvalidReason> {
        parse_in(text, 1, Self::MAX).ok_or(InvalidReason::NotInRange { min: 1, max: Self::MAX })
    }

    fn text(&self) -> String {
        self.to_string()
    }

    fn bind(&self) -> Bind {
        Bind::BigInt(*self)
    }

    fn bind_all(values: &[Self]) -> Bind {
        Bind::BigIntArray(values.to_vec())
    }
}

impl FilterValue for bool {
    fn parse(text: &str) -> Result<Self, InvalidReason> {
        text.parse().ok().ok_or_else(|| InvalidReason::NotOneOf { allowed: "true, false".to_owned() })
    }

    fn text(&self) -> String {
        self.to_string()
    }

    fn bind(&self) -> Bind {
        Bind::Bool(*self)
    }

    fn bind_all(values: &[Self]) -> Bind {
        Bind::BoolArray(values.to_vec())
    }
}

macro_rules! words {
    ($($name:ident)+) => {$(
        impl FilterValue for $name {
            fn parse(text: &str) -> Result<Self, InvalidReason> {
                text.parse().map_err(|error: storage_models::UnknownValue| {
                    InvalidReason::NotOneOf { allowed: error.allowed }
                })
            }

            fn text(&self) -> String {
                self.to_string()
            }

            fn bind(&self) -> Bind {
                Bind::Text(self.as_str().to_owned())
            }

            fn bind_all(values: &[Self]) -> Bind {
                Bind::TextArray(values.iter().map(|value| value.as_str().to_owned()).collect())
            }
        }
    )+};
}

words!(Phase WorkflowPhase Status Severity);

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
