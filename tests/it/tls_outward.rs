//! TLS of the service's own connections: it works through all that it does with the database and with Qdrant, and a
//! certificate that does not convince ends the start, or leaves the dependency away.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use storage_testkit::{Authority, QdrantServer, ServiceOptions, ServiceProcess, TestDatabase, TlsFront};
use tempfile::TempDir;

use crate::support::{Service, client, eventually, options, remediation};

const HERE: &str = "127.0.0.1";

/// A file with this text.
fn file(text: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.crt");
    std::fs::write(&path, text).unwrap();
    (directory, path)
}

fn trusting(section: &str, path: &Path) -> ServiceOptions {
    options().set(&format!("DATASTORAGE__{section}__CA_FILE"), path.to_str().unwrap())
}

/// Every connection of the service goes over TLS, the migrations of the owner's among them: the server here takes no
/// other.
#[tokio::test]
async fn the_service_works_over_tls_to_its_database_and_to_qdrant() {
    let database = TestDatabase::empty().await.unwrap();
    let authority = Authority::new().unwrap();
    let certificate = authority.server(&[HERE]).unwrap();
    let postgres = TlsFront::postgres(&database.url(), &certificate).await.unwrap();
    let server = QdrantServer::start().unwrap();
    let qdrant = TlsFront::http2(server.address(), &certificate).await.unwrap();
    let (_directory, ca) = file(&authority.pem());
    let options = trusting("QDRANT", &ca)
        .set("DATASTORAGE__DATABASE__CA_FILE", ca.to_str().unwrap())
        .set("DATASTORAGE__QDRANT__URL", format!("https://{}", qdrant.address()))
        .set("DATASTORAGE__SCHEMA__BOOTSTRAP", "true");
    let process = ServiceProcess::start(&postgres.url(&database.url()), options).await.unwrap();
    let service = Service { process, client: client(), database };

    let written = service.remediation("checkout-api").await;
    service.embedded().await;
    let listed = service.get("/api/v1/audit/remediation?limit=1").await.expect(200).json();
    assert_eq!(
        (listed["data"][0]["id"].as_i64(), &listed["pagination"]["total"]),
        (Some(written), &json!(1)),
        "{listed}"
    );
    let found = service.get("/api/v1/audit/search?q=restart+pod&mode=semantic").await.expect(200).json();
    assert_eq!((&found["engine"], &found["degraded"]), (&json!("qdrant"), &json!(false)), "{found}");
    assert_eq!(found["data"][0]["record"]["id"].as_i64(), Some(written), "{found}");
    let batch = service.post("remediation/batch", &json!([remediation("a"), remediation("b")])).await;
    batch.expect(201);
    assert!(!service.process.logs().contains("readable on their way"), "{}", service.process.logs());
}

/// Without TLS to another host than this one, the log says what that means. `127.1` is this one by a name that says
/// nothing of it.
#[tokio::test]
async fn the_log_says_when_records_cross_a_network_readable() {
    let database = TestDatabase::create().await.unwrap();
    let url = database.server_url().unwrap();
    let warns = async |url: &str| {
        let service = ServiceProcess::start(url, options()).await.unwrap();
        service.logs().contains("readable on their way to PostgreSQL")
    };
    assert!(!warns(&url).await);
    assert!(warns(&url.replace("@127.0.0.1:", "@127.1:")).await);
}

/// The service tries for as long as it was told to, says what is wrong with the certificate, and stores nothing.
#[tokio::test]
async fn a_database_with_another_certificate_ends_the_start() {
    let database = TestDatabase::create().await.unwrap();
    let (authority, stranger) = (Authority::new().unwrap(), Authority::new().unwrap());
    let (_directory, ca) = file(&authority.pem());
    for (certificate, because) in [
        (stranger.server(&[HERE]).unwrap(), "UnknownIssuer"),
        (authority.server(&["postgres.example"]).unwrap(), "not valid for name"),
        (authority.expired_server(&[HERE]).unwrap(), "certificate expired"),
    ] {
        let front = TlsFront::postgres(&database.url(), &certificate).await.unwrap();
        let options = trusting("DATABASE", &ca).set("DATASTORAGE__DATABASE__START_TIMEOUT", "1s");
        let mut service =
            ServiceProcess::spawn(&front.url(&database.server_url().unwrap()), options).unwrap();
        let status = service.wait_exit(Duration::from_secs(45)).await.unwrap();
        let log = service.logs();
        assert_eq!(status.code(), Some(69), "{log}");
        assert!(log.contains("PostgreSQL could not be reached") && log.contains(because), "{because}: {log}");
    }
}

/// What the address asks for is what it gets, in libpq's words too.
#[tokio::test]
async fn an_address_that_asks_for_tls_is_not_connected_to_without() {
    let database = TestDatabase::create().await.unwrap();
    let authority = Authority::new().unwrap();
    let front = TlsFront::postgres(&database.url(), &authority.server(&[HERE]).unwrap()).await.unwrap();
    let (_directory, ca) = file(&authority.pem());
    let verifying = |url: &str| format!("{url}?sslmode=verify-full");
    let url = verifying(&front.url(&database.server_url().unwrap()));
    let _running = ServiceProcess::start(&url, trusting("DATABASE", &ca)).await.unwrap();

    // A server without TLS.
    let options = trusting("DATABASE", &ca).set("DATASTORAGE__DATABASE__START_TIMEOUT", "1s");
    let mut service =
        ServiceProcess::spawn(&verifying(&database.server_url().unwrap()), options.clone()).unwrap();
    assert_eq!(service.wait_exit(Duration::from_secs(45)).await.unwrap().code(), Some(69));
    assert!(service.logs().contains("server does not support TLS"), "{}", service.logs());

    let mut service = ServiceProcess::spawn(&url, options.set("DATASTORAGE__DATABASE__TLS", "off")).unwrap();
    assert_eq!(service.wait_exit(Duration::from_secs(45)).await.unwrap().code(), Some(78));
    let log = service.logs();
    assert!(log.contains("database.ca_file is of no use with database.tls = \"off\""), "{log}");
}

/// Records reach a Qdrant whose certificate convinces, and no other: with one that does not, they wait.
#[tokio::test]
async fn a_qdrant_with_another_certificate_is_away() {
    let (authority, stranger) = (Authority::new().unwrap(), Authority::new().unwrap());
    let server = QdrantServer::start().unwrap();
    let front = TlsFront::http2(server.address(), &stranger.server(&[HERE]).unwrap()).await.unwrap();
    let (_directory, ca) = file(&authority.pem());
    let options =
        trusting("QDRANT", &ca).set("DATASTORAGE__QDRANT__URL", format!("https://{}", front.address()));
    let service = Service::with(options).await;
    service.remediation("checkout-api").await;
    eventually("the index is unavailable", async || service.process.logs().contains("UnknownIssuer")).await;
    let waiting = "SELECT count(*) AS n FROM vector_outbox";
    assert_eq!(service.count(waiting).await, 1);
    let found = service.get("/api/v1/audit/search?q=restart+pod").await.expect(200).json();
    assert_eq!(found["degraded"], json!(true), "{found}");
}
