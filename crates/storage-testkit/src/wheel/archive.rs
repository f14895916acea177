//! Unpacks a zip archive into a directory, trusting nothing the archive says about itself.

use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use zip::ZipArchive;
use zip::read::ZipFile;

use super::{FetchStep, OnStep};
use crate::TestkitError;

/// Longest target of a symbolic link that is read, in bytes.
const LINK_TARGET_MAX: u64 = 1024;

/// Bounds on what an archive may unpack to, against archives that expand without end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Most entries the archive may have.
    pub(crate) entries: usize,
    /// Most bytes that may be written in all.
    pub(crate) bytes: u64,
}

/// Unpacks the entries of `archive` that `select` maps to a relative path into `target`, which is created.
///
/// Unix modes are kept except for write access by others; everything is readable by everyone, because a server may
/// run under another account than the one that unpacks.
pub(crate) fn unpack(
    archive: &Path,
    target: &Path,
    select: fn(&Path) -> Option<PathBuf>,
    limits: Limits,
    on_step: OnStep<'_>,
) -> Result<(), TestkitError> {
    let unreadable = |source| TestkitError::Archive { path: archive.to_owned(), source };
    let file = File::open(archive).map_err(TestkitError::file("open", archive))?;
    let mut zip = ZipArchive::new(file).map_err(unreadable)?;
    let mut unpacker = Unpacker { archive, target, select, left: limits.bytes };
    if zip.len() > limits.entries {
        return Err(unpacker.refuse("", "the archive has more entries than allowed"));
    }
    unpacker.make_directories(Path::new(""))?;
    for index in 0..zip.len() {
        unpacker.unpack_entry(zip.by_index(index).map_err(unreadable)?)?;
        on_step(FetchStep::Unpacking { done: index + 1, of: zip.len() });
    }
    Ok(())
}

struct Unpacker<'a> {
    archive: &'a Path,
    target: &'a Path,
    select: fn(&Path) -> Option<PathBuf>,
    left: u64,
}

impl Unpacker<'_> {
    fn unpack_entry<R: Read>(&mut self, mut entry: ZipFile<'_, R>) -> Result<(), TestkitError> {
        let Some(name) = entry.enclosed_name() else {
            return Err(self.refuse(&name_of(&entry), "its path leaves the archive"));
        };
        let Some(relative) = (self.select)(&name) else { return Ok(()) };
        let path = self.target.join(&relative);
        if entry.is_dir() {
            return self.make_directories(&relative);
        }
        self.make_directories(relative.parent().unwrap_or(Path::new("")))?;
        if entry.is_symlink() { self.link(&mut entry, &relative) } else { self.copy(&mut entry, &path) }
    }

    /// Makes `relative` and what leads to it; a link on the way could lead outside, so it is refused.
    fn make_directories(&self, relative: &Path) -> Result<(), TestkitError> {
        let mut path = self.target.to_owned();
        make_directory(&path)?;
        for part in relative.components() {
            path.push(part);
            if path.is_symlink() {
                return Err(self.refuse(&relative.to_string_lossy(), "its path leads through a link"));
            }
            make_directory(&path)?;
        }
        Ok(())
    }

    fn copy<R: Read>(&mut self, entry: &mut ZipFile<'_, R>, path: &Path) -> Result<(), TestkitError> {
        let mode = entry.unix_mode().unwrap_or(0o644) & 0o755 | 0o444;
        let mut file = File::create_new(path).map_err(TestkitError::file("create", path))?;
        // The declared size is the archive's own word; the budget is what counts.
        let written =
            io::copy(&mut entry.take(self.left + 1), &mut file).map_err(TestkitError::file("write", path))?;
        let Some(left) = self.left.checked_sub(written) else {
            return Err(self.refuse(&name_of(entry), "the archive unpacks to more bytes than allowed"));
        };
        self.left = left;
        file.set_permissions(Permissions::from_mode(mode))
            .map_err(TestkitError::file("set the mode of", path))
    }

    fn link<R: Read>(&self, entry: &mut ZipFile<'_, R>, relative: &Path) -> Result<(), TestkitError> {
        let mut to = String::new();
        let path = self.target.join(relative);
        entry
            .take(LINK_TARGET_MAX)
            .read_to_string(&mut to)
            .map_err(TestkitError::file("read the target of", &path))?;
        if !stays_inside(relative, Path::new(&to)) {
            return Err(self.refuse(&name_of(entry), "it is a link that leaves the archive"));
        }
        symlink(&to, &path).map_err(TestkitError::file("create", &path))
    }

    fn refuse(&self, entry: &str, reason: &'static str) -> TestkitError {
        TestkitError::UnsafeArchive { path: self.archive.to_owned(), entry: entry.to_owned(), reason }
    }
}

/// The entry's name as it stands in the archive.
fn name_of<R: Read>(entry: &ZipFile<'_, R>) -> String {
    String::from_utf8_lossy(entry.name_raw()).into_owned()
}

/// Whether a link at `relative` that points to `to` stays below the root it is unpacked in.
fn stays_inside(relative: &Path, to: &Path) -> bool {
    let mut depth = relative.components().count().saturating_sub(1);
    to.components().all(|part| match part {
        Component::Normal(_) => {
            depth += 1;
            true
        }
        Component::CurDir => true,
        Component::ParentDir if depth > 0 => {
            depth -= 1;
            true
        }
        _ => false,
    })
}

fn make_directory(path: &Path) -> Result<(), TestkitError> {
    fs::create_dir_all(path).map_err(TestkitError::file("create", path))?;
    fs::set_permissions(path, Permissions::from_mode(0o755))
        .map_err(TestkitError::file("set the mode of", path))
}
