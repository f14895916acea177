//! An earlier version of the service, built beside this one.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::service::Service;
use crate::workspace;

/// The full name of a commit.
pub(crate) fn commit(rev: &str) -> Result<String> {
    git(&["rev-parse", "--verify", &format!("{rev}^{{commit}}")])
}

/// Builds the service as it was, and keeps the program under `target/previous`. The target directory is this checkout's, so
/// that only crates of the workspace are built, and dependencies that have changed since.
pub(crate) fn build(commit: &str, release: bool) -> Result<PathBuf> {
    let folder = workspace::root().join("target/previous").join(commit);
    let profile = if release { "release" } else { "debug" };
    let kept = folder.join(format!("datastorage-{profile}"));
    if !kept.exists() {
        let sources = folder.join("sources");
        unpack(commit, &sources)?;
        let built = Service::build_in(&sources, release)?;
        std::fs::copy(&built, &kept).with_context(|| format!("cannot write {}", kept.display()))?;
        // It is as large as the checkout, and found again in the history.
        std::fs::remove_dir_all(&sources).with_context(|| format!("cannot remove {}", sources.display()))?;
    }
    Ok(kept)
}

/// Puts the files of a commit into a directory. No worktree is made, so that the repository stays as it is.
fn unpack(commit: &str, target: &Path) -> Result<()> {
    std::fs::create_dir_all(target).with_context(|| format!("cannot create {}", target.display()))?;
    let archive = target.with_extension("tar");
    git(&["archive", "--output", &archive.display().to_string(), commit])?;
    let unpacked = Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(target).status();
    ensure!(unpacked.context("cannot run tar")?.success(), "{} cannot be unpacked", archive.display());
    std::fs::remove_file(&archive).with_context(|| format!("cannot remove {}", archive.display()))
}

/// What git answers.
pub(crate) fn git(arguments: &[&str]) -> Result<String> {
    let mut git = Command::new("git");
    let output = git.args(arguments).current_dir(workspace::root()).output().context("cannot run git")?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    ensure!(output.status.success(), "git {}: {said}", arguments.join(" "));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
