//! How long a success is watched.

use std::str::FromStr;

use crate::span::{self, NotASpan};
use crate::{InvalidParameter, InvalidReason};

/// How long after its end a success must have lasted to have held. A day unless something else is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settle {
    millis: i64,
}

impl Settle {
    /// The longest: 30 days, in milliseconds.
    pub const MAX_MILLIS: i64 = 30 * 86_400_000;

    /// So many milliseconds, 1 to [`Self::MAX_MILLIS`].
    ///
    /// # Errors
    /// Outside that range, naming `settle`.
    pub fn of_millis(millis: i64) -> Result<Self, InvalidParameter> {
        if (1..=Self::MAX_MILLIS).contains(&millis) { Ok(Self { millis }) } else { Err(refused(millis)) }
    }

    /// In milliseconds.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.millis
    }
}

impl Default for Settle {
    fn default() -> Self {
        Self { millis: 86_400_000 }
    }
}

/// Reads `24h`, `7d`, `1h30m`.
impl FromStr for Settle {
    type Err = InvalidParameter;

    fn from_str(text: &str) -> Result<Self, InvalidParameter> {
        match span::parse(text) {
            Ok(millis) => Self::of_millis(millis),
            Err(NotASpan::Form | NotASpan::TooLong) => Err(refused(text)),
        }
    }
}

fn refused(value: impl ToString) -> InvalidParameter {
    InvalidParameter::new("settle", value.to_string(), InvalidReason::NotASettle)
}
