//! The bound on one tag: the tokenizer compares each attribute's name with all names before it in its tag.

use std::collections::HashSet;

/// Chunks without a token that need not be looked at: so little text cannot cost much.
const SHORT: usize = 4;

/// Different names in one tag. Prose behind a `<` that nothing closes reads as attributes, and has fewer.
const MAX_NAMES: usize = 4096;

/// The text since the tokenizer's last token. An unfinished tag is in it.
#[derive(Default)]
pub(super) struct Pending<'t> {
    chunks: Vec<&'t str>,
    names: HashSet<&'t str>,
}

impl<'t> Pending<'t> {
    /// Forgets everything: a token came.
    pub(super) fn clear(&mut self) {
        self.chunks.clear();
        self.names.clear();
    }

    /// Adds a chunk, in which the token may have ended; false when a tag may have grown too large.
    pub(super) fn extend(&mut self, chunk: &'t str) -> bool {
        self.chunks.push(chunk);
        if self.chunks.len() > SHORT || !self.names.is_empty() {
            let ends_name = |c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>' | '=' | '"' | '\'');
            self.names.extend(self.chunks.drain(..).flat_map(|chunk| chunk.split(ends_name)));
        }
        self.names.len() <= MAX_NAMES
    }
}
