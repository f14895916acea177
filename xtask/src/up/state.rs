//! What `up` has started, kept in `.dev/state.json`; and `.dev/env` for scripts.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use devstack::ProcessIdentity;
use serde::{Deserialize, Serialize};

use crate::workspace;

/// The state of the stack between two runs.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// The private cluster, once one was made.
    pub(super) cluster: Option<ClusterState>,
    /// The private Redis, once one was made.
    pub(super) redis: Option<RedisState>,
    /// The service, once started.
    pub(super) service: Option<ServiceState>,
}

/// The private cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ClusterState {
    /// Its superuser's password.
    pub(super) password: String,
    /// Its last port, kept so that URLs stay valid over a restart.
    pub(super) port: Option<u16>,
}

/// The private Redis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RedisState {
    /// Its default user's password.
    pub(super) password: String,
    /// Its last port, kept so that URLs stay valid over a restart.
    pub(super) port: Option<u16>,
}

/// How a process is written down.
#[derive(Serialize, Deserialize)]
#[serde(remote = "ProcessIdentity")]
struct Process {
    pid: i32,
    started: u64,
}

/// A service process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ServiceState {
    #[serde(with = "Process")]
    pub(super) process: ProcessIdentity,
    pub(super) port: u16,
    pub(super) admin_port: u16,
    /// Where its Redis is, when it was started with one.
    pub(super) redis_url: Option<String>,
    /// The Qdrant that it was given.
    #[serde(default)]
    pub(super) qdrant_url: Option<String>,
}

/// The variables in `.dev/env`, for scripts.
pub(super) struct Environment<'a> {
    pub(super) url: &'a str,
    pub(super) admin_url: &'a str,
    pub(super) database_url: &'a str,
    pub(super) redis_url: Option<&'a str>,
    pub(super) qdrant_url: Option<&'a str>,
}

impl State {
    /// The state on disk; empty if there is no file.
    pub(super) fn load() -> Result<Self> {
        Self::load_from(&path("state.json"))
    }

    /// Writes the state to disk, for its owner only.
    pub(super) fn save(&self) -> Result<()> {
        self.save_to(&path("state.json"))
    }

    fn load_from(path: &Path) -> Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) => serde_json::from_str(&text).with_context(|| {
                format!("{} is damaged; stop the processes that it names and remove the file", path.display())
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    fn save_to(&self, path: &Path) -> Result<()> {
        write_private(path, &serde_json::to_string_pretty(self)?)
    }
}

/// Writes `.dev/env`.
pub(super) fn write_environment(environment: &Environment<'_>) -> Result<()> {
    write_private(&path("env"), &environment.render())
}

impl Environment<'_> {
    /// A line for each part that there is.
    fn render(&self) -> String {
        let lines = [
            ("DATASTORAGE_URL", Some(self.url)),
            ("DATASTORAGE_ADMIN_URL", Some(self.admin_url)),
            ("DATABASE_URL", Some(self.database_url)),
            ("REDIS_URL", self.redis_url),
            ("QDRANT_URL", self.qdrant_url),
        ];
        let lines = lines.into_iter().filter_map(|(name, value)| Some(format!("{name}={}\n", value?)));
        lines.collect()
    }
}

pub(super) fn remove_environment() -> Result<()> {
    match fs::remove_file(path("env")) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).context("cannot remove .dev/env"),
        _ => Ok(()),
    }
}

/// The database that `.dev/env` names: the one of the stack that runs.
pub(crate) fn stack_database_url() -> Option<String> {
    database_url_in(&fs::read_to_string(path("env")).ok()?)
}

/// The server that the caller names in `DATABASE_URL`; not our own stack's, whose `.dev/env` may have been sourced and
/// may be out of date.
pub(crate) fn external_database_url() -> Option<String> {
    let named = std::env::var("DATABASE_URL").ok().filter(|it| !it.is_empty())?;
    let cluster = State::load().ok().and_then(|state| state.cluster);
    let ours = cluster.is_some_and(|it| named.contains(&format!("postgres:{}@127.0.0.1", it.password)));
    (!ours).then_some(named)
}

/// The Redis that the caller names in `REDIS_URL`; not our own stack's, as with the database.
pub(crate) fn external_redis_url() -> Option<String> {
    let named = std::env::var("REDIS_URL").ok().filter(|it| !it.is_empty())?;
    let redis = State::load().ok().and_then(|state| state.redis);
    let ours = redis.is_some_and(|it| named.contains(&format!(":{}@127.0.0.1", it.password)));
    (!ours).then_some(named)
}

/// The Qdrant that the caller names in `QDRANT_URL`.
pub(super) fn external_qdrant_url() -> Option<String> {
    std::env::var("QDRANT_URL").ok().filter(|it| !it.is_empty())
}

/// The key that it wants, in `QDRANT_API_KEY`.
pub(super) fn external_qdrant_key() -> Option<String> {
    std::env::var("QDRANT_API_KEY").ok().filter(|it| !it.is_empty())
}

fn database_url_in(environment: &str) -> Option<String> {
    environment.lines().find_map(|line| line.strip_prefix("DATABASE_URL=")).map(str::to_owned)
}

fn path(name: &str) -> PathBuf {
    workspace::public_dir().join(name)
}

/// Replaces a file at once, readable by its owner only: it holds a password.
fn write_private(path: &Path, text: &str) -> Result<()> {
    let failed = || format!("cannot write {}", path.display());
    let new = path.with_extension("new");
    let mut options = fs::File::options();
    let mut file =
        options.write(true).create(true).truncate(true).mode(0o600).open(&new).with_context(failed)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).with_context(failed)?;
    fs::rename(&new, path).with_context(failed)
}

#[cfg(test)]
mod tests {
    //! Tests for the stack's state.

    use std::os::unix::fs::PermissionsExt;

    use super::{
        ClusterState, Environment, ProcessIdentity, RedisState, ServiceState, State, database_url_in,
    };

    #[test]
    fn state_survives_a_round_trip_and_is_private() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("state.json");
        assert_eq!(State::load_from(&path).unwrap(), State::default());
        let process = ProcessIdentity { pid: 7, started: 99 };
        let state = State {
            cluster: Some(ClusterState { password: "secret".to_owned(), port: Some(5433) }),
            redis: Some(RedisState { password: "secret".to_owned(), port: None }),
            service: Some(ServiceState {
                process,
                port: 8080,
                admin_port: 9090,
                redis_url: None,
                qdrant_url: None,
            }),
        };
        state.save_to(&path).unwrap();
        assert_eq!(State::load_from(&path).unwrap(), state);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn damaged_state_says_what_to_do() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("state.json");
        std::fs::write(&path, "{").unwrap();
        assert!(State::load_from(&path).unwrap_err().to_string().contains("remove the file"));
    }

    #[test]
    fn the_state_of_an_earlier_version_is_read() {
        let state: State = serde_json::from_str(
            r#"{"cluster":null,"service":{"process":{"pid":7,"started":9},"port":1,"admin_port":2}}"#,
        )
        .unwrap();
        assert_eq!(state.service.unwrap().redis_url, None);
    }

    #[test]
    fn the_environment_has_a_line_for_each_part_that_there_is() {
        let mut environment = Environment {
            url: "http://a",
            admin_url: "http://b",
            database_url: "postgres://c",
            redis_url: None,
            qdrant_url: None,
        };
        let least = "DATASTORAGE_URL=http://a\nDATASTORAGE_ADMIN_URL=http://b\nDATABASE_URL=postgres://c\n";
        assert_eq!(environment.render(), least);
        (environment.redis_url, environment.qdrant_url) = (Some("redis://d"), Some("http://e"));
        assert_eq!(environment.render(), format!("{least}REDIS_URL=redis://d\nQDRANT_URL=http://e\n"));
    }

    #[test]
    fn the_database_is_read_from_the_environment_file() {
        let text = "DATASTORAGE_URL=http://x\nDATABASE_URL=postgres://a/b\n";
        assert_eq!(database_url_in(text).as_deref(), Some("postgres://a/b"));
        assert_eq!(database_url_in("DATASTORAGE_URL=http://x"), None);
    }
}
