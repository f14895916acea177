//! Tests for fetching and unpacking.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::archive::{Limits, unpack};
use super::{MODEL, POSTGRES, check_digest, publish};
use crate::TestkitError;

const LIMITS: Limits = Limits { entries: 10, bytes: 1000 };

/// Everything, under its own path.
fn all(path: &Path) -> Option<PathBuf> {
    Some(path.to_owned())
}

fn archive(dir: &TempDir, fill: impl FnOnce(&mut ZipWriter<File>)) -> PathBuf {
    let path = dir.path().join("archive.zip");
    let mut zip = ZipWriter::new(File::create(&path).unwrap());
    fill(&mut zip);
    zip.finish().unwrap();
    path
}

fn add(zip: &mut ZipWriter<File>, name: &str, mode: u32, content: &[u8]) {
    zip.start_file(name, SimpleFileOptions::default().unix_permissions(mode)).unwrap();
    zip.write_all(content).unwrap();
}

#[test]
fn modes_and_links_are_kept_and_others_cannot_write() {
    let dir = TempDir::new().unwrap();
    let file = archive(&dir, |zip| {
        add(zip, "bin/server", 0o777, b"run");
        add(zip, "share/text", 0o600, b"text");
        zip.add_symlink("bin/alias", "../share/text", SimpleFileOptions::default()).unwrap();
    });
    let target = dir.path().join("out");
    unpack(&file, &target, all, LIMITS, &|_| ()).unwrap();
    let mode = |name: &str| fs::metadata(target.join(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("bin/server"), mode("share/text"), mode("bin")), (0o755, 0o644, 0o755));
    assert_eq!(fs::read_to_string(target.join("bin/alias")).unwrap(), "text");
}

#[test]
fn what_would_leave_the_directory_or_never_end_is_refused() {
    type Fill = fn(&mut ZipWriter<File>);
    let cases: [(&str, Fill); 6] = [
        ("leaves the archive", |zip| add(zip, "../evil", 0o644, b"")),
        ("leaves the archive", |zip| {
            zip.add_symlink("a/link", "../../etc", SimpleFileOptions::default()).unwrap();
        }),
        ("leaves the archive", |zip| {
            zip.add_symlink("link", "/etc/passwd", SimpleFileOptions::default()).unwrap();
        }),
        ("leads through a link", |zip| {
            add(zip, "real/x", 0o644, b"");
            zip.add_symlink("a/link", "../real", SimpleFileOptions::default()).unwrap();
            add(zip, "a/link/y", 0o644, b"");
        }),
        ("more bytes", |zip| add(zip, "big", 0o644, &[0; 1001])),
        ("more entries", |zip| (0..11).for_each(|n| add(zip, &n.to_string(), 0o644, b""))),
    ];
    for (reason, fill) in cases {
        let dir = TempDir::new().unwrap();
        let file = archive(&dir, fill);
        let error = unpack(&file, &dir.path().join("out"), all, LIMITS, &|_| ()).unwrap_err();
        assert!(matches!(error, TestkitError::UnsafeArchive { .. }), "{reason}: {error}");
        assert!(error.to_string().contains(reason), "{reason}: {error}");
    }
}

#[test]
fn a_file_with_another_digest_is_refused() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, b"abc").unwrap();
    // FIPS 180-2, appendix B.1.
    let right = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    check_digest(&path, right).unwrap();
    fs::write(&path, b"abd").unwrap();
    let error = check_digest(&path, right).unwrap_err();
    assert!(error.to_string().contains("is damaged or is not the pinned file"), "{error}");
}

#[test]
fn whoever_is_second_keeps_what_the_first_put_in_place() {
    let dir = TempDir::new().unwrap();
    let target = dir.path().join("target");
    for (name, content) in [("one", "first"), ("two", "second")] {
        let unpacked = dir.path().join(name);
        fs::create_dir(&unpacked).unwrap();
        fs::write(unpacked.join("file"), content).unwrap();
        publish(&unpacked, &target).unwrap();
    }
    assert_eq!(fs::read_to_string(target.join("file")).unwrap(), "first");
    assert!(publish(&dir.path().join("absent"), &dir.path().join("elsewhere")).is_err());
}

#[test]
fn every_pinned_wheel_is_named_as_its_file_says() {
    for wheel in POSTGRES.iter().chain([&MODEL]) {
        let name = format!("{}-{}-", wheel.package.replace('-', "_"), wheel.version);
        assert!(wheel.file.starts_with(&name) && wheel.file.contains(wheel.platform), "{wheel:?}");
        assert_eq!(wheel.sha256.len(), 64, "{wheel:?}");
    }
}
