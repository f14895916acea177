//! `cargo xtask contract`: holds `docs/openapi.json` against a running service.
//!
//! schemathesis makes requests from the document, valid and invalid ones, and checks of every answer that it is one
//! that the document tells of. It is installed into `.dev/` from pinned wheels, each checked by its digest.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use storage_testkit::{Cluster, ClusterSettings, PostgresSource, ServiceOptions, ServiceProcess};
use tokio::process::Command;

use crate::progress::step;
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
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let tool = step("schemathesis", installed(), |it| it.display().to_string()).await?;
    let bin = step("service", workspace::build_service(false), |it| it.display().to_string()).await?;
    let dev = workspace::development_dir()?;
    let PostgresSource::Programs(programs) = PostgresSource::find(&dev, None, &|_| {}).await? else {
        bail!("the run needs PostgreSQL's programs");
    };
    let postgres = Cluster::temporary(&programs, ClusterSettings::for_tests()).await?;
    storage_testkit::create_database(&postgres.url("postgres"), DATABASE, None).await?;
    let database_url = postgres.url(DATABASE);
    storage_schema::bootstrap(&database_url).await?;
    let options = ServiceOptions { bin: Some(bin), ..ServiceOptions::default() }
        .set("DATASTORAGE__EMBEDDING__PROVIDER", "hashing")
        // What is made up is of any month, and asks for pages without a pause.
        .set("DATASTORAGE__LIMITS__FAR_MONTHS", "0")
        .set("DATASTORAGE__LIMITS__STRANGER_RATE", "0");
    let service = ServiceProcess::start(&database_url, options).await?;
    // In a directory of its own: the tool leaves what it has learned where it runs.
    let scratch = tempfile::tempdir()?;
    let mut checking = checks(&tool, &service.url(), arguments);
    let mut child = checking.current_dir(scratch.path()).kill_on_drop(true).spawn()?;
    let bound = std::time::Duration::from_secs(arguments.bound);
    let status = tokio::time::timeout(bound, child.wait()).await.context("schemathesis took too long")??;
    drop(service);
    postgres.destroy().await?;
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
async fn installed() -> Result<PathBuf> {
    let dir = workspace::public_dir().join("contract");
    let stamp = dir.join("requirements.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|found| found == REQUIREMENTS) {
        return Ok(dir);
    }
    if dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    succeed(Command::new("python3").args(["-m", "venv"]).arg(&dir)).await?;
    let wanted = workspace::root().join("xtask/data/contract/requirements.txt");
    let mut pip = Command::new(dir.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"])
        .args(["--require-hashes", "--only-binary=:all:", "--requirement"])
        .arg(wanted);
    succeed(&mut pip).await?;
    // Last, so that an installation that was cut short is begun anew.
    std::fs::write(&stamp, REQUIREMENTS)?;
    Ok(dir)
}

async fn succeed(command: &mut Command) -> Result<()> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let output = command.kill_on_drop(true).output().await;
    let output =
        output.with_context(|| format!("cannot run {program}; install Python 3.11 or later with pip"))?;
    if !output.status.success() {
        bail!("{program} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
