//! Which server runs in a cluster's directory.

use std::fs;
use std::path::Path;

use crate::ProcessIdentity;

/// The main process of the server in `root`, when it runs.
pub(super) fn server_in(root: &Path) -> Option<ProcessIdentity> {
    let process = ProcessIdentity::of(PidFile::read(root)?.pid)?;
    // The file may be a leftover and its id another process's by now; a server works in its data directory.
    let works_in = fs::read_link(format!("/proc/{}/cwd", process.pid)).ok()?;
    (works_in == root.join("data").canonicalize().ok()?).then_some(process)
}

/// The content of `postmaster.pid` (PostgreSQL manual, "Database File Layout"): process id in line 1, port in line 4.
pub(super) struct PidFile {
    pub(super) pid: i32,
    pub(super) port: u16,
}

impl PidFile {
    pub(super) fn read(root: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(root.join("data/postmaster.pid")).ok()?)
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        let port = lines.nth(2)?.trim().parse().ok()?;
        Some(Self { pid, port })
    }
}

#[cfg(test)]
mod tests {
    //! Tests for the file's form.

    use super::PidFile;

    #[test]
    fn a_pid_file_that_is_still_being_written_is_not_a_server() {
        let whole = "17\n/data\n1700000000\n5433\n/sockets\n127.0.0.1\n  1 2\nready\n";
        let file = PidFile::parse(whole).unwrap();
        assert_eq!((file.pid, file.port), (17, 5433));
        for cut in ["", "17\n/data\n1700000000\n", "x\na\nb\n1\n"] {
            assert!(PidFile::parse(cut).is_none(), "{cut:?}");
        }
    }
}
