//! `datastorage settings`: checks the settings, or prints a settings file with the defaults.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use storage_server::Settings;

use crate::command_line::SettingsArguments;
use crate::failure::Failure;

pub(crate) fn run(arguments: &SettingsArguments, defaults: bool) -> Result<ExitCode, Failure> {
    let mut out = std::io::stdout().lock();
    if defaults {
        out.write_all(storage_server::default_file().as_bytes()).context("cannot write")?;
    } else {
        Settings::load(&arguments.sources())?;
        writeln!(out, "the settings can be used").context("cannot write")?;
    }
    Ok(ExitCode::SUCCESS)
}
