//! Which account servers run under, and which directories that account can reach.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use crate::DevstackError;

/// Accounts to run servers under when the caller is root, in order of preference.
const CANDIDATES: &[&str] = &["postgres", "nobody"];

/// An unprivileged account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Account {
    /// The account for server processes: none needed (`None`) unless the caller is root.
    pub(crate) fn for_servers() -> Result<Option<Self>, DevstackError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let path = Path::new("/etc/passwd");
        let passwd = fs::read_to_string(path).map_err(DevstackError::file("read", path))?;
        find_account(&passwd, CANDIDATES)
            .map(Some)
            .ok_or_else(|| DevstackError::NoAccount { tried: CANDIDATES.join(", ") })
    }

    /// Whether this account can pass through `path` and every directory above it.
    fn can_reach(self, path: &Path) -> bool {
        path.ancestors().all(|dir| {
            fs::metadata(dir).is_ok_and(|meta| {
                let search = if meta.uid() == self.uid {
                    0o100
                } else if meta.gid() == self.gid {
                    0o010
                } else {
                    0o001
                };
                meta.mode() & search != 0
            })
        })
    }
}

/// Finds the first of `names` in the text of a passwd file, root's ids excepted.
fn find_account(passwd: &str, names: &[&str]) -> Option<Account> {
    names.iter().find_map(|name| {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            let found = fields.next() == Some(name);
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            (found && uid != 0).then_some(Account { uid, gid })
        })
    })
}

/// Gives `path` to `account`; nothing to do when the server runs as the caller.
pub(crate) fn give(path: &Path, account: Option<Account>) -> Result<(), DevstackError> {
    match account {
        Some(Account { uid, gid }) => {
            chown(path, Some(uid), Some(gid)).map_err(DevstackError::file("change the owner of", path))
        }
        None => Ok(()),
    }
}

/// The directory for everything that is fetched or made for development.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevelopmentDir {
    path: PathBuf,
    wanted: PathBuf,
}

impl DevelopmentDir {
    /// Makes `wanted`, or a stand-in under the system's temporary directory when PostgreSQL's account could not
    /// reach `wanted` (a checkout below root's home, for example).
    pub fn prepare(wanted: &Path) -> Result<Self, DevstackError> {
        fs::create_dir_all(wanted).map_err(DevstackError::file("create", wanted))?;
        let wanted = wanted.canonicalize().map_err(DevstackError::file("resolve", wanted))?;
        let path = match Account::for_servers()? {
            Some(account) if !account.can_reach(&wanted) => stand_in(&wanted)?,
            _ => wanted.clone(),
        };
        Ok(Self { path, wanted })
    }

    /// Where files are kept.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory that was asked for, when another one had to be taken.
    #[must_use]
    pub fn instead_of(&self) -> Option<&Path> {
        (self.path != self.wanted).then_some(&self.wanted)
    }
}

/// A directory of our own in the temporary directory, the same one each time for the same `wanted`.
fn stand_in(wanted: &Path) -> Result<PathBuf, DevstackError> {
    let name = wanted.to_string_lossy().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let path = std::env::temp_dir().join(format!("datastorage{name}"));
    if !path.exists() {
        fs::DirBuilder::new().mode(0o755).create(&path).map_err(DevstackError::file("create", &path))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
            .map_err(DevstackError::file("set the mode of", &path))?;
    }
    // Every user may write to the temporary directory, so the path must be a directory of ours and not a link.
    let meta = fs::symlink_metadata(&path).map_err(DevstackError::file("inspect", &path))?;
    if !meta.is_dir() || meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(DevstackError::ForeignDirectory { path });
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    //! Tests for the choice of account.

    use std::os::unix::fs::PermissionsExt;

    use super::{Account, DevelopmentDir, find_account};
    use crate::scratch::Scratch;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
                          fake:x:0:0::/:/bin/sh\n\
                          broken\n\
                          nobody:x:65534:65533:nobody:/:/usr/sbin/nologin\n";

    #[test]
    fn the_first_name_that_exists_and_is_not_root_is_taken() {
        let unprivileged = Some(Account { uid: 65534, gid: 65533 });
        for (names, expected) in [
            (&["postgres", "nobody"][..], unprivileged),
            (&["fake", "nobody"], unprivileged),
            (&["root"], None),
            (&["broken"], None),
            (&[], None),
        ] {
            assert_eq!(find_account(PASSWD, names), expected, "{names:?}");
        }
    }

    #[test]
    fn a_directory_that_the_server_cannot_reach_is_replaced_by_one_that_it_can() {
        let private = std::fs::Permissions::from_mode(0o700);
        let scratch = Scratch::new("devstack-test-").unwrap();
        std::fs::set_permissions(scratch.path(), private).unwrap();
        let dir = DevelopmentDir::prepare(&scratch.path().join("dev")).unwrap();
        match Account::for_servers().unwrap() {
            Some(account) => {
                assert_ne!(dir.instead_of(), None);
                assert!(account.can_reach(dir.path()));
                assert_eq!(DevelopmentDir::prepare(dir.instead_of().unwrap()).unwrap(), dir);
                std::fs::remove_dir(dir.path()).unwrap();
            }
            None => assert_eq!(dir.instead_of(), None),
        }
    }
}
