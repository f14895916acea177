//! The requests of a PostgreSQL client, as far as a fault needs to understand them.
//!
//! Message formats: PostgreSQL manual, "Frontend/Backend Protocol".

use std::collections::HashMap;

/// How much of a message is looked at, in bytes; the rest only passes through.
pub(super) const HEAD_MAX: usize = 64 * 1024;
/// How many prepared statements of a connection are remembered; more than any client here prepares.
const STATEMENTS_MAX: usize = 1024;

/// The length field of a message counts itself.
const LENGTH_FIELD: u32 = 4;

/// The first thing a client sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Startup {
    /// It asks for TLS or GSS encryption, and continues without it if the answer is no.
    Encryption,
    /// It asks to cancel another connection's request; nothing follows.
    Cancel,
    /// It begins a session.
    Session,
}

impl Startup {
    /// Judges a start-up packet by its request code.
    pub(super) fn of(code: u32) -> Self {
        match code {
            80_877_103 | 80_877_104 => Self::Encryption,
            80_877_102 => Self::Cancel,
            _ => Self::Session,
        }
    }
}

/// Length in bytes of the body behind a length field, if the field can be true.
pub(super) fn body_length(field: [u8; 4]) -> Option<usize> {
    usize::try_from(u32::from_be_bytes(field).checked_sub(LENGTH_FIELD)?).ok()
}

/// Remembers what a client prepared, to know a statement by its text when it is executed by its name.
#[derive(Debug, Default)]
pub(super) struct Statements {
    texts: HashMap<Vec<u8>, Vec<u8>>,
}

impl Statements {
    /// Takes in the message of type `kind`, and says whether it asks the server to run a statement with `needle` in
    /// its text or its values.
    pub(super) fn runs(&mut self, kind: u8, head: &[u8], needle: Option<&[u8]>) -> bool {
        match kind {
            b'Q' => needle.is_some_and(|needle| contains(head, needle)),
            b'P' => {
                self.remember(head);
                false
            }
            b'B' => needle
                .is_some_and(|needle| contains(head, needle) || contains(self.text_of_bind(head), needle)),
            _ => false,
        }
    }

    fn remember(&mut self, parse: &[u8]) {
        let Some((name, rest)) = cut_at_nul(parse) else { return };
        let text = cut_at_nul(rest).map_or(rest, |(text, _)| text);
        if self.texts.len() < STATEMENTS_MAX || self.texts.contains_key(name) {
            self.texts.insert(name.to_owned(), text.to_owned());
        }
    }

    fn text_of_bind(&self, bind: &[u8]) -> &[u8] {
        let statement = cut_at_nul(bind).and_then(|(_portal, rest)| cut_at_nul(rest));
        statement.and_then(|(name, _)| self.texts.get(name)).map_or(&[], Vec::as_slice)
    }
}

/// Whether the server answers a message of type `kind` with ReadyForQuery.
pub(super) fn asks_for_ready(kind: u8) -> bool {
    matches!(kind, b'Q' | b'S' | b'F')
}

/// Whether the needle is somewhere in the text. Nothing is in every text.
pub(super) fn contains(text: &[u8], needle: &[u8]) -> bool {
    needle.is_empty() || text.windows(needle.len()).any(|window| window == needle)
}

/// What the start of a session contains that names this application.
pub(super) fn of_application(name: &str) -> Vec<u8> {
    format!("\0application_name\0{name}\0").into_bytes()
}

/// The text before the first NUL, and the text after it.
fn cut_at_nul(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&byte| byte == 0)?;
    let (before, rest) = bytes.split_at_checked(at)?;
    Some((before, rest.split_first()?.1))
}

#[cfg(test)]
mod tests {
    //! Tests for recognising requests.

    use super::{STATEMENTS_MAX, Statements};

    const NEEDLE: Option<&[u8]> = Some(b"INSERT");

    #[test]
    fn running_is_recognised_preparing_is_not() {
        let mut statements = Statements::default();
        for (kind, body, expected) in [
            (b'P', &b"s1\0INSERT INTO t VALUES ($1)\0\0\0"[..], false),
            (b'D', b"Ss1\0", false),
            (b'B', b"\0s1\0\0\0\0\0", true),
            (b'B', b"portal\0s2\0\0\0\0\0", false),
            (b'B', b"\0s2\0\0\0\0\x01\0\0\0\x06INSERT", true),
            (b'P', b"s1\0SELECT 1\0\0\0", false),
            (b'B', b"\0s1\0\0\0\0\0", false),
            (b'Q', b"insert into t", false),
            (b'Q', b"BEGIN; INSERT INTO t", true),
            (b'B', b"", false),
            (b'P', b"unfinished", false),
        ] {
            assert_eq!(statements.runs(kind, body, NEEDLE), expected, "{}", body.escape_ascii());
        }
        assert!(!statements.runs(b'Q', b"INSERT", None), "nothing is armed");
    }

    #[test]
    fn memory_is_bounded() {
        let mut statements = Statements::default();
        for number in 0..2 * STATEMENTS_MAX {
            statements.runs(b'P', format!("s{number}\0SELECT\0").as_bytes(), None);
        }
        assert_eq!(statements.texts.len(), STATEMENTS_MAX);
    }
}
