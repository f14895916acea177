//! The answers of a PostgreSQL server, as far as a fault needs to understand them: where each one ends.

use super::frontend::body_length;

/// ReadyForQuery, which ends the answer to a request.
const READY_FOR_QUERY: u8 = b'Z';
/// Type and length of a message.
const HEADER: usize = 5;

/// Follows the messages in a server's stream of bytes, however it is cut into pieces.
#[derive(Debug, Default)]
pub(super) struct Answers {
    header: Vec<u8>,
    body_left: usize,
    finished: u64,
}

impl Answers {
    /// How many answers have ended so far; the first one is the answer to the start of the session.
    pub(super) fn finished(&self) -> u64 {
        self.finished
    }

    /// Reads on to the end of the current answer, and returns how many of `bytes` belong to it; `None` when it does
    /// not end in them, after having read them all.
    pub(super) fn read_to_end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut read = 0;
        while let Some((_, rest)) = bytes.split_at_checked(read).filter(|(_, rest)| !rest.is_empty()) {
            if self.body_left > 0 {
                let step = self.body_left.min(rest.len());
                self.body_left -= step;
                read += step;
            } else if let Some(&byte) = rest.first() {
                self.header.push(byte);
                read += 1;
                self.body_left = self.header_length();
            }
            if self.message_ended() && self.take_kind() == Some(READY_FOR_QUERY) {
                self.finished += 1;
                return Some(read);
            }
        }
        None
    }

    /// The length of the body when the header is complete.
    fn header_length(&self) -> usize {
        let field = self.header.get(1..HEADER).and_then(|it| <[u8; 4]>::try_from(it).ok());
        field.and_then(body_length).unwrap_or(0)
    }

    fn message_ended(&self) -> bool {
        self.header.len() == HEADER && self.body_left == 0
    }

    fn take_kind(&mut self) -> Option<u8> {
        let kind = self.header.first().copied();
        self.header.clear();
        kind
    }
}

#[cfg(test)]
mod tests;
