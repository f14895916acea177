//! Tests for process identities.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::{ProcessIdentity, Stat};

#[test]
fn a_command_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
    let line = "42 (a ) S 9 b) R 7 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 987654 0 0";
    let stat = Stat::parse(line).unwrap();
    assert_eq!((stat.dead, stat.parent, stat.started), (false, 7, 987_654));
    assert!(Stat::parse("42 (x) Z 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 0").unwrap().dead);
    assert!(Stat::parse("42 (x) R 1").is_none());
}

#[test]
fn a_process_is_found_among_the_children_signalled_and_seen_to_end() {
    let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let identity = ProcessIdentity::of(i32::try_from(child.id()).unwrap()).unwrap();
    let me = ProcessIdentity::of(i32::try_from(std::process::id()).unwrap()).unwrap();
    assert!(me.children().contains(&identity));
    assert!(identity.is_running());

    let late = identity.wait_gone(Duration::ZERO).unwrap_err();
    assert!(late.to_string().contains("took longer than"), "{late}");

    identity.terminate().unwrap();
    identity.wait_gone(Duration::from_secs(10)).unwrap();
    assert!(!identity.is_running(), "a zombie does not run");
    child.wait().unwrap();
    identity.kill9().unwrap();
}

#[test]
fn a_paused_process_stands_still_and_can_still_be_ended() {
    let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let identity = ProcessIdentity::of(i32::try_from(child.id()).unwrap()).unwrap();
    let state = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", identity.pid)).unwrap();
        stat.rsplit_once(") ").unwrap().1.chars().next().unwrap()
    };
    identity.pause().unwrap();
    let patience = std::time::Instant::now() + Duration::from_secs(10);
    while state() != 'T' {
        assert!(std::time::Instant::now() < patience, "it goes on");
        std::thread::yield_now();
    }
    assert!(identity.is_running());

    identity.resume().unwrap();
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success(), "it went on to the end of its input");
}

#[test]
fn another_process_with_the_same_id_is_not_signalled() {
    let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut identity = ProcessIdentity::of(i32::try_from(child.id()).unwrap()).unwrap();
    identity.started += 1;
    identity.kill9().unwrap();
    assert_eq!(child.try_wait().unwrap(), None);
    assert!(!identity.is_running());
    child.kill().unwrap();
    child.wait().unwrap();
}
