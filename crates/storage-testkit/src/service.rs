//! The built service as a child process, for tests that see it only from outside.

mod secrets;

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use devstack::{ProcessIdentity, ServiceOptions};

use self::secrets::Secrets;
use crate::TestkitError;
use crate::blocking::blocking;

/// Longest a killed service may take to be gone.
const KILL_BOUND: Duration = Duration::from_secs(10);

/// A running service: [`devstack::ServiceProcess`], which is waited for without holding up the caller's runtime.
///
/// It is killed when this value is dropped, unless it was [detached](Self::detach). Then its log is searched for every
/// secret that it was started with, and finding one is a panic.
#[derive(Debug)]
pub struct ServiceProcess {
    process: devstack::ServiceProcess,
    secrets: Secrets,
}

impl ServiceProcess {
    /// Starts the service on the database `database_url` and waits until it says that it is ready.
    ///
    /// The caller's own `DATASTORAGE__` settings do not reach it.
    ///
    /// # Errors
    /// [`devstack::DevstackError::Service`] when it ends, or is not ready within a minute; the error carries its log.
    pub async fn start(database_url: &str, options: ServiceOptions) -> Result<Self, TestkitError> {
        let secrets = Secrets::of(database_url, &options);
        let url = database_url.to_owned();
        let process = blocking(move || devstack::ServiceProcess::start(&url, options)).await?;
        Ok(Self { process, secrets })
    }

    /// Starts the service without waiting for anything, for tests of the start itself.
    ///
    /// # Errors
    /// When the binary cannot be run.
    pub fn spawn(database_url: &str, options: ServiceOptions) -> Result<Self, TestkitError> {
        let secrets = Secrets::of(database_url, &options);
        Ok(Self { process: devstack::ServiceProcess::spawn(database_url, options)?, secrets })
    }

    /// Base URL of the API, without a slash at the end; `https` when the settings name a certificate.
    #[must_use]
    pub fn url(&self) -> String {
        self.process.url()
    }

    /// Base URL of the admin server (health, readiness, metrics), without a slash at the end.
    #[must_use]
    pub fn admin_url(&self) -> String {
        self.process.admin_url()
    }

    /// The process, unless it had ended before it could be looked at.
    #[must_use]
    pub fn process(&self) -> Option<ProcessIdentity> {
        self.process.process()
    }

    /// Bytes that the process has had in memory at most since this was last asked, or since its start.
    ///
    /// # Errors
    /// [`TestkitError::File`] when it has ended.
    pub fn take_peak_memory(&self) -> Result<u64, TestkitError> {
        let directory = PathBuf::from(format!("/proc/{}", self.process().map_or(0, |it| it.pid)));
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
        self.process.logs()
    }

    /// Has this service's log searched for one more secret when it is dropped, such as a caller's token.
    pub fn must_not_log(&mut self, secret: &str) {
        self.secrets.add(secret);
    }

    /// The file the service writes to.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        self.process.log_path()
    }

    /// Waits until `/ready` answers 200, of the admin port when the API speaks TLS.
    ///
    /// # Errors
    /// [`devstack::DevstackError::Service`] when the service ends first, or is not ready within a minute.
    pub async fn wait_ready(&mut self) -> Result<(), TestkitError> {
        let readiness = self.process.readiness();
        let is_ready = blocking(move || Ok(readiness.wait())).await?;
        Ok(self.process.judge(is_ready)?)
    }

    /// Asks the service to stop (SIGTERM).
    ///
    /// # Errors
    /// [`devstack::DevstackError::Process`].
    pub fn terminate(&self) -> Result<(), TestkitError> {
        Ok(self.process.terminate()?)
    }

    /// Kills the service (SIGKILL) and waits until it is gone.
    ///
    /// # Errors
    /// [`devstack::DevstackError::Service`].
    pub async fn kill9(&mut self) -> Result<(), TestkitError> {
        if let Some(process) = self.process() {
            process.kill9()?;
            blocking(move || process.wait_gone(KILL_BOUND)).await?;
        }
        Ok(self.process.kill9()?)
    }

    /// Waits until the service has ended by itself.
    ///
    /// # Errors
    /// [`devstack::DevstackError::Service`] when it still runs after `bound`.
    pub async fn wait_exit(&mut self, bound: Duration) -> Result<ExitStatus, TestkitError> {
        if let Some(process) = self.process() {
            // If it keeps running, the error below says so, with its log.
            let _ = blocking(move || process.wait_gone(bound)).await;
        }
        Ok(self.process.exited(bound)?)
    }

    /// Leaves the service running when this value is dropped.
    pub fn detach(&mut self) {
        self.process.detach();
    }
}

impl Drop for ServiceProcess {
    fn drop(&mut self) {
        if !self.process.is_attached() {
            return;
        }
        // The log is whole once it has ended.
        let _ = self.process.kill9();
        if !std::thread::panicking() {
            let log = self.logs();
            let told = self.secrets.lines_in(&log);
            assert!(told.is_empty(), "the service's log holds a secret: {told:#?}");
        }
    }
}

#[cfg(test)]
mod tests;
