//! Tests for driving a service process, with scripts in the service's place.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::{ServiceOptions, ServiceProcess};

/// How often a start is tried.
const PORT_ATTEMPTS: usize = 3;
const BOUND: Duration = Duration::from_secs(10);

/// A service that is the shell script `body`.
fn script(body: &str) -> (TempDir, ServiceOptions) {
    let dir = TempDir::new().unwrap();
    let (text, path) = (dir.path().join("text"), dir.path().join("service.sh"));
    std::fs::write(&text, format!("#!/bin/sh\n{body}\n")).unwrap();
    // Made executable by another program: a file that this one had open for writing may still be open in a child
    // that another test is just starting, and could not be run then.
    let mut install = Command::new("install");
    assert!(install.args(["-m", "755"]).args([&text, &path]).status().unwrap().success());
    (dir, ServiceOptions { bin: Some(path), ..ServiceOptions::default() })
}

#[tokio::test]
async fn a_service_that_ends_before_it_is_ready_is_reported_with_its_log() {
    let (_dir, options) = script("echo \"$0 $* $DATASTORAGE__A__B\" >&2; exit 78");
    let options = options.set("DATASTORAGE__A__B", "value").argument("--flag");
    let error = ServiceProcess::start("postgres://nowhere/x", options).await.unwrap_err().to_string();
    for part in
        ["exit status: 78", "serve --database-url postgres://nowhere/x --addr 127.0.0.1:", "--flag value"]
    {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[tokio::test]
async fn a_port_that_was_taken_meanwhile_is_chosen_anew() {
    let (dir, options) =
        script("echo try >> \"$(dirname \"$0\")/tries\"; echo 'Address already in use'; exit 1");
    ServiceProcess::start("postgres://nowhere/x", options.clone()).await.unwrap_err();
    let tries = || std::fs::read_to_string(dir.path().join("tries")).unwrap().lines().count();
    assert_eq!(tries(), PORT_ATTEMPTS);
    let fixed = ServiceOptions { port: Some(1), admin_port: Some(2), ..options };
    ServiceProcess::start("postgres://nowhere/x", fixed).await.unwrap_err();
    assert_eq!(tries(), PORT_ATTEMPTS + 1);
}

#[tokio::test]
async fn a_service_is_asked_to_stop_killed_and_never_left_behind() {
    let (dir, options) = script("exec tail -f /dev/null");
    let spawn = || ServiceProcess::spawn("postgres://nowhere/x", options.clone()).unwrap();

    let mut service = spawn();
    let late = service.wait_exit(Duration::ZERO).await.unwrap_err();
    assert!(late.to_string().contains("still runs"), "{late}");
    service.terminate().unwrap();
    assert_eq!(service.wait_exit(BOUND).await.unwrap().signal(), Some(15));
    service.terminate().unwrap();

    let mut service = spawn();
    service.kill9().await.unwrap();
    assert_eq!(service.wait_exit(BOUND).await.unwrap().signal(), Some(9));

    let service = spawn();
    let process = service.process().unwrap();
    drop(service);
    assert!(!process.is_running());

    let mut service = spawn();
    let process = service.process().unwrap();
    service.detach();
    drop(service);
    assert!(process.is_running());
    process.kill9().unwrap();
    process.wait_gone(BOUND).unwrap();
    drop(dir);
}

/// Whatever a test is about, it fails when the service's log holds a secret.
#[tokio::test]
async fn a_service_that_logs_a_secret_fails_its_test() {
    let (_dir, options) =
        script("echo \"connecting to $3 with $DATASTORAGE__QDRANT__API_KEY\" >&2; exec tail -f /dev/null");
    let plain = "postgres://nowhere/x";
    for (url, key, more, is_told) in [
        ("postgres://u:geheimnis@nowhere/x", None, None, true),
        (plain, Some("of-qdrant"), None, true),
        (plain, None, Some("connecting to"), true),
        (plain, None, Some("no such words"), false),
        (plain, None, None, false),
    ] {
        let environment = key.map(|key: &str| ("DATASTORAGE__QDRANT__API_KEY".to_owned(), key.to_owned()));
        let options = ServiceOptions { environment: environment.into_iter().collect(), ..options.clone() };
        let mut service = ServiceProcess::spawn(url, options).unwrap();
        more.into_iter().for_each(|secret| service.must_not_log(secret));
        while !service.logs().contains("connecting") {
            tokio::task::yield_now().await;
        }
        let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(service)));
        assert_eq!(dropped.is_err(), is_told, "{url} {key:?} {more:?}");
    }
}
