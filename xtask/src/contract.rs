//! `cargo xtask contract`: holds `docs/openapi.json` against a running service.
//!
//! schemathesis makes requests from the document, valid and invalid ones, and checks of every answer that it is one
//! that the document tells of. It is installed into `.dev/` from pinned wheels, each checked by its digest.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use devstack::{Cluster, ClusterSettings, ServiceOptions, ServiceProcess};

use crate::progress::step;
use crate::service::Service;
use crate::signals::Signals;
use crate::stand::find_postgres_programs;
use crate::workspace;

/// What is installed, with digests.
const REQUIREMENTS: &str = include_str!("../data/contract/requirements.txt");
/// The database of the run.
const DATABASE: &str = "contract";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Requests that are made up for each operation, besides those for the ends of every range.
    #[arg(long, default_value_t = 10)]
    examples: u32,
    /// What the requests follow from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Seconds after which the run is ended, as failed.
    #[arg(long, default_value_t = 600)]
    bound: u64,
}

/// Runs every check; exit 1 when an answer is not as described.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let tool = step("schemathesis", installed, |it| it.display().to_string())?;
    let service = Service::build(false)?;
    let signals = Signals::listen()?;
    let programs = find_postgres_programs(&workspace::development_dir()?)?;
    let mut postgres = Cluster::temporary(&programs, ClusterSettings::for_tests())?;
    postgres.ensure_database(DATABASE)?;
    let database_url = postgres.url(DATABASE);
    service.bootstrap(&database_url)?;
    let options = ServiceOptions { bin: Some(service.bin().to_owned()), ..ServiceOptions::default() }
        .set("DATASTORAGE__EMBEDDING__PROVIDER", "hashing")
        // What is made up is of any month, and asks for pages without a pause.
        .set("DATASTORAGE__LIMITS__FAR_MONTHS", "0")
        .set("DATASTORAGE__LIMITS__STRANGER_RATE", "0");
    let running = ServiceProcess::start(&database_url, options)?;
    // In a directory of its own: the tool leaves what it has learned where it runs.
    let scratch = workspace::public_dir().join("contract-run");
    if scratch.exists() {
        std::fs::remove_dir_all(&scratch)?;
    }
    std::fs::create_dir_all(&scratch).with_context(|| format!("cannot create {}", scratch.display()))?;
    let mut checking = checks(&tool, &running.url(), arguments);
    checking.current_dir(&scratch);
    let status = signals.run_within(checking, Duration::from_secs(arguments.bound))?;
    drop(running);
    postgres.destroy()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn checks(tool: &Path, url: &str, arguments: &Arguments) -> Command {
    let data = workspace::root().join("xtask/data/contract");
    let mut command = Command::new(tool.join("bin/schemathesis"));
    command
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", &data)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg("--config-file")
        .arg(data.join("schemathesis.toml"))
        .arg("run")
        .arg(workspace::root().join("docs/openapi.json"))
        .args(["--url", url, "--checks", "all", "--no-color", "--warnings", "off"])
        .args(["--phases", "examples,coverage,fuzzing,stateful"])
        .args(["--max-examples", &arguments.examples.to_string(), "--seed", &arguments.seed.to_string()]);
    command
}

/// The virtual environment with schemathesis in it, made when there is none or it holds something else.
fn installed() -> Result<PathBuf> {
    let dir = workspace::public_dir().join("contract");
    let stamp = dir.join("requirements.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|found| found == REQUIREMENTS) {
        return Ok(dir);
    }
    if dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    succeed(Command::new("python3").args(["-m", "venv"]).arg(&dir))?;
    let wanted = workspace::root().join("xtask/data/contract/requirements.txt");
    let mut pip = Command::new(dir.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"])
        .args(["--require-hashes", "--only-binary=:all:", "--requirement"])
        .arg(wanted);
    succeed(&mut pip)?;
    // Last, so that an installation that was cut short is begun anew.
    std::fs::write(&stamp, REQUIREMENTS)?;
    Ok(dir)
}

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
