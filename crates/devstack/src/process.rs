//! Processes by identity: a process id together with the moment it started, so that a recycled id is never
//! mistaken for the process it once named.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::DevstackError;

/// One particular process, also after its id has been given to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessIdentity {
    /// The process id.
    pub pid: i32,
    /// When it started, in the kernel's clock ticks since boot (field 22 of `/proc/<pid>/stat`, proc(5)).
    pub started: u64,
}

impl ProcessIdentity {
    /// The process that has the id `pid` now; `None` if there is none, or only a zombie.
    #[must_use]
    pub fn of(pid: i32) -> Option<Self> {
        let stat = Stat::read(pid)?;
        (!stat.dead).then_some(Self { pid, started: stat.started })
    }

    /// Whether this very process still runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        Self::of(self.pid) == Some(*self)
    }

    /// Asks the process to end (SIGTERM); a process that is gone already is fine.
    pub fn terminate(&self) -> Result<(), DevstackError> {
        self.signal(Signal::TERM)
    }

    /// Interrupts the process (SIGINT).
    pub fn interrupt(&self) -> Result<(), DevstackError> {
        self.signal(Signal::INT)
    }

    /// Ends the process at once (SIGKILL).
    pub fn kill9(&self) -> Result<(), DevstackError> {
        self.signal(Signal::KILL)
    }

    /// Freezes the process (SIGSTOP): it keeps its connections and answers nothing, as a machine that hangs.
    pub fn pause(&self) -> Result<(), DevstackError> {
        self.signal(Signal::STOP)
    }

    /// Resumes a paused process (SIGCONT).
    pub fn resume(&self) -> Result<(), DevstackError> {
        self.signal(Signal::CONT)
    }

    /// Waits until the process has ended.
    ///
    /// # Errors
    /// [`DevstackError::Timeout`] when it still runs after `bound`.
    pub fn wait_gone(&self, bound: Duration) -> Result<(), DevstackError> {
        let Some(handle) = self.open()? else { return Ok(()) };
        let limit = Timespec::try_from(bound).ok();
        let mut handles = [PollFd::new(&handle, PollFlags::IN)];
        match retry_on_intr(|| poll(&mut handles, limit.as_ref())) {
            Ok(0) => Err(self.still_runs(bound)),
            Ok(_) => Ok(()),
            Err(error) => Err(self.error("watch", error.into())),
        }
    }

    /// The processes whose parent is this one.
    #[must_use]
    pub fn children(&self) -> Vec<Self> {
        let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(|pid| {
                let stat = Stat::read(pid)?;
                (stat.parent == self.pid && !stat.dead).then_some(Self { pid, started: stat.started })
            })
            .collect()
    }

    fn signal(&self, signal: Signal) -> Result<(), DevstackError> {
        let Some(handle) = self.open()? else { return Ok(()) };
        match pidfd_send_signal(handle, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(self.error("signal", error.into())),
        }
    }

    /// A handle on the process, which stays valid even if the id is reused; `None` if the process is gone.
    fn open(&self) -> Result<Option<OwnedFd>, DevstackError> {
        let Some(pid) = Pid::from_raw(self.pid) else { return Ok(None) };
        match pidfd_open(pid, PidfdFlags::empty()) {
            // Looked at after opening: from here on the handle and the identity speak of the same process.
            Ok(handle) => Ok(self.is_running().then_some(handle)),
            Err(rustix::io::Errno::SRCH) => Ok(None),
            Err(error) => Err(self.error("open", error.into())),
        }
    }

    fn still_runs(&self, bound: Duration) -> DevstackError {
        DevstackError::Timeout { what: format!("the end of process {}", self.pid), seconds: bound.as_secs() }
    }

    fn error(&self, action: &'static str, source: std::io::Error) -> DevstackError {
        DevstackError::Process { action, pid: self.pid, source }
    }
}

/// The used part of `/proc/<pid>/stat`.
struct Stat {
    dead: bool,
    parent: i32,
    started: u64,
}

impl Stat {
    fn read(pid: i32) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        // The command's name, in parentheses, may itself hold spaces and parentheses.
        let (_, rest) = text.rsplit_once(')')?;
        let mut fields = rest.split_whitespace();
        let dead = matches!(fields.next()?, "Z" | "X" | "x");
        let parent = fields.next()?.parse().ok()?;
        let started = fields.nth(17)?.parse().ok()?;
        Some(Self { dead, parent, started })
    }
}

#[cfg(test)]
mod tests;
