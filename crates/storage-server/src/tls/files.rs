//! The files: read, checked together, and every fault named by its setting.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;
use secrecy::{ExposeSecret as _, SecretSlice};
use sha2::{Digest as _, Sha256};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

/// A file that is larger is not read, in bytes.
const MAX_FILE: u64 = 1 << 20;

const CERTIFICATE: &str = "tls.certificate_file";
const KEY: &str = "tls.key_file";
const CLIENT_CA: &str = "tls.client_ca_file";

/// Where the files are.
#[derive(Debug, Clone)]
pub(crate) struct TlsFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// With it, clients are asked for a certificate of one of these authorities.
    pub(crate) client_ca: Option<PathBuf>,
}

/// The fault of one of the files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} {reason}")]
pub(crate) struct TlsFault {
    /// The setting that names the file.
    pub(crate) key: &'static str,
    /// The rest of a sentence that the key begins.
    pub(crate) reason: String,
}

/// The content of the files at one time.
pub(super) struct Material {
    certificate: Vec<u8>,
    key: SecretSlice<u8>,
    client_ca: Option<Vec<u8>>,
}

/// The configuration of a handshake.
pub(super) struct Loaded {
    /// Of the files' contents.
    pub(super) digest: [u8; 32],
    /// The certificate that clients are shown, with its key.
    pub(super) shown: Arc<CertifiedKey>,
    /// When the first of the certificates that are shown ends, in seconds since 1970; `None` if none of them says so in
    /// a way that can be read.
    pub(super) ends: Option<u64>,
    /// The authorities whose certificates are accepted.
    pub(super) clients: Option<Arc<dyn ClientCertVerifier>>,
}

impl TlsFiles {
    pub(super) const fn asks_clients(&self) -> bool {
        self.client_ca.is_some()
    }
}

impl Material {
    pub(super) fn read(files: &TlsFiles) -> Result<Self, Vec<TlsFault>> {
        let certificate = read(CERTIFICATE, &files.certificate);
        let key = read(KEY, &files.key);
        let client_ca = files.client_ca.as_ref().map(|path| read(CLIENT_CA, path)).transpose();
        match (certificate, key, client_ca) {
            (Ok(certificate), Ok(key), Ok(client_ca)) => Ok(Self { certificate, key: key.into(), client_ca }),
            (certificate, key, client_ca) => {
                Err([certificate.err(), key.err(), client_ca.err()].into_iter().flatten().collect())
            }
        }
    }

    pub(super) fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        let client_ca = self.client_ca.as_deref().unwrap_or_default();
        for content in [&self.certificate, self.key.expose_secret(), client_ca] {
            digest.update(Sha256::digest(content));
        }
        digest.finalize().into()
    }

    pub(super) fn load(&self, files: &TlsFiles) -> Result<Loaded, Vec<TlsFault>> {
        let provider = Arc::new(ring::default_provider());
        let shown = self.shown(files, &provider);
        let clients = self.client_ca.as_deref().map(|ca| clients(ca, &provider)).transpose();
        match (shown, clients) {
            (Ok(shown), Ok(clients)) => {
                let ends = shown.cert.iter().filter_map(end).min();
                Ok(Loaded { digest: self.digest(), shown: Arc::new(shown), ends, clients })
            }
            (shown, clients) => Err(shown.err().into_iter().flatten().chain(clients.err()).collect()),
        }
    }

    fn shown(&self, files: &TlsFiles, provider: &CryptoProvider) -> Result<CertifiedKey, Vec<TlsFault>> {
        let chain = certificates(CERTIFICATE, &self.certificate);
        let key = PrivateKeyDer::from_pem_slice(self.key.expose_secret()).map_err(|error| no_key(&error));
        let key = key.and_then(|key| {
            let unusable = |error| fault(KEY, format!("holds a key that cannot be used: {error}"));
            provider.key_provider.load_private_key(key).map_err(unusable)
        });
        match (chain, key) {
            (Ok(chain), Ok(key)) => {
                let certified = CertifiedKey::new(chain, key);
                certified.keys_match().map_err(|error| vec![mismatch(&error, files)])?;
                Ok(certified)
            }
            (chain, key) => Err([chain.err(), key.err()].into_iter().flatten().collect()),
        }
    }
}

/// A verifier of clients' certificates.
fn clients(ca: &[u8], provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, TlsFault> {
    let unusable =
        |error: String| fault(CLIENT_CA, format!("holds a certificate that cannot be used: {error}"));
    let mut roots = RootCertStore::empty();
    for certificate in certificates(CLIENT_CA, ca)? {
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    verifier.build().map_err(|error| unusable(error.to_string()))
}

fn certificates(key: &'static str, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    match found {
        Ok(found) if found.is_empty() => {
            Err(fault(key, "holds no certificate; expected one or more in PEM".to_owned()))
        }
        Ok(found) => Ok(found),
        Err(error) => Err(fault(key, format!("is not PEM: {error}"))),
    }
}

/// When a certificate ends, in seconds since 1970.
fn end(certificate: &CertificateDer<'_>) -> Option<u64> {
    let read = Certificate::from_der(certificate).ok()?;
    Some(read.tbs_certificate.validity.not_after.to_unix_duration().as_secs())
}

/// Says nothing of what the file holds.
fn no_key(error: &pem::Error) -> TlsFault {
    let reason = match error {
        pem::Error::NoItemsFound => "holds no private key; expected one in PEM without a password",
        _ => "is not PEM; expected a private key without a password",
    };
    fault(KEY, reason.to_owned())
}

fn mismatch(error: &rustls::Error, files: &TlsFiles) -> TlsFault {
    match error {
        rustls::Error::InconsistentKeys(_) => {
            fault(KEY, format!("does not match the certificate in {}", files.certificate.display()))
        }
        error => fault(CERTIFICATE, format!("holds a certificate that cannot be used: {error}")),
    }
}

fn fault(key: &'static str, reason: String) -> TlsFault {
    TlsFault { key, reason }
}

fn read(key: &'static str, path: &Path) -> Result<Vec<u8>, TlsFault> {
    let unreadable = |error| fault(key, format!("cannot be read from {}: {error}", path.display()));
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > MAX_FILE {
        return Err(fault(key, format!("has {size} bytes; the limit is {MAX_FILE}")));
    }
    std::fs::read(path).map_err(unreadable)
}
