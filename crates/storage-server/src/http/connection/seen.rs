//! The head that a connection is reading, kept to explain its fault.

/// Bytes of a head that are kept at most.
const KEPT: usize = 8 * 1024;

/// The end of a head.
const END: &[u8] = b"\r\n\r\n";

/// The bytes of the next head, as long as it is certain where it begins: behind a body of unknown length, and where
/// requests run ahead of their answers, it is not.
#[derive(Default)]
pub(super) struct Seen {
    bytes: Vec<u8>,
    /// Requests of the connection that had begun before these bytes.
    requests: u64,
    is_lost: bool,
}

impl Seen {
    /// Adds what was read of a head. `requests` have begun on the connection.
    pub(super) fn add(&mut self, requests: u64, bytes: &[u8]) {
        if requests != self.requests {
            self.is_lost |= requests != self.requests + 1 || !is_one_head(&self.bytes);
            self.requests = requests;
            self.bytes.clear();
        }
        if !self.is_lost {
            let room = KEPT.saturating_sub(self.bytes.len());
            self.bytes.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        }
    }

    /// Notes that the beginning of the next head is not known.
    pub(super) fn lose(&mut self) {
        self.is_lost = true;
        self.bytes = Vec::new();
    }

    /// The bytes of a head that did not become a request.
    pub(super) fn unread(&self, requests: u64) -> &[u8] {
        if self.is_lost || requests != self.requests { &[] } else { &self.bytes }
    }
}

/// Whether the bytes are a head and nothing else.
fn is_one_head(bytes: &[u8]) -> bool {
    bytes.windows(END.len()).position(|part| part == END).is_some_and(|at| at + END.len() == bytes.len())
}

#[cfg(test)]
mod tests {
    use super::{KEPT, Seen};

    const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    #[test]
    fn each_head_is_kept_until_its_request_begins() {
        let mut seen = Seen::default();
        seen.add(0, b"GET / HT");
        seen.add(0, b"TP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!((seen.unread(0), seen.unread(1)), (HEAD, &b""[..]));
        seen.add(1, b"GET /\"");
        assert_eq!(seen.unread(1), b"GET /\"");
    }

    #[test]
    fn where_a_head_begins_is_not_guessed() {
        for read in [&[HEAD, b"GET"].concat(), &[HEAD, HEAD].concat(), &b"POST / HTTP/1.1\r\n\r\n{}".to_vec()]
        {
            let mut seen = Seen::default();
            seen.add(0, read);
            seen.add(1, b"GET /\"");
            assert_eq!(seen.unread(1), b"");
        }
        let mut seen = Seen::default();
        seen.add(0, HEAD);
        seen.lose();
        seen.add(1, HEAD);
        assert_eq!(seen.unread(1), b"");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut seen = Seen::default();
        for _ in 0..5 {
            seen.add(0, &[b'a'; KEPT / 2 - 1]);
        }
        assert_eq!(seen.unread(0).len(), KEPT);
    }
}
