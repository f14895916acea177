//! The built service as a child process, for tests that see it only from outside.

mod secrets;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::{Child, Command};

use self::secrets::Secrets;
use crate::{ProcessIdentity, TestkitError, command, environment, port};

/// Longest a start may take; PostgreSQL may be starting as well.
const READY_BOUND: Duration = Duration::from_secs(60);
/// How long to wait between two questions whether the service is ready.
const READY_PAUSE: Duration = Duration::from_millis(25);
/// Longest a single question may take.
const PROBE_BOUND: Duration = Duration::from_secs(5);
/// How often a start is tried when a free port was taken by somebody else meanwhile.
const PORT_ATTEMPTS: usize = 3;
/// The setting with which the API speaks TLS.
const CERTIFICATE_FILE: &str = "DATASTORAGE__TLS__CERTIFICATE_FILE";
/// How much of the service's log an error carries, in bytes.
const LOG_SHOWN: usize = 8 * 1024;

/// How the service is started.
#[derive(Debug, Clone, Default)]
pub struct ServiceOptions {
    /// The binary; the one `cargo xtask test` has built when there is none.
    pub bin: Option<PathBuf>,
    /// Settings as environment variables, `DATASTORAGE__SECTION__KEY` and value.
    pub environment: Vec<(String, String)>,
    /// Further command line arguments behind `serve`.
    pub arguments: Vec<String>,
    /// The API's port; a free one when there is none.
    pub port: Option<u16>,
    /// The admin server's port; a free one when there is none.
    pub admin_port: Option<u16>,
    /// Where output goes; a temporary file when there is none. An existing file is appended to.
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

/// A running service. It is killed when this value is dropped, unless it was [detached](Self::detach). Then its log is
/// searched for every secret that it was started with, and finding one is a panic.
#[derive(Debug)]
pub struct ServiceProcess {
    child: Child,
    identity: Option<ProcessIdentity>,
    port: u16,
    admin_port: u16,
    speaks_tls: bool,
    log: PathBuf,
    secrets: Secrets,
    attached: bool,
    _scratch: Option<TempDir>,
}

impl ServiceProcess {
    /// Starts the service on the database `database_url` and waits until it says that it is ready.
    ///
    /// The caller's own `DATASTORAGE__` settings do not reach it.
    ///
    /// # Errors
    /// [`TestkitError::Service`] when it ends, or is not ready within a minute; the error carries its log.
    pub async fn start(database_url: &str, options: ServiceOptions) -> Result<Self, TestkitError> {
        let chosen_here = options.port.is_none() || options.admin_port.is_none();
        let mut attempt = 1;
        loop {
            let mut service = Self::spawn(database_url, options.clone())?;
            match service.wait_ready().await {
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
    pub fn spawn(database_url: &str, options: ServiceOptions) -> Result<Self, TestkitError> {
        let secrets = Secrets::of(database_url, &options);
        let bin = match options.bin {
            Some(bin) => bin,
            None => environment::required(environment::SERVICE_BIN)?.into(),
        };
        let port = options.port.map_or_else(port::free, Ok)?;
        let admin_port = options.admin_port.map_or_else(port::free, Ok)?;
        let speaks_tls = options.environment.iter().any(|(name, _)| name == CERTIFICATE_FILE);
        let (log, scratch) = log_file(options.log)?;
        let output =
            File::options().create(true).append(true).open(&log).map_err(TestkitError::file("open", &log))?;
        let errors = output.try_clone().map_err(TestkitError::file("open", &log))?;

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
            // A group of its own: an interrupt from the terminal is for whoever started it to pass on.
            .process_group(0);
        let child = service.spawn().map_err(|source| TestkitError::Spawn {
            program: bin.display().to_string(),
            advice: "run the tests with `cargo xtask test`, which builds it",
            source,
        })?;
        let identity = child.id().and_then(|pid| ProcessIdentity::of(i32::try_from(pid).ok()?));
        Ok(Self {
            child,
            identity,
            port,
            admin_port,
            speaks_tls,
            log,
            secrets,
            attached: true,
            _scratch: scratch,
        })
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

    /// Bytes that the process has had in memory at most since this was last asked, or since its start.
    ///
    /// # Errors
    /// [`TestkitError::File`] when it has ended.
    pub fn take_peak_memory(&self) -> Result<u64, TestkitError> {
        let directory = PathBuf::from(format!("/proc/{}", self.identity.map_or(0, |it| it.pid)));
        let status = directory.join("status");
        let text = std::fs::read_to_string(&status).map_err(TestkitError::file("read", &status))?;
        let peak = text
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        // Writing 5 sets the peak to what there is now, see proc(5).
        let refs = directory.join("clear_refs");
        std::fs::write(&refs, "5").map_err(TestkitError::file("write", &refs))?;
        let absent = || TestkitError::file("read", &status)(std::io::Error::other("it has no line VmHWM"));
        peak.map(|kilobytes: u64| kilobytes * 1024).ok_or_else(absent)
    }

    /// Everything the service has written so far.
    #[must_use]
    pub fn logs(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Has this service's log searched for one more secret when it is dropped, such as a caller's token.
    pub fn must_not_log(&mut self, secret: &str) {
        self.secrets.add(secret);
    }

    /// The file the service writes to.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// Waits until `/ready` answers 200, of the admin port when the API speaks TLS.
    ///
    /// # Errors
    /// [`TestkitError::Service`] when the service ends first, or is not ready within a minute.
    pub async fn wait_ready(&mut self) -> Result<(), TestkitError> {
        // Whom a service with TLS trusts is the test's matter; the admin port speaks none.
        let base = if self.speaks_tls { self.admin_url() } else { self.url() };
        let url = format!("{base}/ready");
        let ready = async {
            while !is_ready(url.clone()).await {
                tokio::time::sleep(READY_PAUSE).await;
            }
        };
        let failure = tokio::select! {
            () = ready => return Ok(()),
            status = self.child.wait() => match status {
                Ok(status) => format!("ended ({status}) before it was ready"),
                Err(error) => format!("cannot be watched: {error}"),
            },
            () = tokio::time::sleep(READY_BOUND) => format!("was not ready within {} s", READY_BOUND.as_secs()),
        };
        Err(self.failed(failure))
    }

    /// Asks the service to stop (SIGTERM).
    ///
    /// # Errors
    /// [`TestkitError::Process`].
    pub fn terminate(&self) -> Result<(), TestkitError> {
        self.identity.as_ref().map_or(Ok(()), ProcessIdentity::terminate)
    }

    /// Kills the service (SIGKILL) and waits until it is gone.
    ///
    /// # Errors
    /// [`TestkitError::Service`].
    pub async fn kill9(&mut self) -> Result<(), TestkitError> {
        self.child.kill().await.map_err(|error| self.failed(format!("cannot be killed: {error}")))
    }

    /// Waits until the service has ended by itself.
    ///
    /// # Errors
    /// [`TestkitError::Service`] when it still runs after `bound`.
    pub async fn wait_exit(&mut self, bound: Duration) -> Result<ExitStatus, TestkitError> {
        match tokio::time::timeout(bound, self.child.wait()).await {
            Ok(Ok(status)) => Ok(status),
            Ok(Err(error)) => Err(self.failed(format!("cannot be watched: {error}"))),
            Err(_elapsed) => Err(self.failed(format!("still runs after {} s", bound.as_secs()))),
        }
    }

    /// Leaves the service running when this value is dropped.
    pub fn detach(&mut self) {
        self.attached = false;
    }

    fn port_was_taken(&self) -> bool {
        self.logs().contains("Address already in use")
    }

    fn failed(&self, what: String) -> TestkitError {
        let log = self.logs();
        TestkitError::Service { what, log: command::tail(&log, LOG_SHOWN).to_owned() }
    }
}

impl Drop for ServiceProcess {
    fn drop(&mut self) {
        if self.attached && self.child.start_kill().is_ok() {
            // It must not outlive the database that its test drops next.
            let _ = self.identity.map(|it| it.wait_gone_blocking(PROBE_BOUND));
        }
        if self.attached && !std::thread::panicking() {
            let log = self.logs();
            let told = self.secrets.lines_in(&log);
            assert!(told.is_empty(), "the service's log holds a secret: {told:#?}");
        }
    }
}

fn log_file(wanted: Option<PathBuf>) -> Result<(PathBuf, Option<TempDir>), TestkitError> {
    if let Some(path) = wanted {
        return Ok((path, None));
    }
    let base = std::env::temp_dir();
    let scratch =
        TempDir::with_prefix("datastorage-service-").map_err(TestkitError::file("create", &base))?;
    Ok((scratch.path().join("service.log"), Some(scratch)))
}

async fn is_ready(url: String) -> bool {
    let asking = tokio::task::spawn_blocking(move || {
        let config = ureq::Agent::config_builder().proxy(None).timeout_global(Some(PROBE_BOUND)).build();
        ureq::Agent::new_with_config(config).get(&url).call().is_ok()
    });
    asking.await.unwrap_or(false)
}

#[cfg(test)]
mod tests;
