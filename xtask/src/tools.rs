//! `cargo xtask bench` and `soak`: build the programs of `tools/` and the service, and run them with what they need.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Result;
use devstack::environment;

use crate::progress::say;
use crate::python::Python;
use crate::service::Service;
use crate::signals::{Signals, exit_code};
use crate::stand::{Redis, fetch_model, find_postgres_programs};
use crate::{cargo, previous, workspace};

#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// Passed to the program; `--help` lists what it takes.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Runs the measurements, built with optimisations: neither they nor the service must be slow. Only the short form, whose
/// figures mean nothing, takes what the tests have built.
pub(crate) fn bench(arguments: &Arguments) -> Result<ExitCode> {
    let mut arguments = arguments.arguments.clone();
    let release = !arguments.iter().any(|it| it == "--short");
    if let Some(revision) = compared_revision(&arguments) {
        let program = previous::build(&previous::commit(revision)?, release)?;
        arguments.splice(..1, ["compare".to_owned(), "--program".to_owned(), program.display().to_string()]);
    }
    let is_wanted = wants_onnxruntime(&arguments) && !asks_for_help(&arguments);
    run("storage-bench", &arguments, release, is_wanted.then(onnxruntime).flatten())
}

/// Whether a measurement is asked for that compares with onnxruntime (E1).
fn wants_onnxruntime(arguments: &[String]) -> bool {
    let mut rest = arguments.iter().map(String::as_str);
    match rest.next() {
        Some("embedding") => true,
        Some("all") => {
            let only = rest.clone().find_map(|it| it.strip_prefix("--only="));
            let only = only.or_else(|| rest.skip_while(|it| *it != "--only").nth(1));
            only.is_none_or(|names| names.split(',').any(|it| it.eq_ignore_ascii_case("E1")))
        }
        _ => false,
    }
}

/// The Python that has onnxruntime. Without it there is less to compare with, and the measurements say so.
fn onnxruntime() -> Option<PathBuf> {
    match Python::installed("onnxruntime") {
        Ok(python) => Some(python.dir().join("bin/python")),
        Err(error) => {
            say(&format!("  going on without onnxruntime: {error:#}"));
            None
        }
    }
}

/// The revision in `compare REVISION …`, the one measurement that needs another version of the service.
fn compared_revision(arguments: &[String]) -> Option<&str> {
    let (command, others) = arguments.split_first()?;
    let revision = others.first().filter(|it| !it.starts_with('-'))?;
    matches!(command.as_str(), "compare" | "--compare").then_some(revision)
}

/// Runs the soak; `--release` builds it with optimisations.
pub(crate) fn soak(arguments: &Arguments) -> Result<ExitCode> {
    let (release, others) =
        arguments.arguments.iter().cloned().partition::<Vec<_>, _>(|it| it == "--release");
    run_soak(&others, !release.is_empty())
}

/// Runs the soak with these arguments.
pub(crate) fn run_soak(arguments: &[String], release: bool) -> Result<ExitCode> {
    run("storage-soak", arguments, release, None)
}

fn run(program: &str, arguments: &[String], release: bool, onnxruntime: Option<PathBuf>) -> Result<ExitCode> {
    let bin = cargo::build(program, program, release)?;
    let mut command = Command::new(bin);
    command.args(arguments).current_dir(workspace::root());
    let signals = Signals::listen()?;
    if !asks_for_help(arguments) {
        let dev = workspace::development_dir()?;
        let service = Service::build(release)?;
        command.env(environment::SERVICE_BIN, service.bin());
        command.env(environment::PG_BIN, find_postgres_programs(&dev)?.bin());
        command.env(environment::MODEL_DIR, fetch_model(&dev)?);
        command.envs(onnxruntime.map(|python| (environment::ONNXRUNTIME_PYTHON, python)));
        Redis::find()?.tell(&mut command);
    }
    Ok(exit_code(signals.run_to_end(command)?))
}

fn asks_for_help(arguments: &[String]) -> bool {
    arguments.iter().any(|it| matches!(it.as_str(), "help" | "--help" | "-h"))
}

#[cfg(test)]
mod tests {
    //! Tests for what is read of a measurement's arguments.

    use super::{compared_revision, wants_onnxruntime};

    #[test]
    fn onnxruntime_is_installed_for_the_measurement_that_compares_with_it() {
        for (line, is_wanted) in [
            ("embedding --rounds 1", true),
            ("all", true),
            ("all --short", true),
            ("all --only W1,e1 --short", true),
            ("all --only=E1", true),
            ("all --only W1", false),
            ("all --short --only=W1,R1", false),
            ("writes", false),
            ("", false),
        ] {
            let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            assert_eq!(wants_onnxruntime(&arguments), is_wanted, "{line}");
        }
    }

    #[test]
    fn a_comparison_names_its_revision_first() {
        for (arguments, revision) in [
            ("compare HEAD~5 --load w1", Some("HEAD~5")),
            ("--compare v1", Some("v1")),
            ("compare --help", None),
            ("compare", None),
            ("writes --rounds 3", None),
            ("", None),
        ] {
            let arguments: Vec<String> = arguments.split_whitespace().map(str::to_owned).collect();
            assert_eq!(compared_revision(&arguments), revision, "{arguments:?}");
        }
    }
}
