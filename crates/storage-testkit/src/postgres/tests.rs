//! Tests for clusters, against real ones.

use std::net::{Ipv4Addr, TcpListener};

use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use super::Cluster;
use crate::{ClusterSettings, DevstackError, Installation, TestDatabase, TestkitError};

fn programs() -> Installation {
    Installation::from_test_run().unwrap()
}

#[tokio::test]
async fn what_was_committed_survives_a_kill_and_a_stop_on_the_same_port() {
    let mut cluster = Cluster::temporary(&programs(), ClusterSettings::for_tests()).await.unwrap();
    let port = cluster.port();
    let database = TestDatabase::create_on(&cluster.url("postgres"), None).await.unwrap();
    let mut connection = database.connect().await.unwrap();
    connection.batch_execute("CREATE TABLE kept AS SELECT 1 AS one").await.unwrap();

    cluster.kill9().await.unwrap();
    assert_eq!(cluster.process(), None);
    assert!(diesel::sql_query("SELECT 1").execute(&mut connection).await.is_err());
    cluster.restart().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    let rows = diesel::sql_query("SELECT FROM kept").execute(&mut connection).await.unwrap();
    assert_eq!((rows, cluster.port()), (1, port));

    cluster.stop().await.unwrap();
    cluster.stop().await.unwrap();
    cluster.restart().await.unwrap();
    drop(connection);
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_cluster_is_found_running_left_running_and_removed() {
    let dir =
        tempfile::Builder::new().permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755)).tempdir();
    let dir = dir.unwrap();
    let root = dir.path().join("cluster");
    let settings = || ClusterSettings::for_development("secret".to_owned());
    let mut first = Cluster::start(&programs(), &root, settings()).await.unwrap();
    first.detach();
    let server = first.process().unwrap();
    drop(first);
    assert!(server.is_running());

    let again = Cluster::start(&programs(), &root, settings()).await.unwrap();
    assert_eq!(again.process(), Some(server));
    let wrong = again.url("postgres").replace("secret", "guess");
    assert!(TestDatabase::create_on(&wrong, None).await.is_err(), "the password is checked");
    TestDatabase::create_on(&again.url("postgres"), None).await.unwrap().close().await.unwrap();

    again.destroy().await.unwrap();
    assert!(!server.is_running());
    assert!(!root.exists());
    devstack::Cluster::remove(&root).unwrap();
}

#[tokio::test]
async fn a_paused_cluster_answers_nothing_until_it_goes_on() {
    let cluster = Cluster::temporary(&programs(), ClusterSettings::for_tests()).await.unwrap();
    cluster.pause().unwrap();
    let url = cluster.url("postgres");
    let mut database = Box::pin(TestDatabase::create_on(&url, None));
    let early = tokio::time::timeout(std::time::Duration::from_millis(200), &mut database).await;
    assert!(early.is_err(), "it answered while it was paused");

    cluster.resume().unwrap();
    database.await.unwrap().close().await.unwrap();
    cluster.pause().unwrap();
    let server = cluster.process().unwrap();
    drop(cluster);
    assert!(!server.is_running(), "a paused server can be ended");
}

#[tokio::test]
async fn dropping_a_cluster_ends_its_server() {
    let cluster = Cluster::temporary(&programs(), ClusterSettings::for_tests()).await.unwrap();
    let server = cluster.process().unwrap();
    let root = std::fs::read_link(format!("/proc/{}/cwd", server.pid)).unwrap();
    drop(cluster);
    assert!(!server.is_running());
    assert!(!root.exists());
    assert!(!devstack::Cluster::runs_in(&root));
}

#[tokio::test]
async fn a_start_that_fails_says_why() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut settings = ClusterSettings::for_tests();
    settings.port = Some(taken.local_addr().unwrap().port());
    let error = Cluster::temporary(&programs(), settings).await.unwrap_err();
    assert!(matches!(error, TestkitError::Devstack(DevstackError::ClusterStart { .. })), "{error}");
    assert!(error.to_string().contains("Address already in use"), "{error}");

    let missing = Installation::in_directory("/nonexistent");
    let error = Cluster::temporary(&missing, ClusterSettings::for_tests()).await.unwrap_err();
    assert!(error.to_string().contains("cannot run `/nonexistent/initdb`"), "{error}");
}
