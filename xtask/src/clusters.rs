//! Where the PostgreSQL of a test run keeps its data, and what runs that were killed have left there.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use devstack::{Cluster, DevelopmentDir, ProcessIdentity};

use crate::progress::say;

/// The prefix of the directories; the rest of the name is the process of the run.
const PREFIX: &str = "datastorage-test-";

/// A directory in memory (tmpfs), where the system has one.
const MEMORY: &str = "/dev/shm";

/// Room in it that a run asks for; a whole one took 1.2 GB. As much again shall be left for everything else.
const WANTED_BYTES: u64 = 8 << 30;

/// The directory for this run: in memory where there is plenty.
///
/// A run makes and drops a thousand databases of some hundred files each, and ext4 looks the longer for a free inode the more
/// were deleted just now: 73 tests of the write path took 75 s and then 110 s on a disk, 64 s and then 63 s in memory.
pub(crate) fn root(dev: &DevelopmentDir) -> PathBuf {
    let name = format!("{PREFIX}{}", std::process::id());
    let in_memory = Path::new(MEMORY).join(&name);
    if has_room() && !in_memory.exists() { in_memory } else { dev.path().join(name) }
}

fn has_room() -> bool {
    let free = rustix::fs::statvfs(MEMORY).map_or(0, |it| it.f_bavail.saturating_mul(it.f_frsize));
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    free >= WANTED_BYTES && available_bytes(&memory).is_some_and(|bytes| bytes >= 2 * WANTED_BYTES)
}

/// The memory that is available without swapping (proc(5)).
fn available_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// Removes the clusters of runs that were killed before they could.
pub(crate) fn sweep(dev: &DevelopmentDir) {
    for path in all(dev).filter(|path| !is_running(path)) {
        say(&format!("removing {}, which a killed run has left", path.display()));
        if let Err(error) = Cluster::remove(&path) {
            say(&format!("  {error}"));
        }
    }
}

/// Whether a run is under way, and needs what was fetched for it.
pub(crate) fn is_any_running(dev: &DevelopmentDir) -> bool {
    all(dev).any(|path| is_running(&path))
}

fn all(dev: &DevelopmentDir) -> impl Iterator<Item = PathBuf> {
    let entries = [Path::new(MEMORY), dev.path()].map(|place| std::fs::read_dir(place).into_iter().flatten());
    let paths = entries.into_iter().flatten().flatten().map(|entry| entry.path());
    paths.filter(|path| owner(path).is_some())
}

fn is_running(path: &Path) -> bool {
    owner(path).and_then(ProcessIdentity::of).is_some()
}

/// The process whose cluster is in `path`.
fn owner(path: &Path) -> Option<i32> {
    path.file_name().and_then(OsStr::to_str)?.strip_prefix(PREFIX)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{available_bytes, owner};

    #[test]
    fn available_memory_is_what_the_kernel_says() {
        let meminfo =
            "MemTotal:       24683656 kB\nMemFree:        17237692 kB\nMemAvailable:   23068672 kB\n";
        assert_eq!(available_bytes(meminfo), Some(22 << 30));
        for unknown in ["", "MemFree: 1 kB\n", "MemAvailable: much\n"] {
            assert_eq!(available_bytes(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn only_directories_of_runs_have_an_owner() {
        for (path, process) in [
            ("/dev/shm/datastorage-test-4711", Some(4711)),
            ("/x/.dev/datastorage-test-", None),
            ("/x/.dev/model", None),
        ] {
            assert_eq!(owner(Path::new(path)), process, "{path}");
        }
    }
}
