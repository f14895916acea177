//! A client that is generated from the description.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;

use super::{NAME, SETTINGS, document};
use crate::python::Python;
use crate::standing::Standing;

/// How long the client may take to be made, and to do its work.
const BOUND: Duration = Duration::from_secs(120);

/// Generates the client, and has it write, be refused and read on by cursor; exit 1 when it cannot.
pub(crate) fn run() -> Result<ExitCode> {
    let tools = Python::installed(NAME)?;
    let service = Standing::start("client", &SETTINGS)?;
    let mut generate = tools.command("openapi-python-client");
    generate
        .args(["generate", "--fail-on-warning", "--meta", "none", "--output-path", "generated", "--path"])
        .arg(document())
        .arg("--config")
        .arg(tools.data().join("client.yml"));
    let mut using = tools.script("client.py", [&service.url()]);
    // The generated package is where the script runs.
    using.env("PYTHONPATH", ".");
    let is_done = service.run(generate, BOUND)? && service.run(using, BOUND)?;
    service.end()?;
    Ok(if is_done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
