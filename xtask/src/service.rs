//! The service's own binary, and what this program has it do.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result, ensure};

use crate::cargo;

/// The service's package and its binary.
const NAME: &str = "datastorage";

/// The built service.
pub(crate) struct Service {
    bin: PathBuf,
}

impl Service {
    /// Builds it.
    pub(crate) fn build(release: bool) -> Result<Self> {
        Ok(Self { bin: cargo::build(NAME, NAME, release)? })
    }

    /// Builds the service of another checkout in a target directory of its own; where its binary is until the next build.
    pub(crate) fn build_in(sources: &Path, target: &Path, release: bool) -> Result<PathBuf> {
        cargo::build_in(sources, target, NAME, NAME, release)
    }

    /// The binary.
    pub(crate) fn bin(&self) -> &Path {
        &self.bin
    }

    /// Brings the database to the current schema; says what was done.
    pub(crate) fn bootstrap(&self, database_url: &str) -> Result<String> {
        let mut command = self.command(["schema", "bootstrap", "--database-url", database_url]);
        let said = succeed(&mut command).context("cannot bring the database to the current schema")?;
        Ok(said.lines().last().unwrap_or_default().to_owned())
    }

    /// Makes the role that the service connects as, which `server_url` names with its password, in the database of the
    /// owner `owner_url`.
    pub(crate) fn make_role(&self, owner_url: &str, server_url: &str) -> Result<()> {
        let mut command = self.command(["schema", "roles", "--database-url", server_url]);
        command.env("DATASTORAGE__SCHEMA__OWNER_URL", owner_url);
        succeed(&mut command).map(drop).context("cannot create the service's role")
    }

    /// Makes a token of a caller who may read and write, and adds its line to `file`.
    pub(crate) fn make_token(&self, file: &str) -> Result<String> {
        let permissions = "audit:read,audit:write";
        let mut command =
            self.command(["token", "new", "xtask", "--permission", permissions, "--append", file]);
        succeed(&mut command).context("cannot create a token")
    }

    /// Loads a sample into the store behind the running service at `url`, if it is empty; says what came of it.
    pub(crate) fn load_sample(&self, url: &str) -> Result<String> {
        succeed(&mut self.command(["sample", "--url", url])).context("cannot load the sample")
    }

    /// Runs the command `schema ACTION`, whose output is the caller's.
    pub(crate) fn schema(&self, action: &str, database_url: &str) -> Result<ExitStatus> {
        let mut command = self.command(["schema", action, "--database-url", database_url]);
        command.status().with_context(|| format!("cannot run {}", self.bin.display()))
    }

    /// A command that the caller's own settings do not reach.
    fn command<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = Command::new(&self.bin);
        let settings =
            std::env::vars_os().filter(|(it, _)| it.to_string_lossy().starts_with("DATASTORAGE__"));
        for (name, _) in settings {
            command.env_remove(name);
        }
        command.args(arguments);
        command
    }
}

/// Runs `command` to its end; what it has said.
fn succeed(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("cannot run {program}"))?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    ensure!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(said)
}
