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

/// Builds the service as it was, and keeps the program under `target/previous`. The target directory is another than this
/// checkout's: cargo knows a crate by its place in the workspace and a file by its age, so it would take the crates of one
/// commit for those of the other.
pub(crate) fn build(commit: &str, release: bool) -> Result<PathBuf> {
    let previous = workspace::root().join("target/previous");
    let profile = if release { "release" } else { "debug" };
    let kept = previous.join(commit).join(format!("datastorage-{profile}"));
    if !kept.exists() {
        let sources = previous.join(commit).join("sources");
        unpack(commit, &sources)?;
        let built = Service::build_in(&sources, &previous.join("target"), release)?;
        std::fs::copy(&built, &kept).with_context(|| format!("cannot write {}", kept.display()))?;
        // It is as large as the checkout, and found again in the history.
        std::fs::remove_dir_all(&sources).with_context(|| format!("cannot remove {}", sources.display()))?;
    }
    Ok(kept)
}

/// Puts the files of a commit into a directory, as files of now, so that cargo builds them again after another commit's. No
/// worktree is made, so that the repository stays as it is.
fn unpack(commit: &str, target: &Path) -> Result<()> {
    std::fs::create_dir_all(target).with_context(|| format!("cannot create {}", target.display()))?;
    let archive = target.with_extension("tar");
    git(&["archive", "--output", &archive.display().to_string(), commit])?;
    let unpacked = Command::new("tar").arg("-xmf").arg(&archive).arg("-C").arg(target).status();
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
