//! The description of the API, held against a running service and against what was promised before.
//!
//! - `cargo xtask contract`: the description is well-formed, and so is its form of OpenAPI 3.0.3; every example is valid
//!   under it; schemathesis makes requests from it, valid and invalid ones, and checks of every answer that it is one that
//!   the description tells of.
//! - `cargo xtask client`: a client that openapi-python-client generates from it writes, is refused, and reads on by cursor.
//! - `cargo xtask openapi`: no change breaks clients without a new version.
//!
//! The tools are installed into `.dev/` from pinned wheels, each checked by its digest.

mod blessed;
mod changes;
mod client;
mod shape;

pub(crate) use blessed::{Arguments as OpenapiArguments, run as openapi};
pub(crate) use client::run as client;

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::Result;

use crate::python::Python;
use crate::standing::Standing;
use crate::workspace;

/// Generated records are of any month, and generated requests ask for pages without a pause.
const SETTINGS: [(&str, &str); 2] =
    [("DATASTORAGE__LIMITS__FAR_MONTHS", "0"), ("DATASTORAGE__LIMITS__STRANGER_RATE", "0")];

/// The name of the tools' environment.
const NAME: &str = "contract";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Random requests for each operation, besides those for the ends of every range.
    #[arg(long, default_value_t = 10)]
    examples: u32,
    /// The seed of the random requests.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The most seconds of a run; a longer run fails.
    #[arg(long, default_value_t = 900)]
    bound: u64,
}

/// Runs every check; exit 1 when the description or an answer is not as it should be.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let tools = Python::installed(NAME)?;
    let service = Standing::start("contract", &SETTINGS)?;
    let checks = [
        tools.script("examples.py", [&document().display().to_string(), &service.url()]),
        requests(&tools, &service.url(), arguments),
    ];
    let bound = Duration::from_secs(arguments.bound);
    let mut is_kept = true;
    for check in checks {
        is_kept &= service.run(check, bound)?;
    }
    service.end()?;
    Ok(if is_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The description, as it is kept.
fn document() -> PathBuf {
    workspace::root().join("docs/openapi.json")
}

fn requests(tools: &Python, url: &str, arguments: &Arguments) -> Command {
    let data = tools.data();
    let mut command = tools.command("schemathesis");
    command
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", data)
        .arg("--config-file")
        .arg(data.join("schemathesis.toml"))
        .arg("run")
        .arg(document())
        .args(["--url", url, "--checks", "all", "--no-color", "--warnings", "off"])
        .args(["--phases", "examples,coverage,fuzzing,stateful"])
        .args(["--max-examples", &arguments.examples.to_string(), "--seed", &arguments.seed.to_string()]);
    command
}
