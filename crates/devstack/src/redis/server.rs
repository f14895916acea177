//! A private Redis server: started, killed, paused, started again, removed.

use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::RedisServerSettings;
use super::settings::{CERTIFICATE, KEY, LOG, PID};
use crate::account::{self, Account};
use crate::scratch::Scratch;
use crate::{DevstackError, ProcessIdentity, command, port};

/// Longest a start may take.
const START_BOUND: Duration = Duration::from_secs(30);
/// How often to look whether the server is ready.
const START_PAUSE: Duration = Duration::from_millis(10);
/// Longest a stop may take.
const STOP_BOUND: Duration = Duration::from_secs(30);
/// The number of attempts to start if another program takes the free port meanwhile.
const PORT_ATTEMPTS: usize = 3;
/// How much of the server's log an error carries, in bytes.
const LOG_SHOWN: usize = 4 * 1024;

/// A Redis server of our own.
///
/// Dropping it kills the server, unless it was [detached](Self::detach); [`RedisServer::temporary`] ones are removed
/// as well.
#[derive(Debug)]
pub struct RedisServer {
    program: PathBuf,
    settings: RedisServerSettings,
    root: PathBuf,
    account: Option<Account>,
    port: u16,
    attached: bool,
    /// The process that this value has started last, to be waited for when it has ended.
    child: Option<Child>,
    // Dropped after `drop` has stopped the server.
    _scratch: Option<Scratch>,
}

impl RedisServer {
    /// Starts a server that works in `root`. One that already runs there is taken as it is.
    ///
    /// The account the server runs under (the caller's, or an unprivileged one when that is root) must be able to
    /// reach `root`; see [`crate::DevelopmentDir`].
    ///
    /// # Errors
    /// When the server does not come up within half a minute; the error carries the end of its log.
    pub fn start(
        program: &Path,
        root: impl Into<PathBuf>,
        settings: RedisServerSettings,
    ) -> Result<Self, DevstackError> {
        Self::start_in(program, root.into(), settings, None)
    }

    /// Starts a server in a temporary directory, which is removed when the server is dropped.
    ///
    /// # Errors
    /// As [`RedisServer::start`].
    pub fn temporary(program: &Path, settings: RedisServerSettings) -> Result<Self, DevstackError> {
        let scratch = Scratch::new("datastorage-redis-")?;
        Self::start_in(program, scratch.path().join("server"), settings, Some(scratch))
    }

    fn start_in(
        program: &Path,
        root: PathBuf,
        settings: RedisServerSettings,
        scratch: Option<Scratch>,
    ) -> Result<Self, DevstackError> {
        let program = program.to_owned();
        let account = Account::for_servers()?;
        let port = settings.port.unwrap_or(0);
        let mut server =
            Self { program, settings, root, account, port, attached: true, child: None, _scratch: scratch };
        let running = server.process().is_some();
        match port_in(&server.root).filter(|_| running) {
            Some(port) => server.port = port,
            None => server.bring_up()?,
        }
        Ok(server)
    }

    /// The server's URL, with the password in it.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.settings.certificate.is_some() { "rediss" } else { "redis" };
        let password = self.settings.password.as_ref().map(|it| format!(":{it}@")).unwrap_or_default();
        format!("{scheme}://{password}{}/0", self.address())
    }

    /// Where the server listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The server's process, when it runs.
    #[must_use]
    pub fn process(&self) -> Option<ProcessIdentity> {
        server_in(&self.root)
    }

    /// Starts the server again, empty, after [`RedisServer::stop`] or [`RedisServer::kill9`], on the same port.
    ///
    /// # Errors
    /// As [`RedisServer::start`].
    pub fn restart(&mut self) -> Result<(), DevstackError> {
        self.settings.port = Some(self.port);
        self.bring_up()
    }

    /// Stops the server; what it holds is gone.
    ///
    /// # Errors
    /// When it still runs after half a minute.
    pub fn stop(&mut self) -> Result<(), DevstackError> {
        Self::stop_in(&self.root)?;
        self.reap();
        Ok(())
    }

    /// Kills the server at once.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn kill9(&mut self) -> Result<(), DevstackError> {
        let Some(server) = self.process() else { return Ok(()) };
        server.kill9()?;
        server.wait_gone(STOP_BOUND)?;
        self.reap();
        Ok(())
    }

    /// Leaves the server running when this value is dropped.
    pub fn detach(&mut self) {
        self.attached = false;
    }

    /// Whether a server runs in `root`.
    #[must_use]
    pub fn runs_in(root: &Path) -> bool {
        server_in(root).is_some()
    }

    /// Stops the server that runs in `root`; returns whether there was one.
    ///
    /// # Errors
    /// When it still runs after half a minute.
    pub fn stop_in(root: &Path) -> Result<bool, DevstackError> {
        let Some(server) = server_in(root) else { return Ok(false) };
        server.terminate()?;
        server.wait_gone(STOP_BOUND)?;
        Ok(true)
    }

    fn bring_up(&mut self) -> Result<(), DevstackError> {
        fs::create_dir_all(&self.root).map_err(DevstackError::file("create", &self.root))?;
        account::give(&self.root, self.account)?;
        // The server is recognised by the directory it works in, whose name must be the real one.
        self.root = self.root.canonicalize().map_err(DevstackError::file("resolve", &self.root))?;
        let mut attempt = 1;
        loop {
            self.port = self.settings.port.map_or_else(port::free, Ok)?;
            match self.launch() {
                Ok(()) => return Ok(()),
                Err(_)
                    if self.settings.port.is_none()
                        && attempt < PORT_ATTEMPTS
                        && self.log().contains("Address already in use") =>
                {
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn launch(&mut self) -> Result<(), DevstackError> {
        let configuration = self.root.join("redis.conf");
        self.write(&configuration, &self.settings.render(self.port, &self.root))?;
        if let Some(certificate) = &self.settings.certificate {
            self.write(&self.root.join(CERTIFICATE), &certificate.certificate)?;
            self.write(&self.root.join(KEY), &certificate.key)?;
        }
        // Each start has its own log, so that an error shows nothing of an earlier one.
        self.write(&self.root.join(LOG), "")?;
        let mut server = Command::new(&self.program);
        server.arg(&configuration).current_dir(&self.root);
        server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // A group of its own, so that only the program that started it gets an interrupt from the terminal.
        server.process_group(0);
        if let Some(Account { uid, gid }) = self.account {
            server.gid(gid).uid(uid);
        }
        let child = server.spawn().map_err(|source| DevstackError::Spawn {
            program: self.program.display().to_string(),
            advice: "the Redis installation is incomplete",
            source,
        })?;
        let child = self.child.insert(child);
        if is_ready(child, &self.root) {
            return Ok(());
        }
        // It may still be running without being usable.
        let _ = child.kill();
        self.reap();
        Err(DevstackError::RedisStart { root: self.root.clone(), log: self.log() })
    }

    /// Takes note of the end of the process that was started, which has ended.
    fn reap(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.wait();
        }
    }

    fn log(&self) -> String {
        log_in(&self.root)
    }

    fn write(&self, path: &Path, text: &str) -> Result<(), DevstackError> {
        fs::write(path, text).map_err(DevstackError::file("write", path))?;
        fs::set_permissions(path, Permissions::from_mode(0o600))
            .map_err(DevstackError::file("set the mode of", path))?;
        account::give(path, self.account)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(server) = self.process().filter(|_| self.attached) {
            // A failure here has no reader any more, and nothing is lost.
            let _ = server.kill9();
            let _ = server.wait_gone(STOP_BOUND);
            self.reap();
        }
    }
}

/// Waits until the server takes connections; `false` when it ends first, or takes too long.
fn is_ready(server: &Child, root: &Path) -> bool {
    let patience = Instant::now() + START_BOUND;
    loop {
        if log_in(root).contains("Ready to accept connections") {
            return true;
        }
        let process = i32::try_from(server.id()).ok().and_then(ProcessIdentity::of);
        let ended = process.is_none_or(|it| it.wait_gone(START_PAUSE).is_ok());
        if ended || Instant::now() > patience {
            return false;
        }
    }
}

/// The end of the log of the server in `root`.
fn log_in(root: &Path) -> String {
    let bytes = fs::read(root.join(LOG)).unwrap_or_default();
    command::tail(&String::from_utf8_lossy(&bytes), LOG_SHOWN).to_owned()
}

/// The process of the server in `root`, when it runs.
fn server_in(root: &Path) -> Option<ProcessIdentity> {
    let pid = fs::read_to_string(root.join(PID)).ok()?.trim().parse().ok()?;
    let process = ProcessIdentity::of(pid)?;
    // The file may be a leftover and its id another process's by now; a server works in its directory.
    let works_in = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
    (works_in == root.canonicalize().ok()?).then_some(process)
}

/// The last port of the server in `root`.
fn port_in(root: &Path) -> Option<u16> {
    let configuration = fs::read_to_string(root.join("redis.conf")).ok()?;
    let mut ports = configuration.lines().filter_map(|line| {
        let (name, value) = line.split_once(' ')?;
        name.ends_with("port").then(|| value.trim_matches('"').parse().ok())?
    });
    ports.rfind(|port| *port != 0)
}
