//! A private PostgreSQL cluster: made, started, killed, started again, removed.

mod standby;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::pid_file::{PidFile, server_in};
use super::{ClusterSettings, Installation, install};
use crate::account::{self, Account};
use crate::scratch::Scratch;
use crate::{DevstackError, ProcessIdentity, command, port};

/// Longest a start may take, recovery included.
const START_BOUND: Duration = Duration::from_secs(60);
/// Longest a stop may take; `fast` ends sessions, so only a checkpoint is waited for.
const STOP_BOUND: Duration = Duration::from_secs(60);
/// The number of attempts to start if another program takes the free port meanwhile.
const PORT_ATTEMPTS: usize = 3;
/// How much of the server's log an error carries, in bytes.
const LOG_SHOWN: usize = 4 * 1024;
/// Longest path of a Unix socket that Linux takes (unix(7)), less the name PostgreSQL gives it.
const SOCKET_DIR_MAX: usize = 107 - "/.s.PGSQL.65535.lock".len();

/// The prefix of the directories of temporary clusters.
const SCRATCH: &str = "datastorage-pg-";

const ADVICE: &str = "the PostgreSQL installation is incomplete";

/// A PostgreSQL server of our own.
///
/// Dropping it stops the server at once, unless it was [detached](Self::detach); [`Cluster::temporary`] ones are
/// removed as well.
#[derive(Debug)]
pub struct Cluster {
    programs: Installation,
    settings: ClusterSettings,
    root: PathBuf,
    account: Option<Account>,
    port: u16,
    attached: bool,
    // Dropped after `drop` has stopped the server.
    _scratch: Option<Scratch>,
}

impl Cluster {
    /// Starts the cluster in `root`, and creates it first if needed. A server that already runs there is used as it is.
    ///
    /// The account the server runs under (the caller's, or an unprivileged one when that is root) must be able to
    /// reach `root`; see [`crate::DevelopmentDir`].
    ///
    /// # Errors
    /// When the programs fail or the server does not come up within a minute; the error carries the end of its log.
    pub fn start(
        programs: &Installation,
        root: impl Into<PathBuf>,
        settings: ClusterSettings,
    ) -> Result<Self, DevstackError> {
        Self::start_in(programs, root.into(), settings, None)
    }

    /// Starts a new cluster in a temporary directory, which is removed when the cluster is dropped.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub fn temporary(programs: &Installation, settings: ClusterSettings) -> Result<Self, DevstackError> {
        let scratch = Scratch::new(SCRATCH)?;
        Self::start_in(programs, scratch.path().join("cluster"), settings, Some(scratch))
    }

    fn start_in(
        programs: &Installation,
        root: PathBuf,
        settings: ClusterSettings,
        scratch: Option<Scratch>,
    ) -> Result<Self, DevstackError> {
        let account = Account::for_servers()?;
        let programs = programs.clone();
        let port = settings.port.unwrap_or(0);
        let mut cluster = Self { programs, settings, root, account, port, attached: true, _scratch: scratch };
        cluster.make()?;
        match cluster.running_port() {
            Some(port) => cluster.port = port,
            None => cluster.bring_up()?,
        }
        Ok(cluster)
    }

    /// The URL of `database` for the superuser.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let password = self.settings.password.as_ref().map(|it| format!(":{it}")).unwrap_or_default();
        format!("postgres://postgres{password}@127.0.0.1:{}/{database}", self.port)
    }

    /// Creates the database `name` unless it exists.
    ///
    /// # Errors
    /// The server's errors.
    pub fn ensure_database(&self, name: &str) -> Result<(), DevstackError> {
        let url = self.url("postgres");
        let known = format!("SELECT 1 FROM pg_database WHERE datname = '{name}'");
        if self.programs.sql(&url, &known)?.is_empty() {
            self.programs.sql(&url, &format!("CREATE DATABASE \"{name}\""))?;
        }
        Ok(())
    }

    /// The TCP port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's main process, when it runs.
    #[must_use]
    pub fn process(&self) -> Option<ProcessIdentity> {
        server_in(&self.root)
    }

    /// The end of the server's log.
    #[must_use]
    pub fn log(&self) -> String {
        let bytes = fs::read(self.log_path()).unwrap_or_default();
        command::tail(&String::from_utf8_lossy(&bytes), LOG_SHOWN).to_owned()
    }

    /// Starts the server again after [`Cluster::stop`] or [`Cluster::kill9`], on the same port.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub fn restart(&mut self) -> Result<(), DevstackError> {
        self.settings.port = Some(self.port);
        self.bring_up()
    }

    /// Stops the server; its sessions are ended, nothing is lost.
    ///
    /// # Errors
    /// When it still runs after a minute.
    pub fn stop(&mut self) -> Result<(), DevstackError> {
        Self::stop_in(&self.root).map(drop)
    }

    /// Kills the server and all of its processes at once, as when its container is killed.
    ///
    /// # Errors
    /// When a process cannot be signalled.
    pub fn kill9(&self) -> Result<(), DevstackError> {
        let Some(server) = self.process() else { return Ok(()) };
        let children = server.children();
        server.kill9()?;
        server.wait_gone(STOP_BOUND)?;
        for child in children {
            child.kill9()?;
            child.wait_gone(STOP_BOUND)?;
        }
        self.remove_locks()
    }

    /// Freezes the server and all of its processes: connections stay open and nothing is answered.
    ///
    /// # Errors
    /// When a process cannot be signalled.
    pub fn pause(&self) -> Result<(), DevstackError> {
        // The parent first, so that it starts no further process meanwhile.
        self.processes().iter().try_for_each(ProcessIdentity::pause)
    }

    /// Resumes a paused server.
    ///
    /// # Errors
    /// When a process cannot be signalled.
    pub fn resume(&self) -> Result<(), DevstackError> {
        self.processes().iter().try_for_each(ProcessIdentity::resume)
    }

    fn processes(&self) -> Vec<ProcessIdentity> {
        let server = self.process();
        let children = server.iter().flat_map(ProcessIdentity::children).collect::<Vec<_>>();
        server.into_iter().chain(children).collect()
    }

    /// Removes the lock files of a server all of whose processes are gone. Where nothing reaps orphans its id stays
    /// taken by a zombie, and the next start would take that for a running server.
    fn remove_locks(&self) -> Result<(), DevstackError> {
        let socket = format!(".s.PGSQL.{}", self.port);
        for name in ["data/postmaster.pid", &socket, &format!("{socket}.lock")] {
            let path = self.root.join(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                result => result.map_err(DevstackError::file("remove", &path))?,
            }
        }
        Ok(())
    }

    /// Leaves the server running when this value is dropped.
    pub fn detach(&mut self) {
        self.attached = false;
    }

    /// Stops the server and removes its directory.
    ///
    /// # Errors
    /// When the server does not stop, or the directory cannot be removed.
    pub fn destroy(&mut self) -> Result<(), DevstackError> {
        Self::remove(&self.root)
    }

    /// Whether a server runs in `root`.
    #[must_use]
    pub fn runs_in(root: &Path) -> bool {
        server_in(root).is_some()
    }

    /// Stops the server that runs in `root`; returns whether there was one.
    ///
    /// # Errors
    /// When it still runs after a minute.
    pub fn stop_in(root: &Path) -> Result<bool, DevstackError> {
        let Some(server) = server_in(root) else { return Ok(false) };
        // SIGINT is PostgreSQL's "fast" shutdown: it ends sessions and waits for nothing but its own checkpoint.
        server.interrupt()?;
        server.wait_gone(STOP_BOUND)?;
        Ok(true)
    }

    /// Stops the server that runs in `root`, if any, and removes the directory.
    ///
    /// # Errors
    /// As [`Cluster::destroy`].
    pub fn remove(root: &Path) -> Result<(), DevstackError> {
        Self::stop_in(root)?;
        match fs::remove_dir_all(root) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            result => result.map_err(DevstackError::file("remove", root)),
        }
    }

    fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    fn log_path(&self) -> PathBuf {
        self.root.join("server.log")
    }

    /// Runs `initdb` unless it has been run.
    fn make(&self) -> Result<(), DevstackError> {
        if self.data().join("PG_VERSION").exists() {
            return Ok(());
        }
        fs::create_dir_all(&self.root).map_err(DevstackError::file("create", &self.root))?;
        account::give(&self.root, self.account)?;
        let mut initdb = self.program("initdb");
        initdb.arg("--pgdata").arg(self.data());
        initdb.args(["--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]);
        let secret = self.root.join("password");
        match &self.settings.password {
            Some(password) => {
                self.write(&secret, password)?;
                initdb.arg("--auth=scram-sha-256").arg("--pwfile").arg(&secret);
            }
            None => drop(initdb.arg("--auth=trust")),
        }
        let made = command::run(&mut initdb, ADVICE);
        let _ = fs::remove_file(&secret);
        made?;
        let path = self.data().join("postgresql.conf");
        let stock = fs::read_to_string(&path).map_err(DevstackError::file("read", &path))?;
        self.write(&path, &format!("{stock}\ninclude = '../cluster.conf'\n"))
    }

    fn bring_up(&mut self) -> Result<(), DevstackError> {
        let mut attempt = 1;
        loop {
            self.port = match self.settings.port {
                Some(port) => port,
                None => port::free()?,
            };
            let sockets = Some(self.root.as_path()).filter(|it| it.as_os_str().len() <= SOCKET_DIR_MAX);
            let text = self.settings.render(self.port, sockets);
            self.write(&self.root.join("cluster.conf"), &text)?;
            // Each start has its own log, so that an error shows nothing of an earlier one.
            self.write(&self.log_path(), "")?;
            match self.launch() {
                Ok(()) => return Ok(()),
                Err(_)
                    if self.settings.port.is_none() && self.port_was_taken() && attempt < PORT_ATTEMPTS =>
                {
                    attempt += 1;
                }
                Err(_) => {
                    return Err(DevstackError::ClusterStart { root: self.root.clone(), log: self.log() });
                }
            }
        }
    }

    /// Runs `pg_ctl start`, which returns when the server takes connections.
    fn launch(&self) -> Result<(), DevstackError> {
        let mut pg_ctl = self.program("pg_ctl");
        pg_ctl.args(["start", "--wait", "--silent"]);
        pg_ctl.arg("--timeout").arg(START_BOUND.as_secs().to_string());
        pg_ctl.arg("--pgdata").arg(self.data()).arg("--log").arg(self.log_path());
        command::run(&mut pg_ctl, ADVICE).map(drop)
    }

    fn port_was_taken(&self) -> bool {
        self.log().contains("Address already in use")
    }

    /// One of PostgreSQL's programs, under the server's account, deaf to the caller's PG variables.
    fn program(&self, name: &str) -> Command {
        let mut program = Command::new(self.programs.program(name));
        program.current_dir(&self.root);
        install::ignore_variables(&mut program);
        if let Some(Account { uid, gid }) = self.account {
            program.gid(gid).uid(uid).env("HOME", &self.root);
        }
        program
    }

    fn write(&self, path: &Path, text: &str) -> Result<(), DevstackError> {
        fs::write(path, text).map_err(DevstackError::file("write", path))?;
        fs::set_permissions(path, Permissions::from_mode(0o600))
            .map_err(DevstackError::file("set the mode of", path))?;
        account::give(path, self.account)
    }

    fn running_port(&self) -> Option<u16> {
        self.process()?;
        Some(PidFile::read(&self.root)?.port)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !self.attached {
            return;
        }
        let Some(server) = self.process() else { return };
        let children = server.children();
        for process in std::iter::once(server).chain(children) {
            // A failure here has no reader any more; the files are recovered from, or removed.
            let _ = process.kill9();
            let _ = process.wait_gone(STOP_BOUND);
        }
        let _ = self.remove_locks();
    }
}
