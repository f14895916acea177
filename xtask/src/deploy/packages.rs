//! Programs of the system's packages: those on PATH, else unpacked under `.dev/` and not installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::commands::run;
use crate::workspace;

/// Where the programs of some packages are.
pub(super) struct Unpacked {
    /// `None` when they are installed.
    root: Option<PathBuf>,
}

impl Unpacked {
    /// A program, which finds the libraries that were unpacked with it.
    pub(super) fn command(&self, name: &str) -> Command {
        let Some(root) = &self.root else { return Command::new(name) };
        let mut command = Command::new(root.join("usr/bin").join(name));
        command.env("LD_LIBRARY_PATH", root.join("usr/lib/x86_64-linux-gnu"));
        command
    }
}

/// The program `name`: on PATH, else from an earlier run, else from `packages`, the first of which has it.
pub(super) fn find(name: &str, packages: &[&str]) -> Result<Unpacked> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|it| it.join(name).is_file()) {
        return Ok(Unpacked { root: None });
    }
    let dir = workspace::public_dir().join(name);
    if !dir.join("usr/bin").join(name).is_file() {
        unpack(packages, &dir).with_context(|| {
            format!("there is no {name} on PATH, and the package cannot be had; install {name}")
        })?;
    }
    Ok(Unpacked { root: Some(dir) })
}

fn unpack(packages: &[&str], dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir)?;
    download(packages, dir).or_else(|_| {
        // The lists of packages may be old, or not there yet.
        run(Command::new("apt-get").args(["update", "-qq"]), "")?;
        download(packages, dir)
    })?;
    let files: Vec<_> = std::fs::read_dir(dir)?.filter_map(|it| Some(it.ok()?.path())).collect();
    let files: Vec<_> = files.iter().filter(|it| it.extension().is_some_and(|it| it == "deb")).collect();
    ensure!(files.len() == packages.len(), "apt-get has left {} packages in {}", files.len(), dir.display());
    for file in files {
        run(Command::new("dpkg").arg("-x").arg(file).arg(dir), "")?;
        std::fs::remove_file(file)?;
    }
    Ok(())
}

fn download(packages: &[&str], dir: &Path) -> Result<()> {
    let mut command = Command::new("apt-get");
    run(command.args(["download", "-qq"]).args(packages).current_dir(dir), "").map(drop)
}
