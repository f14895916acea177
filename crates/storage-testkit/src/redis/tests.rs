//! Tests for private servers, against real ones.

use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::RedisServer;
use crate::{Fault, FaultProxy, RedisServerSettings, RedisSource};

fn program() -> PathBuf {
    RedisSource::program_of_test_run().unwrap()
}

/// What the server at `address` answers to one inline command; `None` when the connection fails.
async fn ask(address: std::net::SocketAddr, command: &str) -> Option<String> {
    let mut connection = TcpStream::connect(address).await.ok()?;
    connection.write_all(format!("{command}\r\n").as_bytes()).await.ok()?;
    let mut answer = vec![0; 1024];
    let length = connection.read(&mut answer).await.ok().filter(|length| *length > 0)?;
    answer.truncate(length);
    Some(String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test]
async fn a_server_is_killed_and_started_again_on_the_same_port() {
    let mut server = RedisServer::temporary(&program(), RedisServerSettings::default()).await.unwrap();
    let address = server.address();
    assert_eq!(ask(address, "SET a b").await.as_deref(), Some("+OK\r\n"));
    server.kill9().await.unwrap();
    assert_eq!((server.process(), ask(address, "PING").await), (None, None));
    server.restart().await.unwrap();
    assert_eq!(server.address(), address);
    assert_eq!(ask(address, "GET a").await.as_deref(), Some("$-1\r\n"), "nothing is kept on disk");
    server.stop().await.unwrap();
    assert_eq!(server.process(), None);
}

#[tokio::test]
async fn a_paused_server_answers_when_it_is_resumed() {
    let server = RedisServer::temporary(&program(), RedisServerSettings::default()).await.unwrap();
    let process = server.process().unwrap();
    process.pause().unwrap();
    let mut asked = std::pin::pin!(ask(server.address(), "PING"));
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut asked).await.is_err());
    process.resume().unwrap();
    assert_eq!(asked.await.as_deref(), Some("+PONG\r\n"));
}

#[tokio::test]
async fn a_server_is_found_running_left_running_and_stopped() {
    let dir =
        tempfile::Builder::new().permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755)).tempdir();
    let dir = dir.unwrap();
    let root = dir.path().join("redis");
    let settings =
        || RedisServerSettings { password: Some("secret".to_owned()), ..RedisServerSettings::default() };
    let mut first = RedisServer::start(&program(), &root, settings()).await.unwrap();
    first.detach();
    let process = first.process().unwrap();
    drop(first);
    assert!(process.is_running());

    let mut again = RedisServer::start(&program(), &root, settings()).await.unwrap();
    again.detach();
    assert_eq!(again.process(), Some(process));
    assert!(ask(again.address(), "PING").await.unwrap().starts_with("-NOAUTH"));
    assert!(devstack::RedisServer::stop_in(&root).unwrap());
    assert!(!process.is_running() && !devstack::RedisServer::runs_in(&root));
    assert!(!devstack::RedisServer::stop_in(&root).unwrap());
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = Some(taken.local_addr().unwrap().port());
    let settings = RedisServerSettings { port, ..RedisServerSettings::default() };
    let error = RedisServer::temporary(&program(), settings).await.unwrap_err().to_string();
    assert!(error.contains("Address already in use"), "{error}");
}

#[tokio::test]
async fn the_proxy_garbles_answers_and_leaves_requests_alone() {
    let server = RedisServer::temporary(&program(), RedisServerSettings::default()).await.unwrap();
    let proxy = FaultProxy::for_tcp(server.address()).await.unwrap();
    assert_eq!(ask(proxy.address(), "PING").await.as_deref(), Some("+PONG\r\n"));
    proxy.set(Fault::Garble);
    let garbled = ask(proxy.address(), "SET a b").await.unwrap();
    assert!(!garbled.contains("OK"), "{garbled}");
    assert_eq!(ask(server.address(), "GET a").await.as_deref(), Some("$1\r\nb\r\n"));
}
