//! Where things are in the checkout.

use std::path::{Path, PathBuf};

use anyhow::Result;
use devstack::DevelopmentDir;

/// The checkout's root directory.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// `.dev` in the checkout: state and environment of the stack, wherever its data is.
pub(crate) fn public_dir() -> PathBuf {
    root().join(".dev")
}

/// The directory for everything that is fetched or made, with a word when it is not where one would look.
pub(crate) fn development_dir() -> Result<DevelopmentDir> {
    let dir = DevelopmentDir::prepare(&public_dir())?;
    if let Some(wanted) = dir.instead_of() {
        crate::progress::say(&format!(
            "the account that runs PostgreSQL cannot access {}; using {} instead",
            wanted.display(),
            dir.path().display()
        ));
    }
    Ok(dir)
}
