//! Tools of Python, each set in a virtual environment of its own under `.dev/`, from pinned wheels.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::progress::step;
use crate::workspace;

/// An environment, and the directory under `xtask/data/` with what it is made from and what it runs.
pub(crate) struct Python {
    environment: PathBuf,
    data: PathBuf,
}

impl Python {
    /// Installs what `xtask/data/NAME/requirements.txt` lists with digests, unless it is there already.
    pub(crate) fn installed(name: &str) -> Result<Self> {
        let data = workspace::root().join(Path::new("xtask/data").join(name));
        let install = || install(&data.join("requirements.txt"), workspace::public_dir().join(name));
        let environment = step(&format!("tools of {name}"), install, |it| it.display().to_string())?;
        Ok(Self { environment, data })
    }

    /// What the tools are told, and what they run.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Where the tools are, and where else may be left what is to last as long as they do.
    pub(crate) fn dir(&self) -> &Path {
        &self.environment
    }

    /// A tool by its name.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.environment.join("bin").join(name));
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    /// A script of ours.
    pub(crate) fn script<const N: usize>(&self, name: &str, arguments: [&str; N]) -> Command {
        let mut command = self.command("python");
        command.arg(self.data.join(name)).args(arguments);
        command
    }
}

fn install(requirements: &Path, dir: PathBuf) -> Result<PathBuf> {
    let wanted = std::fs::read_to_string(requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let stamp = dir.join("requirements.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(dir);
    }
    if dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    succeed(Command::new("python3").args(["-m", "venv"]).arg(&dir))?;
    let mut pip = Command::new(dir.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"])
        .args(["--require-hashes", "--only-binary=:all:", "--requirement"])
        .arg(requirements);
    succeed(&mut pip)?;
    // Last, so that an installation that was cut short is begun anew.
    std::fs::write(&stamp, wanted)?;
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
