//! `datastorage reconcile`, as an operator runs it beside a service.

use std::process::{Command, Output};

use diesel_async::SimpleAsyncConnection as _;
use qdrant_client::qdrant::{DeletePointsBuilder, PointsIdsList};
use serde_json::Value;
use storage_testkit::{QdrantFault, QdrantOperation, QdrantServer, ServiceProcess, TestQdrant, environment};

use crate::support::{Service, eventually, on_qdrant, options, points, remediation};

/// A service on a Qdrant collection of its own.
async fn service(qdrant: &TestQdrant) -> Service {
    Service::with(on_qdrant(options(), qdrant.url(), qdrant.collection())).await
}

/// Runs the command against a service's database.
fn reconcile(service: &Service, qdrant: Option<&TestQdrant>, arguments: &[&str]) -> Output {
    reconcile_at(service, qdrant.map(|qdrant| (qdrant.url(), qdrant.collection())), arguments)
}

/// The same with an index by its URL and collection.
fn reconcile_at(service: &Service, index: Option<(&str, &str)>, arguments: &[&str]) -> Output {
    let mut command = Command::new(std::env::var(environment::SERVICE_BIN).unwrap());
    command
        .args(["reconcile", "--gap", "0s", "--database-url", &service.database.server_url().unwrap()])
        .args(arguments);
    if let Some((url, collection)) = index {
        command.env("DATASTORAGE__QDRANT__URL", url);
        command.env("DATASTORAGE__QDRANT__COLLECTION", collection);
    }
    command.output().unwrap()
}

fn report(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// F08, BR-STORAGE-006: lost points are told, and mended while the service runs, without a restart.
#[tokio::test]
async fn lost_points_come_back() {
    let qdrant = TestQdrant::create().unwrap();
    let service = service(&qdrant).await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(u64::try_from(service.remediation(&format!("n{n}")).await).unwrap());
    }
    service.embedded().await;
    let lost = PointsIdsList { ids: ids[..2].iter().map(|id| (*id).into()).collect() };
    let delete = DeletePointsBuilder::new(qdrant.collection()).points(lost).wait(true);
    qdrant.client().unwrap().delete_points(delete).await.unwrap();

    let told = report(&reconcile(&service, Some(&qdrant), &["--dry-run", "--json"]));
    assert_eq!((&told["drift"]["missing"], &told["enqueued"]), (&2.into(), &0.into()));
    assert_eq!(points(qdrant.url(), qdrant.collection()).await, 3);
    let mended = report(&reconcile(&service, Some(&qdrant), &["--json"]));
    assert_eq!(mended["enqueued"], 2);
    eventually("the points are back", async || points(qdrant.url(), qdrant.collection()).await == 5).await;
    qdrant.close().await.unwrap();
}

/// F05, F06: a service that dies between its point and COMMIT leaves a point without a record, which repair removes.
#[tokio::test(flavor = "multi_thread")]
async fn the_point_of_a_killed_strict_write_is_removed() {
    let server = QdrantServer::start().unwrap();
    let (url, collection) = (server.url(), "audit");
    let on_index = || on_qdrant(options(), &url, collection);
    let mut service = Service::with(on_index()).await;
    service.remediation("before").await;
    service.embedded().await;
    let points = async || points(&url, collection).await;
    assert_eq!(points().await, 1);

    server.next(QdrantOperation::Upsert, 1, QdrantFault::ApplyThenHang);
    let strict = format!("{}/api/v1/audit/remediation?consistency=strict", service.process.url());
    let write = service.client.post(strict).json(&remediation("killed")).send();
    let kill = async {
        eventually("the point is there", async || points().await == 2).await;
        service.process.process().unwrap().kill9().unwrap();
    };
    let (answer, ()) = tokio::join!(write, kill);
    assert!(answer.is_err());
    let started = ServiceProcess::start(&service.database.server_url().unwrap(), on_index()).await.unwrap();
    service.process = started;
    let left = report(&reconcile_at(&service, Some((&url, collection)), &["--json"]));
    assert_eq!((&left["drift"]["phantom"], points().await), (&1.into(), 1));
    assert_eq!(service.count("SELECT count(*) AS n FROM remediation_audit").await, 1);
    service.remediation("after").await;
    service.embedded().await;
    assert_eq!(points().await, 2);
}

/// A collection that has nothing, because it is new or was lost, is filled from PostgreSQL alone.
#[tokio::test]
async fn an_empty_collection_is_filled_from_postgresql() {
    let qdrant = TestQdrant::create().unwrap();
    let service = Service::start().await;
    for n in 0..5 {
        service.remediation(&format!("n{n}")).await;
    }
    service.embedded().await;
    let rebuilt = report(&reconcile(&service, Some(&qdrant), &["--rebuild", "--json"]));
    assert_eq!((&rebuilt["records"], &rebuilt["points"]), (&5.into(), &5.into()));
    assert_eq!(points(qdrant.url(), qdrant.collection()).await, 5);
    let output = reconcile(&service, Some(&qdrant), &["--dry-run"]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.lines().any(|line| line.split_whitespace().eq(["missing", "0"])), "{table}");
    qdrant.close().await.unwrap();
}

/// Each way to fail has its sentence and its exit code.
#[tokio::test]
async fn each_failure_has_its_exit_code() {
    let ours = TestQdrant::create().unwrap();
    let service = service(&ours).await;
    let other = Service::start().await;
    // Databases of tests are copies of one, and so one installation until told otherwise.
    let mut connection = other.database.connect().await.unwrap();
    connection.batch_execute("UPDATE installation SET id = gen_random_uuid()").await.unwrap();
    for (output, code, words) in [
        (reconcile(&service, None, &["--rebuild"]), 78, "qdrant.url"),
        (reconcile(&other, Some(&ours), &[]), 78, "belongs to the installation"),
        (reconcile(&service, None, &["--dry-run", "--rebuild"]), 2, "cannot be used with"),
    ] {
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), told.contains(words)), (Some(code), true), "{told}");
    }
    ours.close().await.unwrap();
}
