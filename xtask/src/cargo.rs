//! How cargo is called, and how far it is.

use std::io::{BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::progress::say;
use crate::workspace;

/// How often a build says how far it is where its output is no terminal.
const REPORT_PAUSE: Duration = Duration::from_secs(5);

/// The variable that names the target directory.
const TARGET_DIR: &str = "CARGO_TARGET_DIR";

/// The cargo that runs this task, in the checkout.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace::root());
    // Variables that cargo sets for this task. Build scripts that read them (ring's) would run again whenever cargo is
    // called directly after a task or the other way round, and all crates that depend on them would be built again.
    let about_this_task = |name: &str| {
        name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "OUT_DIR"
    };
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(about_this_task) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Builds the binary `name` of the package `package` of this checkout and returns its path.
pub(crate) fn build(package: &str, name: &str, release: bool) -> Result<PathBuf> {
    let target = std::env::var_os(TARGET_DIR).map_or_else(|| workspace::root().join("target"), PathBuf::from);
    build_in(workspace::root(), &target, package, name, release)
}

/// Builds a binary of the workspace in `sources` into this target directory, and returns its path. While it is built,
/// cargo's own bar is shown on a terminal; elsewhere a line every few seconds names the crates and the progress.
pub(crate) fn build_in(
    sources: &Path,
    target: &Path,
    package: &str,
    name: &str,
    release: bool,
) -> Result<PathBuf> {
    let mut build = cargo();
    build.current_dir(sources).env(TARGET_DIR, target);
    build.args(["build", "--locked", "--package", package, "--bin", name]);
    build.arg("--message-format=json-render-diagnostics");
    if release {
        build.arg("--release");
    }
    build.stdin(Stdio::null()).stdout(Stdio::piped());
    let on_terminal = std::io::stderr().is_terminal();
    if !on_terminal {
        build.env("CARGO_TERM_PROGRESS_WHEN", "always").env("CARGO_TERM_PROGRESS_WIDTH", "120");
        build.stderr(Stdio::piped());
    }
    say(&format!("  building {name}"));
    let mut child = build.spawn().context("cannot run cargo")?;
    let reporter = child.stderr.take().map(|stderr| std::thread::spawn(move || report(stderr)));
    let mut messages = String::new();
    child.stdout.take().context("the output of cargo cannot be read")?.read_to_string(&mut messages)?;
    let status = child.wait()?;
    if let Some(reporter) = reporter {
        let _ = reporter.join();
    }
    if !status.success() {
        bail!("{name} does not build");
    }
    let built = messages.lines().find_map(|line| executable(line, name));
    built.with_context(|| format!("cargo built no binary called {name}"))
}

/// The path of the binary `name` in a message of cargo's.
fn executable(line: &str, name: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    let path = PathBuf::from(message.get("executable")?.as_str()?);
    (path.file_name()? == name).then_some(path)
}

/// Passes on what cargo writes, but for its bar, of which a line now and then is enough, and for the name of each crate
/// that it begins.
fn report(stderr: ChildStderr) {
    let mut last = None::<Instant>;
    let mut line = Vec::new();
    for byte in BufReader::new(stderr).bytes().map_while(Result::ok) {
        if !matches!(byte, b'\r' | b'\n') {
            line.push(byte);
            continue;
        }
        let text = String::from_utf8_lossy(&line).into_owned();
        line.clear();
        match Line::of(&text) {
            Line::Progress(progress) if last.is_none_or(|it| it.elapsed() >= REPORT_PAUSE) => {
                say(&format!("  {progress}"));
                last = Some(Instant::now());
            }
            Line::Progress(_) | Line::Begun => {}
            Line::Other => say(text.trim_end()),
        }
    }
}

/// A line of what cargo writes.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    /// Its bar: what it does, how much of it is done, on what it works.
    Progress(String),
    /// A crate has been begun, or nothing is said.
    Begun,
    /// All else: a warning, an error.
    Other,
}

impl Line {
    fn of(text: &str) -> Self {
        let text = text.trim();
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        match (word, rest.trim_start().strip_prefix('[').and_then(|rest| rest.split_once(']'))) {
            ("Building", Some((_, state))) => match state.trim().split_once(": ") {
                Some((counts, crates)) => {
                    Self::Progress(format!("built {}: {crates}", counts.replacen('/', " of ", 1)))
                }
                None => Self::Begun,
            },
            ("Downloading" | "Updating" | "Fetch" | "Resolving", Some((_, state))) => {
                Self::Progress(format!("{} {}", word.to_lowercase(), state.trim()))
            }
            ("" | "Compiling" | "Downloaded" | "Fresh" | "Finished" | "Locking", _) => Self::Begun,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    //! Tests for what is shown of cargo's output.

    use super::{Line, executable};

    #[test]
    fn bars_become_words_and_errors_are_passed_on() {
        for (text, expected) in [
            (
                "    Building [=====>      ] 12/380: serde, tokio(build.rs)   ",
                Line::Progress("built 12 of 380: serde, tokio(build.rs)".to_owned()),
            ),
            ("    Building [            ] 0/1", Line::Begun),
            ("   Compiling serde v1.0.1", Line::Begun),
            ("", Line::Begun),
            ("error[E0432]: unresolved import `a`", Line::Other),
            ("warning: unused variable", Line::Other),
        ] {
            assert_eq!(Line::of(text), expected, "{text}");
        }
    }

    #[test]
    fn the_binary_is_found_among_cargos_messages() {
        let line = r#"{"reason":"compiler-artifact","executable":"/x/debug/datastorage"}"#;
        assert_eq!(executable(line, "datastorage").unwrap(), std::path::Path::new("/x/debug/datastorage"));
        assert_eq!(executable(line, "other"), None);
        assert_eq!(executable(r#"{"reason":"compiler-artifact","executable":null}"#, "datastorage"), None);
    }
}
