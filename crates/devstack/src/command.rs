//! Runs short-lived programs and turns their failure into an error one can read.

use std::process::{Command, Output, Stdio};

use crate::DevstackError;

/// How much of a program's output an error carries, in bytes.
const OUTPUT_SHOWN: usize = 4 * 1024;

/// Runs `command` to its end and returns what it wrote to standard output.
pub(crate) fn run(command: &mut Command, advice: &'static str) -> Result<String, DevstackError> {
    let program = name(command);
    let output = command.stdin(Stdio::null()).output();
    let output =
        output.map_err(|source| DevstackError::Spawn { program: program.clone(), advice, source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(DevstackError::Command { program, status: output.status.to_string(), output: said(&output) })
}

/// The program that `command` runs.
pub(crate) fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

/// The end of `text`, at most `limit` bytes of it, cut at a character.
#[must_use]
pub fn tail(text: &str, limit: usize) -> &str {
    let from = text.ceil_char_boundary(text.len().saturating_sub(limit));
    text.get(from..).unwrap_or_default()
}

/// The end of what a program wrote.
pub(crate) fn said(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stdout));
    tail(text.trim(), OUTPUT_SHOWN).to_owned()
}
