//! TLS to PostgreSQL, and the trusted certificates for TLS to others.
//!
//! TLS is either off or complete. An unchecked certificate does not protect from an attacker in between, and neither
//! does TLS that is dropped when the server seems not to support it.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::{CancelToken, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How connections to PostgreSQL are protected on their way. Cheap to clone.
#[derive(Clone)]
pub struct DatabaseTls(pub(crate) Option<MakeRustlsConnect>);

/// The certificates that the server's must come from cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CertificatesError {
    /// They are not in the form they must have.
    #[error("the certificates are not PEM")]
    NotPem(#[source] pem::Error),
    /// There is none.
    #[error("the text holds no certificate; expected one or more in PEM")]
    NoCertificate,
    /// One of the certificates cannot be used.
    #[error("the certificates cannot be used")]
    Unusable(#[source] rustls::Error),
    /// This machine trusts no authority.
    #[error("this machine has no trusted certificates; name a file that holds the authority's certificate")]
    NoSystemRoots,
}

impl DatabaseTls {
    /// Everything crosses the network readable.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }

    /// As libpq's `sslmode=verify-full`: TLS 1.2 or 1.3, and the server's certificate must be for the name that it is
    /// called by and come from one of `roots`, in PEM, or from one that the system trusts when there are none.
    ///
    /// # Errors
    /// See [`CertificatesError`].
    pub fn verify_full(roots: Option<&[u8]>) -> Result<Self, CertificatesError> {
        let roots = match roots {
            Some(pem) => roots_of(pem)?,
            None => roots_of_system()?,
        };
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(CertificatesError::Unusable)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Some(MakeRustlsConnect::new(config))))
    }

    /// Whether connections are encrypted.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Asks the server to cancel the statement of a connection, over another connection with the same protection.
    ///
    /// # Errors
    /// When the server cannot be asked. The server does not say whether there was a statement to cancel.
    pub async fn cancel(&self, token: &CancelToken) -> Result<(), tokio_postgres::Error> {
        match self.0.clone() {
            Some(tls) => token.cancel_query(tls).await,
            None => token.cancel_query(NoTls).await,
        }
    }
}

impl fmt::Debug for DatabaseTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() { "verify-full" } else { "off" })
    }
}

pub(crate) fn roots_of(pem: &[u8]) -> Result<RootCertStore, CertificatesError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.map_err(CertificatesError::NotPem)?).map_err(CertificatesError::Unusable)?;
    }
    if roots.is_empty() { Err(CertificatesError::NoCertificate) } else { Ok(roots) }
}

/// Single ones that cannot be read are left out, as other clients on this machine do.
fn roots_of_system() -> Result<RootCertStore, CertificatesError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(CertificatesError::NoSystemRoots) } else { Ok(roots) }
}
