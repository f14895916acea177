//! Texts to token numbers.

use super::files::TOKENIZER;
use crate::error::LoadError;
use std::path::Path;
use tokenizers::{Tokenizer, TruncationParams};

/// Tokens of a text that count, with the two that mark its ends; the model was trained to see no more.
const MAX_TOKENS: usize = 256;

/// The model's own tokenizer, with the limits of this crate.
pub(super) struct Tokens(Tokenizer);

impl Tokens {
    /// Reads `tokenizer.json`. The file's padding (to 128) and truncation (at 128) are for another use of the model and
    /// are replaced.
    pub(super) fn load(directory: &Path) -> Result<Self, LoadError> {
        let path = TOKENIZER.verified(directory)?;
        let refused = |source| LoadError::Tokenizer { path: path.clone(), source };
        let mut tokenizer = Tokenizer::from_file(&path).map_err(refused)?;
        let limit = TruncationParams { max_length: MAX_TOKENS, ..TruncationParams::default() };
        tokenizer.with_padding(None).with_truncation(Some(limit)).map_err(refused)?;
        Ok(Self(tokenizer))
    }

    /// The numbers of the text's tokens: at least the two end marks, at most [`MAX_TOKENS`].
    pub(super) fn split(&self, text: &str) -> Result<Vec<usize>, String> {
        let encoding = self.0.encode_fast(text, true).map_err(|error| error.to_string())?;
        let ids = encoding.get_ids().iter().map(|id| usize::try_from(*id));
        ids.collect::<Result<_, _>>().map_err(|error| error.to_string())
    }
}
