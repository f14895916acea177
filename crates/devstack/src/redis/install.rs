//! Finds a Redis server program.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{DevstackError, command, environment};

/// The server's program.
const PROGRAM: &str = "redis-server";

/// Advice when the package cannot be installed.
const INSTALL: &str = "install Redis so that `redis-server` is on PATH, or set REDIS_URL to a server";

/// Where a test run or a development stack gets its Redis from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedisSource {
    /// A server outside the stack (`REDIS_URL`): used as it is, never started or stopped.
    External(String),
    /// A program to start a server of our own with.
    Program(PathBuf),
}

impl RedisSource {
    /// Finds Redis: the server that `external` names; else `redis-server` on PATH; else, for root on a machine with
    /// apt, the system's package, which is installed without being started.
    ///
    /// # Errors
    /// When there is none and it cannot be installed; the error says what to do.
    pub fn find(external: Option<String>) -> Result<Self, DevstackError> {
        if let Some(url) = external {
            return Ok(Self::External(url));
        }
        if let Some(program) = Self::program_on_path() {
            return Ok(Self::Program(program));
        }
        if !rustix::process::geteuid().is_root() {
            return Err(DevstackError::MissingProgram { program: PROGRAM, advice: INSTALL });
        }
        install()?;
        let installed = Self::program_on_path().map(Self::Program);
        installed.ok_or(DevstackError::MissingProgram { program: PROGRAM, advice: INSTALL })
    }

    /// `redis-server` on PATH.
    #[must_use]
    pub fn program_on_path() -> Option<PathBuf> {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|dir| dir.join(PROGRAM)).find(|it| it.is_file())
    }

    /// The program that `cargo xtask test` found, from `DATASTORAGE_TEST_REDIS_SERVER`: for tests that need a server
    /// of their own, to kill it.
    ///
    /// # Errors
    /// [`DevstackError::MissingEnvironment`] outside such a run, or when that run found an external server only.
    pub fn program_of_test_run() -> Result<PathBuf, DevstackError> {
        environment::required(environment::REDIS_SERVER).map(PathBuf::from)
    }

    /// The name and version of the program `path`, such as `Redis 7.0.15`.
    ///
    /// # Errors
    /// When it cannot be run on this machine.
    pub fn version(path: &Path) -> Result<String, DevstackError> {
        let said = command::run(Command::new(path).arg("--version"), INSTALL)?;
        let number = said.split_whitespace().find_map(|word| word.strip_prefix("v="));
        Ok(format!("Redis {}", number.unwrap_or("of an unknown version")))
    }
}

/// Installs the system's package.
fn install() -> Result<(), DevstackError> {
    for arguments in [&["update", "-qq"][..], &["install", "-qq", "--no-install-recommends", PROGRAM]] {
        let mut apt = Command::new("apt-get");
        apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        // In the run level of a machine that is starting, packages do not start their services.
        apt.env("RUNLEVEL", "1");
        command::run(&mut apt, INSTALL)?;
    }
    Ok(())
}
