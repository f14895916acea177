//! The tools, in a virtual environment of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::progress::step;
use crate::workspace;

/// The packages to install, with digests.
const REQUIREMENTS: &str = include_str!("../../data/contract/requirements.txt");

/// Where they are installed.
pub(super) struct Tools(PathBuf);

impl Tools {
    /// Installs them, if there are none or others.
    pub(super) fn installed() -> Result<Self> {
        step("tools for testing the contract", install, |it| it.display().to_string()).map(Self)
    }

    /// A tool by its name.
    pub(super) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.0.join("bin").join(name));
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    /// A script of ours.
    pub(super) fn script<const N: usize>(&self, name: &str, arguments: [&str; N]) -> Command {
        let mut command = self.command("python");
        command.arg(data().join(name)).args(arguments);
        command
    }
}

fn install() -> Result<PathBuf> {
    let dir = workspace::public_dir().join("contract");
    let stamp = dir.join("requirements.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|found| found == REQUIREMENTS) {
        return Ok(dir);
    }
    if dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    succeed(Command::new("python3").args(["-m", "venv"]).arg(&dir))?;
    let mut pip = Command::new(dir.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"])
        .args(["--require-hashes", "--only-binary=:all:", "--requirement"])
        .arg(data().join("requirements.txt"));
    succeed(&mut pip)?;
    // Written last, so that an interrupted installation starts again.
    std::fs::write(&stamp, REQUIREMENTS)?;
    Ok(dir)
}

/// Runs `command` to its end, which is to be a good one.
fn succeed(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output();
    let output =
        output.with_context(|| format!("cannot run {program}; install Python 3.11 or later with pip"))?;
    if !output.status.success() {
        bail!("{program} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// The configuration of the tools, and their scripts.
pub(super) fn data() -> PathBuf {
    workspace::root().join(Path::new("xtask/data/contract"))
}
