//! Commands that run to their end.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, ensure};

/// Runs `command` to its end, which is to be a good one; what it said.
pub(super) fn run(command: &mut Command, input: &str) -> Result<String> {
    let output = said(command, input)?;
    ensure!(
        output.status.success(),
        "{} failed: {} {}",
        command.get_program().to_string_lossy(),
        String::from_utf8_lossy(&output.stdout).trim(),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// Runs `command` to its end, whatever it is.
pub(super) fn said(command: &mut Command, input: &str) -> Result<Output> {
    let program = command.get_program().to_string_lossy().into_owned();
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().with_context(|| format!("cannot run {program}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).with_context(|| format!("{program} does not read"))?;
    }
    Ok(child.wait_with_output()?)
}
