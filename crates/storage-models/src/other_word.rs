//! Words of closed sets that this version does not know.

use std::fmt;

/// A word that a newer version has added to a closed set, as it is stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OtherWord {
    /// The word, and NUL up to the end, which no stored text holds.
    bytes: [u8; Self::MAX],
}

impl OtherWord {
    /// The most bytes that are kept: twice as many as the longest known word has.
    pub const MAX: usize = 32;

    /// The word, cut at [`Self::MAX`].
    pub(crate) fn new(word: &str) -> Self {
        let kept = word.get(..word.floor_char_boundary(Self::MAX)).unwrap_or_default();
        let mut bytes = [0; Self::MAX];
        for (byte, of_word) in bytes.iter_mut().zip(kept.bytes()) {
            *byte = of_word;
        }
        Self { bytes }
    }

    /// The word.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        let mut kept: &[u8] = &self.bytes;
        while let [shorter @ .., 0] = kept {
            kept = shorter;
        }
        match str::from_utf8(kept) {
            Ok(word) => word,
            Err(_) => "",
        }
    }
}

impl fmt::Debug for OtherWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::OtherWord;

    #[test]
    fn a_word_is_kept_up_to_its_bound_and_ordered_as_text() {
        let (long, short) = ("w".repeat(32), "w".repeat(31));
        let wide = format!("{short}ü");
        for (word, kept) in [("", ""), ("paused", "paused"), (&*long, &*long), (&*wide, &*short)] {
            assert_eq!(OtherWord::new(word).as_str(), kept);
        }
        assert!(OtherWord::new("a") < OtherWord::new("aa") && OtherWord::new("aa") < OtherWord::new("b"));
        assert_eq!(format!("{:?}", OtherWord::new("paused")), "\"paused\"");
    }
}
