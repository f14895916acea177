//! `datastorage token`: makes tokens for callers.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use secrecy::ExposeSecret as _;
use storage_server::NewToken;

use crate::command_line::TokenAction;
use crate::failure::Failure;

pub(crate) fn run(action: &TokenAction) -> Result<ExitCode, Failure> {
    let TokenAction::New { name, permissions, append } = action;
    let made = NewToken::for_caller(name, permissions).context("no token was made")?;
    // The line is written first: a token that is shown and is not in the file is of no use.
    if let Some(file) = append {
        add(file, &made.line).with_context(|| format!("cannot write to {}", file.display()))?;
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", made.token.expose_secret()).context("cannot write")?;
    if append.is_none() {
        writeln!(out, "{}", made.line).context("cannot write")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Adds the line in one write, so that the service, which may read the file meanwhile, sees the whole line or nothing.
fn add(path: &Path, line: &str) -> std::io::Result<()> {
    let mut file = File::options().create(true).append(true).open(path)?;
    file.write_all(format!("{line}\n").as_bytes())
}
