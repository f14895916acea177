//! Runs short-lived programs and turns their failure into an error one can read.

use std::process::Output;

use tokio::process::Command;

use crate::TestkitError;

/// How much of a program's output an error carries, in bytes.
const OUTPUT_SHOWN: usize = 4 * 1024;

/// Runs `command` to its end and returns what it wrote to standard output.
pub(crate) async fn run(command: &mut Command, advice: &'static str) -> Result<String, TestkitError> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let output = command.kill_on_drop(true).output().await.map_err(|source| TestkitError::Spawn {
        program: program.clone(),
        advice,
        source,
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(TestkitError::Command { program, status: output.status.to_string(), output: said(&output) })
}

/// The end of `text`, at most `limit` bytes of it, cut at a character.
pub(crate) fn tail(text: &str, limit: usize) -> &str {
    let from = text.ceil_char_boundary(text.len().saturating_sub(limit));
    text.get(from..).unwrap_or_default()
}

fn said(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stdout));
    tail(text.trim(), OUTPUT_SHOWN).to_owned()
}
