//! The project's own text files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Directories that hold nothing of ours.
const SKIPPED: &[&str] = &[".git", ".dev", "target", "node_modules"];

/// A file of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// Its path from the root, with slashes.
    pub(crate) path: String,
    /// Its content.
    pub(crate) text: String,
}

impl Source {
    /// Whether the file holds tests only.
    pub(crate) fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.starts_with("tests/") || self.path.contains("/tests/")
    }
}

/// The files below `root` whose name ends with one of `endings`, in the order of their paths; what is not text is left
/// out.
pub(crate) fn with_endings(root: &Path, endings: &[&str]) -> Result<Vec<Source>> {
    let mut paths = Vec::new();
    collect(root, &mut paths)?;
    paths.sort();
    let sources = paths.into_iter().filter_map(|path| {
        let relative = path.strip_prefix(root).ok()?.to_str()?.to_owned();
        let wanted = endings.iter().any(|ending| relative.ends_with(ending));
        let text = wanted.then(|| fs::read_to_string(&path).ok())??;
        Some(Source { path: relative, text })
    });
    Ok(sources.collect())
}

/// The paths of all files below `root`, from there.
pub(crate) fn below(root: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    collect(root, &mut paths)?;
    paths.iter().map(|path| Ok(path.strip_prefix(root)?.to_owned())).collect()
}

fn collect(dir: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    for entry in entries {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && !SKIPPED.iter().any(|it| entry.file_name() == *it) {
            collect(&entry.path(), paths)?;
        } else if kind.is_file() {
            paths.push(entry.path());
        }
    }
    Ok(())
}
