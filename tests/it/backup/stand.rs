//! A PostgreSQL that is backed up, and the environment that the page's commands expect.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt, chown};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _};
use storage_testkit::{
    Cluster, ClusterSettings, Installation, ServiceProcess, TestQdrant, environment, with_user,
};
use tempfile::TempDir;

use super::page;
use crate::support::{count, eventually, on_qdrant, options};

const DATABASE: &str = "audit";
/// The role that owns the tables: neither a superuser nor the service's.
const OWNER: &str = "auditor";
/// The role that the service connects as, and its password.
const SERVICE: (&str, &str) = ("datastorage", "of-the-service");

/// Blocks that the account of the server runs: the others are an operator's.
const OF_THE_SERVER: [&str; 3] = ["archive", "base-backup", "return"];

/// A server without a database, or with one.
pub(super) struct Stand {
    cluster: Cluster,
    programs: Installation,
    pub(super) qdrant: TestQdrant,
    /// The directory of the backups.
    pub(super) backup: Arc<TempDir>,
    /// The time to return to.
    pub(super) moment: String,
    root: PathBuf,
    /// Dropped after the server.
    _directory: TempDir,
}

impl Stand {
    /// A server with the schema, its owner and the service's role.
    pub(super) async fn start() -> Self {
        let stand = Self::empty(Arc::new(open_directory())).await;
        // The first two commands make what the dump is restored into.
        let restore = page::block("restore").lines().take(2).collect::<Vec<_>>().join("\n");
        stand.script(&restore).succeeds();
        stand.script("psql --quiet --command 'CREATE EXTENSION vector'").succeeds();
        stand.script("datastorage schema bootstrap && datastorage schema roles").succeeds();
        stand
    }

    /// A server with nothing in it, beside these backups.
    pub(super) async fn empty(backup: Arc<TempDir>) -> Self {
        let programs = Installation::from_test_run().unwrap();
        let directory = open_directory();
        let root = directory.path().join("cluster");
        let cluster = Cluster::start(&programs, &root, ClusterSettings::for_tests()).await.unwrap();
        let stand = Self {
            cluster,
            programs,
            qdrant: TestQdrant::create().unwrap(),
            backup,
            moment: String::new(),
            root,
            _directory: directory,
        };
        let (user, group) = stand.account();
        chown(stand.backup.path(), Some(user), Some(group)).unwrap();
        chown(&stand.root, Some(user), Some(group)).unwrap();
        stand
    }

    /// The account of the server.
    fn account(&self) -> (u32, u32) {
        let data = self.root.join("data").metadata().unwrap();
        (data.uid(), data.gid())
    }

    /// The service on this server.
    pub(super) async fn serve(&self) -> ServiceProcess {
        let url = with_user(&self.cluster.url(DATABASE), SERVICE.0, SERVICE.1);
        let options = on_qdrant(options(), self.qdrant.url(), self.qdrant.collection());
        ServiceProcess::start(&url, options).await.unwrap()
    }

    /// Runs a block of the page.
    pub(super) fn run(&self, block: &str) -> Ran {
        let mut command = self.shell(page::block(block));
        if OF_THE_SERVER.contains(&block) {
            let (user, group) = self.account();
            command.uid(user).gid(group);
        }
        Ran(command.output().unwrap())
    }

    /// Loads records of every type into the service at `url`.
    pub(super) fn load_sample(&self, url: &str) {
        self.script(&format!("datastorage sample --url {url}")).succeeds();
    }

    fn script(&self, script: &str) -> Ran {
        Ran(self.shell(script).output().unwrap())
    }

    fn shell(&self, script: &str) -> Command {
        let service = PathBuf::from(environment::required(environment::SERVICE_BIN).unwrap());
        let path = [self.programs.bin(), service.parent().unwrap(), "/usr/bin".as_ref(), "/bin".as_ref()];
        let of_service = with_user(&self.cluster.url(DATABASE), SERVICE.0, SERVICE.1);
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", script]).env_clear().current_dir("/");
        command
            .env("PATH", std::env::join_paths(path).unwrap())
            .env("LC_ALL", "C.UTF-8")
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.cluster.port().to_string())
            .env("PGUSER", "postgres")
            .env("PGDATABASE", DATABASE)
            .env("PGDATA", self.root.join("data"))
            .env("OWNER", OWNER)
            .env("BACKUP", self.backup.path())
            .env("MOMENT", &self.moment)
            .env("DATASTORAGE__DATABASE__URL", of_service)
            .env("DATASTORAGE__SCHEMA__OWNER_URL", with_user(&self.cluster.url(DATABASE), OWNER, ""))
            .env("DATASTORAGE__EMBEDDING__PROVIDER", "hashing")
            .env("DATASTORAGE__QDRANT__URL", self.qdrant.url())
            .env("DATASTORAGE__QDRANT__COLLECTION", self.qdrant.collection())
            .envs(self.qdrant.api_key().map(|key| ("DATASTORAGE__QDRANT__API_KEY", key)));
        command
    }

    /// Every table with its number of rows and its hash, and every sequence.
    pub(super) fn contents(&self) -> Vec<String> {
        self.run("compare").succeeds();
        let text = std::fs::read_to_string(self.backup.path().join("contents.txt")).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    async fn connect(&self) -> AsyncPgConnection {
        AsyncPgConnection::establish(&self.cluster.url(DATABASE)).await.unwrap()
    }

    /// Waits until nothing waits for the projector.
    pub(super) async fn eventually_projected(&self) {
        self.eventually("the outbox is empty", "SELECT count(*) AS n FROM vector_outbox", |n| n == 0).await;
    }

    /// Waits until there are more remediations than this.
    pub(super) async fn eventually_records(&self, records: i64) {
        let query = "SELECT count(*) AS n FROM remediation_audit";
        self.eventually("there are records", query, |n| n > records).await;
    }

    async fn eventually(&self, what: &str, query: &'static str, is_met: impl Fn(i64) -> bool) {
        eventually(what, async || is_met(count(&mut self.connect().await, query).await)).await;
    }

    /// Ends the current file of the WAL, so that it is archived.
    pub(super) async fn switch_wal(&self) {
        self.connect().await.batch_execute("SELECT pg_switch_wal()").await.unwrap();
    }

    /// The time by the server's clock.
    pub(super) async fn now(&self) -> String {
        #[derive(QueryableByName)]
        struct Now {
            #[diesel(sql_type = Text)]
            now: String,
        }
        let query = sql_query("SELECT clock_timestamp()::text AS now");
        query.get_result::<Now>(&mut self.connect().await).await.unwrap().now
    }

    /// The ids of all remediations.
    pub(super) async fn ids(&self) -> Vec<i64> {
        #[derive(QueryableByName)]
        struct Id {
            #[diesel(sql_type = BigInt)]
            id: i64,
        }
        let query = sql_query("SELECT id FROM remediation_audit");
        let rows: Vec<Id> = query.load(&mut self.connect().await).await.unwrap();
        rows.into_iter().map(|row| row.id).collect()
    }
}

/// A directory that the account of the server can reach.
fn open_directory() -> TempDir {
    let directory = TempDir::new().unwrap();
    std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o777)).unwrap();
    directory
}

/// What became of commands.
pub(super) struct Ran(Output);

impl Ran {
    #[track_caller]
    pub(super) fn succeeds(self) -> Self {
        assert!(self.0.status.success(), "{self}");
        self
    }

    #[track_caller]
    pub(super) fn fails_with(&self, code: i32, words: &str) {
        assert_eq!(self.0.status.code(), Some(code), "{self}");
        assert!(String::from_utf8_lossy(&self.0.stderr).contains(words), "{self}");
    }

    #[track_caller]
    pub(super) fn says(self, words: &str) -> Self {
        assert!(String::from_utf8_lossy(&self.0.stdout).contains(words), "{self}");
        self
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        write!(f, "{}\n{}\n{}", self.0.status, text(&self.0.stdout), text(&self.0.stderr))
    }
}
