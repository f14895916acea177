//! Certificates, and TLS for servers that speak none.

mod authority;
mod front;

use std::sync::Arc;

pub use authority::Authority;
use devstack::CertificatePair;
pub use front::TlsFront;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::TestkitError;

/// The configuration of a server with this certificate, which asks clients for none. `protocols` are the protocols that
/// it offers (ALPN, RFC 7301).
pub(crate) fn server_config(
    pair: &CertificatePair,
    protocols: &[&[u8]],
) -> Result<Arc<ServerConfig>, TestkitError> {
    let failed = |error: String| TestkitError::Certificate { error };
    let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| failed(error.to_string()))?;
    let key =
        PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).map_err(|error| failed(error.to_string()))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key));
    let mut config = config.map_err(|error| failed(error.to_string()))?;
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(config))
}
