//! The handling of a record that breaks a rule of form.

use crate::time::Window;

/// How strictly the input is checked (RFC 7240, section 4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Handling {
    /// A record that breaks a rule is refused.
    #[default]
    Strict,
    /// Text that is too long is cut, control characters are taken out, an unknown severity becomes null, and a digest
    /// stands for metadata that is too large or too deep. The record says so. All other rules hold as they are.
    Lenient,
}

impl Handling {
    /// The word that stands for it in settings and headers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Lenient => "lenient",
        }
    }

    /// The one that a word stands for.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Strict, Self::Lenient].into_iter().find(|handling| handling.as_str() == word)
    }

    pub(crate) const fn is_lenient(self) -> bool {
        matches!(self, Self::Lenient)
    }
}

/// By what one request's records are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// The times that they may name.
    pub(crate) window: Window,
    pub(crate) handling: Handling,
}
