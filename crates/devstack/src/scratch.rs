//! Directories that are removed when they are no longer needed.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::{DevstackError, random};

/// A new directory, readable by every account; removed with all it holds when this value is dropped.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes one in the system's temporary directory; its name begins with `prefix`.
    pub(crate) fn new(prefix: &str) -> Result<Self, DevstackError> {
        Self::new_in(&std::env::temp_dir(), prefix)
    }

    /// Makes one in `parent`.
    pub(crate) fn new_in(parent: &Path, prefix: &str) -> Result<Self, DevstackError> {
        let name = format!("{prefix}{:016x}", u64::from_be_bytes(random::bytes()?));
        let path = parent.join(name);
        fs::create_dir(&path).map_err(DevstackError::file("create", &path))?;
        let scratch = Self { path };
        fs::set_permissions(&scratch.path, Permissions::from_mode(0o755))
            .map_err(DevstackError::file("set the mode of", &scratch.path))?;
        Ok(scratch)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The system's own cleaning of temporary files removes the rest.
        let _ = fs::remove_dir_all(&self.path);
    }
}
