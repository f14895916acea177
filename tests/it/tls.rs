//! TLS of the API's port: whom its certificate convinces, whose certificates it accepts, and files that change.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::tls::Version;
use reqwest::{Certificate, Client, ClientBuilder, Identity};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use storage_testkit::{
    Authority, CertificatePair, ServiceOptions, ServiceProcess, TestDatabase, environment,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{PATIENCE, eventually, options};

const LIST: &str = "/api/v1/audit/remediation";
const NAMES: [&str; 2] = ["127.0.0.1", "localhost"];

/// A secret as Kubernetes mounts it: files that are links through a directory, which is exchanged as a whole.
struct Mounted {
    directory: TempDir,
    versions: std::cell::Cell<usize>,
}

impl Mounted {
    fn new(files: &[(&str, &str)]) -> Self {
        let mounted = Self { directory: tempfile::tempdir().unwrap(), versions: std::cell::Cell::new(0) };
        for (name, _) in files {
            symlink(Path::new("..data").join(name), mounted.directory.path().join(name)).unwrap();
        }
        mounted.exchange(files);
        mounted
    }

    fn exchange(&self, files: &[(&str, &str)]) {
        let root = self.directory.path();
        self.versions.set(self.versions.get() + 1);
        let version = format!("..{}", self.versions.get());
        std::fs::create_dir(root.join(&version)).unwrap();
        for (name, text) in files {
            std::fs::write(root.join(&version).join(name), text).unwrap();
        }
        symlink(&version, root.join("..next")).unwrap();
        std::fs::rename(root.join("..next"), root.join("..data")).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }
}

fn pair(pair: &CertificatePair) -> [(&str, &str); 2] {
    [("tls.crt", &pair.certificate), ("tls.key", &pair.key)]
}

fn with_tls(files: &Mounted) -> ServiceOptions {
    options()
        .set("DATASTORAGE__TLS__CERTIFICATE_FILE", files.path("tls.crt"))
        .set("DATASTORAGE__TLS__KEY_FILE", files.path("tls.key"))
}

/// Who trusts this authority and no other.
fn trusting(authority: &Authority) -> ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let root = Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    Client::builder().timeout(PATIENCE).tls_certs_only([root])
}

/// Who comes anew with each request, as the holder of this certificate.
fn known_as(authority: &Authority, own: &CertificatePair) -> Client {
    let own = Identity::from_pem(format!("{}{}", own.key, own.certificate).as_bytes()).unwrap();
    trusting(authority).identity(own).pool_max_idle_per_host(0).build().unwrap()
}

async fn start(database: &TestDatabase, options: ServiceOptions) -> ServiceProcess {
    ServiceProcess::start(&database.server_url().unwrap(), options).await.unwrap()
}

/// The status, or all that the client knows of why there is none.
async fn ask(client: &Client, url: &str) -> Result<u16, String> {
    match client.get(url).send().await {
        Ok(answer) => Ok(answer.status().as_u16()),
        Err(error) => Err(format!("{error:?}")),
    }
}

#[track_caller]
fn assert_refused(outcome: Result<u16, String>, because: &str) {
    let error = outcome.unwrap_err();
    assert!(error.contains(because), "{because}: {error}");
}

/// Sends the bytes over TLS and reads until the service ends the connection.
fn exchange(authority: &Authority, address: &str, bytes: &[u8]) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let session =
        ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    let stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut stream = StreamOwned::new(session, stream);
    stream.write_all(bytes).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// F65: over TLS too, a head that cannot be read is answered with a problem and a correlation id.
#[tokio::test]
async fn a_head_that_cannot_be_read_is_answered_over_tls_too() {
    let database = TestDatabase::create().await.unwrap();
    let authority = Authority::new().unwrap();
    let files = Mounted::new(&pair(&authority.server(&NAMES).unwrap()));
    let service = start(&database, with_tls(&files)).await;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let address = service.url().strip_prefix("https://").unwrap().to_owned();
    let answer = tokio::task::spawn_blocking(move || {
        exchange(&authority, &address, b"GET /?q=\"oom\" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    });
    let answer = answer.await.unwrap().to_lowercase();
    for part in
        ["http/1.1 400", "application/problem+json", "x-correlation-id: ", "/problems/bad-request", "%22"]
    {
        assert!(answer.contains(part), "{part}: {answer}");
    }
}

/// BR-STORAGE-020: who trusts the authority is served, with TLS 1.2 and 1.3; others do not speak to the service; and
/// what is not TLS is answered nothing.
#[tokio::test]
async fn the_api_speaks_tls_with_those_who_trust_its_certificate() {
    let database = TestDatabase::create().await.unwrap();
    let (authority, stranger) = (Authority::new().unwrap(), Authority::new().unwrap());
    let files = Mounted::new(&pair(&authority.server(&NAMES).unwrap()));
    let service = start(&database, with_tls(&files)).await;
    let url = format!("{}{LIST}", service.url());
    for version in [Version::TLS_1_2, Version::TLS_1_3] {
        let client = trusting(&authority).tls_version_min(version).tls_version_max(version).build().unwrap();
        assert_eq!(ask(&client, &url).await, Ok(200), "{version:?}");
    }
    let client = trusting(&authority).build().unwrap();
    assert_eq!(ask(&client, &url.replace("127.0.0.1", "localhost")).await, Ok(200));
    assert_refused(ask(&trusting(&stranger).build().unwrap(), &url).await, "UnknownIssuer");
    assert!(ask(&client, &url.replace("https", "http")).await.is_err());
    let elsewhere = client.get(&url).header("Host", "evil.example").send().await.unwrap();
    assert_eq!(elsewhere.status(), 421, "without authentication no other name is served, TLS or not");
    assert!(service.logs().contains("\"api\":\"https://127.0.0.1:"), "{}", service.logs());
}

/// A certificate of the right authority for another name convinces no client.
#[tokio::test]
async fn a_certificate_for_another_name_convinces_nobody() {
    let database = TestDatabase::create().await.unwrap();
    let authority = Authority::new().unwrap();
    let files = Mounted::new(&pair(&authority.server(&["audit.example"]).unwrap()));
    let service = start(&database, with_tls(&files)).await;
    let client = trusting(&authority).build().unwrap();
    assert_refused(ask(&client, &format!("{}{LIST}", service.url())).await, "NotValidForName");
}

/// A client that knows no more than TLS 1.1 gets the alert that says so; one that says the same of TLS 1.2 is greeted.
#[tokio::test]
async fn tls_1_1_is_not_spoken() {
    let database = TestDatabase::create().await.unwrap();
    let authority = Authority::new().unwrap();
    let files = Mounted::new(&pair(&authority.server(&NAMES).unwrap()));
    let service = start(&database, with_tls(&files)).await;
    let greet = async |version| {
        let mut stream = TcpStream::connect(service.url().trim_start_matches("https://")).await.unwrap();
        stream.write_all(&client_hello(version)).await.unwrap();
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).await.unwrap();
        answer
    };
    // RFC 5246, 6.2.1 and 7.2: an alert, fatal, protocol_version; and a message of a handshake.
    assert_eq!(greet([3, 2]).await, [21, 3, 3, 0, 2, 2, 70]);
    assert_eq!(greet([3, 3]).await[..3], [22, 3, 3]);
}

/// The first message of a client whose highest version this is (RFC 5246, 7.4.1.2).
fn client_hello(version: [u8; 2]) -> Vec<u8> {
    let mut body = version.to_vec();
    body.extend([7; 32]);
    // No session; TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256; no compression.
    body.extend([0, 0, 2, 0xc0, 0x2b, 1, 0]);
    // secp256r1; points without compression; ecdsa_secp256r1_sha256.
    body.extend([0, 22, 0, 10, 0, 4, 0, 2, 0, 23, 0, 11, 0, 2, 1, 0, 0, 13, 0, 4, 0, 2, 4, 3]);
    let length = |length: usize| u16::try_from(length).unwrap().to_be_bytes();
    let mut message = vec![1, 0];
    message.extend(length(body.len()));
    message.extend(body);
    let mut record = vec![22, 3, 1];
    record.extend(length(message.len()));
    record.extend(message);
    record
}

/// BR-STORAGE-020: with an authority of clients, only who has a certificate of it comes as far as a request. The others
/// learn why, and so does the log.
#[tokio::test]
async fn mutual_tls_serves_holders_of_a_certificate_alone() {
    let database = TestDatabase::create().await.unwrap();
    let (authority, callers, stranger) =
        (Authority::new().unwrap(), Authority::new().unwrap(), Authority::new().unwrap());
    let own = authority.server(&NAMES).unwrap();
    let files = Mounted::new(&[&pair(&own)[..], &[("ca.crt", &callers.pem())]].concat());
    let options = with_tls(&files).set("DATASTORAGE__TLS__CLIENT_CA_FILE", files.path("ca.crt"));
    let service = start(&database, options).await;
    let url = format!("{}{LIST}", service.url());
    let ours = known_as(&authority, &callers.client("controller").unwrap());
    let foreign = known_as(&authority, &stranger.client("controller").unwrap());
    let of_a_server = known_as(&authority, &callers.server(&["controller"]).unwrap());
    assert_eq!(ask(&ours, &url).await, Ok(200));
    assert_refused(ask(&trusting(&authority).build().unwrap(), &url).await, "CertificateRequired");
    for _ in 0..5 {
        assert_refused(ask(&foreign, &url).await, "UnknownCA");
    }
    assert!(ask(&of_a_server, &url).await.is_err(), "a server's certificate is none of a client");
    let log = service.logs();
    assert_eq!(log.matches("the certificate of a client was refused").count(), 1, "{log}");
    assert!(log.contains("UnknownIssuer"), "{log}");

    // A client that was accepted before is asked again: nothing is resumed.
    files.exchange(&[&pair(&own)[..], &[("ca.crt", &stranger.pem())]].concat());
    eventually("the other authority counts", async || ask(&foreign, &url).await == Ok(200)).await;
    assert_refused(ask(&ours, &url).await, "UnknownCA");
}

/// A new certificate is shown to the connections that follow, and those that there are go on; files that cannot be used
/// change nothing.
#[tokio::test]
async fn certificates_are_followed_and_broken_ones_are_not() {
    let database = TestDatabase::create().await.unwrap();
    let (first, second) = (Authority::new().unwrap(), Authority::new().unwrap());
    let files = Mounted::new(&pair(&first.server(&NAMES).unwrap()));
    let service = start(&database, with_tls(&files)).await;
    let url = format!("{}{LIST}", service.url());
    // Its connection is kept; another one it could not make once the certificate is another authority's.
    let kept = trusting(&first).pool_max_idle_per_host(1).build().unwrap();
    assert_eq!(ask(&kept, &url).await, Ok(200));
    let anew = |authority: &Authority| trusting(authority).pool_max_idle_per_host(0).build().unwrap();
    let (old, new) = (anew(&first), anew(&second));
    assert_refused(ask(&new, &url).await, "UnknownIssuer");

    let next = second.server(&NAMES).unwrap();
    files.exchange(&pair(&next));
    eventually("the new certificate is shown", async || ask(&new, &url).await == Ok(200)).await;
    assert_refused(ask(&old, &url).await, "UnknownIssuer");
    assert_eq!(ask(&kept, &url).await, Ok(200));

    let told = |sentence: &str| service.logs().matches(sentence).count();
    let refused = "the new certificates cannot be used; the old ones stay in use";
    let other = first.server(&NAMES).unwrap();
    let broken: [[(&str, &str); 2]; 3] = [
        [("tls.crt", "no certificate"), ("tls.key", &next.key)],
        [("tls.crt", &next.certificate), ("tls.key", "")],
        [("tls.crt", &next.certificate), ("tls.key", &other.key)],
    ];
    for (count, files_of_now) in (1..).zip(&broken) {
        files.exchange(files_of_now);
        eventually("the fault is told", async || told(refused) == count).await;
        assert_eq!(ask(&new, &url).await, Ok(200));
    }
    files.exchange(&pair(&other));
    eventually("the next good pair counts", async || ask(&old, &url).await == Ok(200)).await;
    assert_eq!((told(refused), told("the certificates were read again")), (3, 2), "{}", service.logs());
    assert!(told("does not match the certificate in") == 1, "{}", service.logs());
    assert_eq!(ask(&kept, &url).await, Ok(200));
}

/// The end of the certificate is measured, and measured again when another certificate takes its place.
#[tokio::test]
async fn the_end_of_the_certificate_is_measured() {
    let database = TestDatabase::create().await.unwrap();
    let authority = Authority::new().unwrap();
    let files = Mounted::new(&pair(&authority.server(&NAMES).unwrap()));
    let service = start(&database, with_tls(&files)).await;
    let (asking, url) = (crate::support::client(), format!("{}/metrics", service.admin_url()));
    let measured = async || {
        let text = asking.get(&url).send().await.unwrap().text().await.unwrap();
        let value = text
            .lines()
            .find_map(|it| it.strip_prefix("datastorage_tls_certificate_expiry_timestamp_seconds "));
        value.map(|it| it.parse::<u64>().unwrap())
    };
    let seconds = |text: &str| u64::try_from(text.parse::<DateTime<Utc>>().unwrap().timestamp()).unwrap();
    let later = seconds("2100-01-01T00:00:00Z");
    eventually("its end is measured", async || measured().await.is_some_and(|ends| ends > later)).await;
    files.exchange(&pair(&authority.expired_server(&NAMES).unwrap()));
    let ended = seconds("2001-12-31T00:00:00Z");
    eventually("the end of the new one is measured", async || measured().await == Some(ended)).await;
}

/// Clients that connect and stay silent are sent away in time, and keep no other client out meanwhile.
#[tokio::test]
async fn silent_clients_keep_nobody_out() {
    let database = TestDatabase::create().await.unwrap();
    let authority = Authority::new().unwrap();
    let files = Mounted::new(&pair(&authority.server(&NAMES).unwrap()));
    let silent = async |service: &ServiceProcess, count: usize| {
        let mut streams = Vec::new();
        for _ in 0..count {
            streams.push(TcpStream::connect(service.url().trim_start_matches("https://")).await.unwrap());
        }
        streams
    };
    let options = with_tls(&files).set("DATASTORAGE__SERVER__WORKERS", "1");
    let patient = start(&database, options.clone().set("DATASTORAGE__TLS__HANDSHAKE_TIMEOUT", "5m")).await;
    let held = silent(&patient, 400).await;
    let client = trusting(&authority).build().unwrap();
    assert_eq!(ask(&client, &format!("{}{LIST}", patient.url())).await, Ok(200));
    drop(held);

    let hasty = start(&database, options.set("DATASTORAGE__TLS__HANDSHAKE_TIMEOUT", "100ms")).await;
    let mut stream = silent(&hasty, 1).await.remove(0);
    let mut nothing = [0; 1];
    let end = tokio::time::timeout(PATIENCE, stream.read(&mut nothing)).await.unwrap();
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
}

/// F23: all that is wrong with the files is told at once and ends the start.
#[tokio::test]
async fn files_that_cannot_be_used_end_the_start() {
    let authority = Authority::new().unwrap();
    let (one, other) = (authority.server(&NAMES).unwrap(), authority.server(&NAMES).unwrap());
    let good = Mounted::new(&pair(&one));
    let mixed = Mounted::new(&[("tls.crt", &one.certificate), ("tls.key", &other.key)]);
    let with = |certificate: String, key: String, client_ca: String| {
        options()
            .set("DATASTORAGE__TLS__CERTIFICATE_FILE", certificate)
            .set("DATASTORAGE__TLS__KEY_FILE", key)
            .set("DATASTORAGE__TLS__CLIENT_CA_FILE", client_ca)
    };
    let none = String::new;
    let cases: [(ServiceOptions, &[&str]); 5] = [
        (with(good.path("tls.crt"), none(), none()), &["tls.key_file must name the private key"]),
        (
            with(none(), none(), good.path("tls.crt")),
            &["tls.client_ca_file is of use with tls.certificate_file"],
        ),
        (
            with("/nowhere/crt".into(), "/nowhere/key".into(), "/nowhere/ca".into()),
            &["/nowhere/crt", "/nowhere/key", "/nowhere/ca"],
        ),
        (
            with(good.path("tls.key"), good.path("tls.crt"), good.path("tls.key")),
            &[
                "tls.certificate_file holds no certificate",
                "tls.key_file holds no private key",
                "tls.client_ca_file holds no certificate",
            ],
        ),
        (with(mixed.path("tls.crt"), mixed.path("tls.key"), none()), &["does not match the certificate"]),
    ];
    for (options, sentences) in cases {
        let mut service = ServiceProcess::spawn("postgres://nobody@127.0.0.1:1/none", options).unwrap();
        let status = service.wait_exit(Duration::from_secs(45)).await.unwrap();
        let log = service.logs();
        assert_eq!(status.code(), Some(78), "{log}");
        for sentence in sentences {
            assert!(log.contains(sentence), "{sentence}: {log}");
        }
        assert!(!log.contains("PRIVATE KEY") && !log.contains(one.key.lines().nth(1).unwrap()), "{log}");
    }
}

/// Mutual TLS is no mode of authentication: without one, an address that others can reach is refused as ever.
#[tokio::test]
async fn mutual_tls_opens_no_address() {
    let authority = Authority::new().unwrap();
    let own = authority.server(&NAMES).unwrap();
    let files = Mounted::new(&[&pair(&own)[..], &[("ca.crt", &authority.pem())]].concat());
    let output = tokio::process::Command::new(environment::required(environment::SERVICE_BIN).unwrap())
        .args(["serve", "--database-url", "postgres://nobody@127.0.0.1:1/none", "--addr", "0.0.0.0:0"])
        .env("DATASTORAGE__EMBEDDING__PROVIDER", "hashing")
        .env("DATASTORAGE__TLS__CERTIFICATE_FILE", files.path("tls.crt"))
        .env("DATASTORAGE__TLS__KEY_FILE", files.path("tls.key"))
        .env("DATASTORAGE__TLS__CLIENT_CA_FILE", files.path("ca.crt"))
        .output()
        .await
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{log}");
    assert!(log.contains("1 setting is wrong") && log.contains("0.0.0.0"), "{log}");
}
