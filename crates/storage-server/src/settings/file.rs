//! Settings whose value is in a file, because it is secret or long.

use std::path::{Path, PathBuf};

use super::fault::Faults;

/// A file that a setting names cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{key} cannot be read from {}", path.display())]
pub struct Unreadable {
    /// The setting.
    pub key: &'static str,
    /// The file.
    pub path: PathBuf,
    /// The system's answer.
    #[source]
    pub source: std::io::Error,
}

impl Unreadable {
    pub(super) fn tell(&self, faults: &mut Faults) {
        faults.push(self.key, format!("cannot be read from {}: {}", self.path.display(), self.source));
    }
}

/// The file's text without an end of line at its end.
pub(super) fn read(key: &'static str, path: &Path) -> Result<String, Unreadable> {
    let text =
        std::fs::read_to_string(path).map_err(|source| Unreadable { key, path: path.to_owned(), source })?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
