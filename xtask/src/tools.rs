//! `cargo xtask bench` and `soak`: build the programs of `tools/` and the service, and run them with what they need.

use std::process::{Command, ExitCode};

use anyhow::Result;
use devstack::environment;

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
    run("storage-bench", &arguments, release)
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
    run("storage-soak", arguments, release)
}

fn run(program: &str, arguments: &[String], release: bool) -> Result<ExitCode> {
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

    use super::compared_revision;

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
