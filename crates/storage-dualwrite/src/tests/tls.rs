//! TLS to PostgreSQL and to Qdrant: which certificates convince, and that nothing is said to a server with another.

use std::error::Error;

use diesel_async::SimpleAsyncConnection as _;
use storage_testkit::{Authority, CertificatePair, FaultProxy, QdrantServer, TestDatabase, TlsFront};

use super::support::{Bench, PATIENCE, connector, session, until};
use crate::index::{IndexError, QdrantIndex, QdrantSettings, QdrantSettingsError, VectorIndex as _};
use crate::tests::index_support::identity;
use crate::{CertificatesError, ConnectError, Connector, DatabaseTls};

const HERE: &str = "127.0.0.1";

fn trusting(roots: &str) -> DatabaseTls {
    DatabaseTls::verify_full(Some(roots.as_bytes())).unwrap()
}

fn over(front: &TlsFront, database: &TestDatabase, tls: DatabaseTls) -> Connector {
    Connector::new(front.url(&database.url()).into(), tls, session()).unwrap()
}

/// Every cause of an error, outermost first.
fn chain(error: &dyn Error) -> String {
    let inner = error.source().map(|source| format!(": {}", chain(source)));
    format!("{error}{}", inner.unwrap_or_default())
}

/// Certificates that must not convince a client that trusts `authority` (in the last case, another one), and why not.
fn bad(authority: &Authority) -> [(CertificatePair, String, &'static str); 3] {
    let stranger = Authority::new().unwrap();
    [
        (authority.server(&["postgres.example"]).unwrap(), authority.pem(), "NotValidForName"),
        (authority.expired_server(&[HERE]).unwrap(), authority.pem(), "Expired"),
        (authority.server(&[HERE]).unwrap(), stranger.pem(), "UnknownIssuer"),
    ]
}

/// A server with a certificate for its name, from an authority that is trusted, is spoken with, and asked to cancel.
#[tokio::test]
async fn postgres_is_spoken_with_over_tls() {
    let bench = Bench::new().await;
    let database = &bench.database;
    let authority = Authority::new().unwrap();
    let front = TlsFront::postgres(&database.url(), &authority.server(&[HERE]).unwrap()).await.unwrap();
    let connector = over(&front, database, trusting(&authority.pem()));
    let mut connection = connector.connect().await.unwrap();
    let token = connection.cancel_token();
    let sleeping = tokio::spawn(async move { connection.batch_execute("SELECT pg_sleep(3600)").await });
    let running = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() \
                   AND query = 'SELECT pg_sleep(3600)' AND state = 'active'";
    until(&bench, running, 1).await;
    connector.tls().cancel(&token).await.unwrap();
    let error = tokio::time::timeout(PATIENCE, sleeping).await.unwrap().unwrap().unwrap_err();
    assert!(error.to_string().contains("canceling statement due to user request"), "{error}");
}

/// With any other certificate there is no connection, and the server behind it never learns that there might have been.
#[tokio::test]
async fn postgres_with_another_certificate_is_not_spoken_with() {
    let database = TestDatabase::create().await.unwrap();
    let authority = Authority::new().unwrap();
    for (certificate, roots, because) in bad(&authority) {
        let front = TlsFront::postgres(&database.url(), &certificate).await.unwrap();
        let error = over(&front, &database, trusting(&roots)).connect().await.err().unwrap();
        assert!(matches!(error, ConnectError::Connect(_)), "{error:?}");
        assert!(format!("{error:?}").contains(because), "{because}: {error:?}");
    }
}

/// A server, or a proxy before it, that says it has no TLS is believed and not spoken with.
#[tokio::test]
async fn tls_is_not_given_up_when_the_server_has_none() {
    let database = TestDatabase::create().await.unwrap();
    let tls = trusting(&Authority::new().unwrap().pem());
    let plain = Connector::new(database.url().into(), tls.clone(), session()).unwrap();
    let error = plain.connect().await.err().unwrap();
    assert!(chain(&error).contains("server does not support TLS"), "{}", chain(&error));
    // The proxy answers the request for TLS as a server without it does.
    let proxy = FaultProxy::for_postgres(&database.url()).await.unwrap();
    let through = Connector::new(proxy.url(&database.url()).into(), tls, session()).unwrap();
    let error = through.connect().await.err().unwrap();
    assert!(chain(&error).contains("server does not support TLS"), "{}", chain(&error));
}

/// An address that asks for TLS is not quietly connected to without.
#[test]
fn an_address_that_asks_for_tls_gets_it_or_is_refused() {
    let address = || "postgres://u@h/d?sslmode=require".into();
    let refused = Connector::new(address(), DatabaseTls::off(), session());
    assert!(matches!(refused, Err(ConnectError::TlsIsOff)), "{refused:?}");
    let tls = trusting(&Authority::new().unwrap().pem());
    assert!(Connector::new(address(), tls, session()).is_ok());
}

/// A connection without TLS says nothing that a server with TLS alone would take.
#[tokio::test]
async fn without_tls_a_server_that_demands_it_is_not_reached() {
    let database = TestDatabase::create().await.unwrap();
    let authority = Authority::new().unwrap();
    let front = TlsFront::postgres(&database.url(), &authority.server(&[HERE]).unwrap()).await.unwrap();
    assert!(connector(&front.url(&database.url())).connect().await.is_err());
}

#[test]
fn certificates_that_are_none_are_refused() {
    let of = |pem: &str| DatabaseTls::verify_full(Some(pem.as_bytes())).unwrap_err();
    assert!(matches!(of(""), CertificatesError::NoCertificate));
    assert!(matches!(of("no certificate"), CertificatesError::NoCertificate));
    let damaged = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    assert!(matches!(of(damaged), CertificatesError::NotPem(_)));
    let empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(of(empty), CertificatesError::Unusable(_)));
}

fn qdrant(front: &TlsFront, roots: Option<&str>) -> Result<QdrantIndex, QdrantSettingsError> {
    QdrantIndex::new(&QdrantSettings {
        root_certificates: roots.map(|pem| pem.as_bytes().to_vec()),
        ..QdrantSettings::new(format!("https://{}", front.address()))
    })
}

/// Qdrant likewise, also by the name that the certificate has.
#[tokio::test]
async fn qdrant_is_spoken_with_over_tls_when_its_certificate_convinces() {
    let server = QdrantServer::start().unwrap();
    let authority = Authority::new().unwrap();
    for (certificate, roots, _) in bad(&authority) {
        let front = TlsFront::http2(server.address(), &certificate).await.unwrap();
        let refused = qdrant(&front, Some(&roots)).unwrap().prepare(&identity(1)).await;
        assert!(matches!(refused, Err(IndexError::Away { .. })), "{refused:?}");
    }
    let front = TlsFront::http2(server.address(), &authority.server(&[HERE]).unwrap()).await.unwrap();
    assert!(
        qdrant(&front, None).unwrap().prepare(&identity(1)).await.is_err(),
        "this machine does not know that authority"
    );
    qdrant(&front, Some(&authority.pem())).unwrap().prepare(&identity(1)).await.unwrap();
}

#[test]
fn certificates_for_a_qdrant_that_cannot_be_used_are_refused() {
    let with = |url: &str, pem: &str| {
        let settings =
            QdrantSettings { root_certificates: Some(pem.as_bytes().to_vec()), ..QdrantSettings::new(url) };
        settings.check().unwrap_err()
    };
    let authority = Authority::new().unwrap().pem();
    assert!(matches!(with("http://h:6334", &authority), QdrantSettingsError::NeedlessCertificates));
    assert!(matches!(with("https://h:6334", "none"), QdrantSettingsError::Certificates(_)));
}
