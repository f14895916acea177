//! The built service as a child process, seen only from outside.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::scratch::Scratch;
use crate::{DevstackError, ProcessIdentity, command, environment, port};

/// Longest a start may take; PostgreSQL may be starting as well.
const READY_BOUND: Duration = Duration::from_secs(60);
/// How long to wait between two questions whether the service is ready.
const READY_PAUSE: Duration = Duration::from_millis(25);
/// Longest a single question may take.
const PROBE_BOUND: Duration = Duration::from_secs(5);
/// The number of attempts to start if another program takes a free port meanwhile.
const PORT_ATTEMPTS: usize = 3;
/// The setting with which the API speaks TLS.
const CERTIFICATE_FILE: &str = "DATASTORAGE__TLS__CERTIFICATE_FILE";
/// How much of the service's log an error carries, in bytes.
const LOG_SHOWN: usize = 8 * 1024;

/// How the service is started.
#[derive(Debug, Clone, Default)]
pub struct ServiceOptions {
    /// The binary; by default the one that `cargo xtask test` has built.
    pub bin: Option<PathBuf>,
    /// Settings as environment variables, `DATASTORAGE__SECTION__KEY` and value.
    pub environment: Vec<(String, String)>,
    /// Further command line arguments behind `serve`.
    pub arguments: Vec<String>,
    /// The API's port; by default a free one.
    pub port: Option<u16>,
    /// The admin server's port; by default a free one.
    pub admin_port: Option<u16>,
    /// The file for output; by default a temporary file. Output is appended to an existing file.
    pub log: Option<PathBuf>,
}

impl ServiceOptions {
    /// With the environment variable `name` set to `value`.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// With a further command line argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }
}

/// A running service. It is killed when this value is dropped, unless it was [detached](Self::detach).
#[derive(Debug)]
pub struct ServiceProcess {
    child: Child,
    identity: Option<ProcessIdentity>,
    port: u16,
    admin_port: u16,
    speaks_tls: bool,
    log: PathBuf,
    attached: bool,
    _scratch: Option<Scratch>,
}

impl ServiceProcess {
    /// Starts the service on the database `database_url` and waits until it says that it is ready.
    ///
    /// The caller's own `DATASTORAGE__` settings do not reach it.
    ///
    /// # Errors
    /// [`DevstackError::Service`] when it ends, or is not ready within a minute; the error carries its log.
    pub fn start(database_url: &str, options: ServiceOptions) -> Result<Self, DevstackError> {
        let chosen_here = options.port.is_none() || options.admin_port.is_none();
        let mut attempt = 1;
        loop {
            let mut service = Self::spawn(database_url, options.clone())?;
            match service.wait_ready() {
                Ok(()) => return Ok(service),
                Err(_) if chosen_here && attempt < PORT_ATTEMPTS && service.port_was_taken() => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Starts the service without waiting for anything, for tests of the start itself.
    ///
    /// # Errors
    /// When the binary cannot be run.
    pub fn spawn(database_url: &str, options: ServiceOptions) -> Result<Self, DevstackError> {
        let bin = match options.bin {
            Some(bin) => bin,
            None => environment::required(environment::SERVICE_BIN)?.into(),
        };
        let port = options.port.map_or_else(|| port::free_beside(options.admin_port), Ok)?;
        let admin_port = options.admin_port.map_or_else(|| port::free_beside(Some(port)), Ok)?;
        let speaks_tls = options.environment.iter().any(|(name, _)| name == CERTIFICATE_FILE);
        let (log, scratch) = log_file(options.log)?;
        let output = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(DevstackError::file("open", &log))?;
        let errors = output.try_clone().map_err(DevstackError::file("open", &log))?;

        let mut service = Command::new(&bin);
        for (name, _) in
            std::env::vars_os().filter(|(it, _)| it.to_string_lossy().starts_with("DATASTORAGE__"))
        {
            service.env_remove(name);
        }
        service
            .args(["serve", "--database-url", database_url])
            .args([
                "--addr",
                &format!("127.0.0.1:{port}"),
                "--admin-addr",
                &format!("127.0.0.1:{admin_port}"),
            ])
            .args(options.arguments)
            .envs(options.environment)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            // A group of its own, so that only the program that started it gets an interrupt from the terminal.
            .process_group(0);
        let child = service.spawn().map_err(|source| DevstackError::Spawn {
            program: bin.display().to_string(),
            advice: "run the tests with `cargo xtask test`, which builds it",
            source,
        })?;
        let identity = i32::try_from(child.id()).ok().and_then(ProcessIdentity::of);
        Ok(Self { child, identity, port, admin_port, speaks_tls, log, attached: true, _scratch: scratch })
    }

    /// Base URL of the API, without a slash at the end; `https` when the settings name a certificate.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", if self.speaks_tls { "https" } else { "http" }, self.port)
    }

    /// Base URL of the admin server (health, readiness, metrics), without a slash at the end.
    #[must_use]
    pub fn admin_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.admin_port)
    }

    /// The process, unless it had ended before it could be looked at.
    #[must_use]
    pub fn process(&self) -> Option<ProcessIdentity> {
        self.identity
    }

    /// Everything the service has written so far.
    #[must_use]
    pub fn logs(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The file the service writes to.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// Waits until `/ready` answers 200, of the admin port when the API speaks TLS.
    ///
    /// # Errors
    /// [`DevstackError::Service`] when the service ends first, or is not ready within a minute.
    pub fn wait_ready(&mut self) -> Result<(), DevstackError> {
        let outcome = self.readiness().wait();
        self.judge(outcome)
    }

    /// The check whether the service is ready, for a caller that waits elsewhere.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        // Whom a service with TLS trusts is the caller's matter; the admin port speaks none.
        let port = if self.speaks_tls { self.admin_port } else { self.port };
        Readiness { address: (Ipv4Addr::LOCALHOST, port).into(), process: self.identity }
    }

    /// The result of waiting for [`Self::readiness`]. If the service is not ready, the error has its log.
    ///
    /// # Errors
    /// [`DevstackError::Service`].
    pub fn judge(&mut self, is_ready: bool) -> Result<(), DevstackError> {
        if is_ready {
            return Ok(());
        }
        Err(match self.child.try_wait() {
            Ok(Some(status)) => self.failed(format!("ended ({status}) before it was ready")),
            Ok(None) => self.failed(format!("was not ready within {} s", READY_BOUND.as_secs())),
            Err(error) => self.failed(format!("cannot be watched: {error}")),
        })
    }

    /// Asks the service to stop (SIGTERM).
    ///
    /// # Errors
    /// [`DevstackError::Process`].
    pub fn terminate(&self) -> Result<(), DevstackError> {
        self.identity.as_ref().map_or(Ok(()), ProcessIdentity::terminate)
    }

    /// Kills the service (SIGKILL) and waits until it is gone.
    ///
    /// # Errors
    /// [`DevstackError::Service`].
    pub fn kill9(&mut self) -> Result<(), DevstackError> {
        let killed = self.child.kill().and_then(|()| self.child.wait());
        killed.map(drop).map_err(|error| self.failed(format!("cannot be killed: {error}")))
    }

    /// Waits until the service has ended by itself.
    ///
    /// # Errors
    /// [`DevstackError::Service`] when it still runs after `bound`.
    pub fn wait_exit(&mut self, bound: Duration) -> Result<ExitStatus, DevstackError> {
        if let Some(process) = self.identity {
            match process.wait_gone(bound) {
                Err(error) if !matches!(error, DevstackError::Timeout { .. }) => return Err(error),
                _ => {}
            }
        }
        self.exited(bound)
    }

    /// How the service has ended, after it was given the time `waited` to.
    ///
    /// # Errors
    /// [`DevstackError::Service`] when it still runs.
    pub fn exited(&mut self, waited: Duration) -> Result<ExitStatus, DevstackError> {
        let ended = match self.child.try_wait() {
            // The first thread is gone, and the others are going: until then there is no status.
            Ok(None) if self.identity.is_none_or(|process| !process.is_running()) => {
                self.child.wait().map(Some)
            }
            outcome => outcome,
        };
        match ended {
            Ok(Some(status)) => Ok(status),
            Ok(None) => Err(self.failed(format!("still runs after {} s", waited.as_secs()))),
            Err(error) => Err(self.failed(format!("cannot be watched: {error}"))),
        }
    }

    /// Whether the service is killed when this value is dropped.
    #[must_use]
    pub fn is_attached(&self) -> bool {
        self.attached
    }

    /// Leaves the service running when this value is dropped.
    pub fn detach(&mut self) {
        self.attached = false;
    }

    fn port_was_taken(&self) -> bool {
        self.logs().contains("Address already in use")
    }

    fn failed(&self, what: String) -> DevstackError {
        let log = self.logs();
        DevstackError::Service { what, log: command::tail(&log, LOG_SHOWN).to_owned() }
    }
}

impl Drop for ServiceProcess {
    fn drop(&mut self) {
        // It must not outlive the database that is dropped next.
        if self.attached && self.child.kill().is_ok() {
            let _ = self.child.wait();
        }
    }
}

/// Where a service says whether it is ready.
#[derive(Debug, Clone, Copy)]
pub struct Readiness {
    address: SocketAddr,
    process: Option<ProcessIdentity>,
}

impl Readiness {
    /// Waits until the service is ready; `false` when it ends first, or is not ready within a minute.
    #[must_use]
    pub fn wait(self) -> bool {
        let patience = Instant::now() + READY_BOUND;
        loop {
            if self.is_ready().is_ok_and(|ready| ready) {
                return true;
            }
            let ended = self.process.is_none_or(|it| it.wait_gone(READY_PAUSE).is_ok());
            if ended || Instant::now() > patience {
                return false;
            }
        }
    }

    /// Asks once.
    fn is_ready(self) -> std::io::Result<bool> {
        let mut connection = TcpStream::connect_timeout(&self.address, PROBE_BOUND)?;
        connection.set_read_timeout(Some(PROBE_BOUND))?;
        let host = self.address;
        write!(connection, "GET /ready HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
        let mut status = [0; "HTTP/1.1 200 ".len()];
        connection.read_exact(&mut status)?;
        Ok(status == *b"HTTP/1.1 200 ")
    }
}

fn log_file(wanted: Option<PathBuf>) -> Result<(PathBuf, Option<Scratch>), DevstackError> {
    if let Some(path) = wanted {
        return Ok((path, None));
    }
    let scratch = Scratch::new("datastorage-service-")?;
    Ok((scratch.path().join("service.log"), Some(scratch)))
}
