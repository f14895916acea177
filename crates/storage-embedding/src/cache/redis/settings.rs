//! The address of Redis, and the limits of its use.

use deadpool_redis::redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, RedisError, TlsCertificates,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret as _, SecretString};
use std::time::Duration;

/// How a [`super::RedisCache`] reaches Redis and what it may cost.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// `redis://user:password@host:6379/0`, or `rediss://` for TLS.
    pub url: SecretString,
    /// The password, when the URL has none.
    pub password: Option<SecretString>,
    /// The certificates in PEM that the server's must come from; the system's when there are none.
    pub root_certificates: Option<Vec<u8>>,
    /// The prefix of every key.
    pub key_prefix: String,
    /// How long Redis remembers a vector; at least a millisecond.
    pub ttl: Duration,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How many connections there are at most.
    pub connections: usize,
}

/// Settings that cannot be used. Says nothing of what the URL holds.
#[derive(Debug, thiserror::Error)]
pub enum RedisSettingsError {
    /// The URL is not one of Redis.
    #[error(
        "the URL cannot be read; expected redis://user:password@host:port/database, or rediss:// for TLS"
    )]
    Url(#[source] RedisError),
    /// The certificates cannot be read.
    #[error("the certificates cannot be used; expected one or more in PEM")]
    Certificates(#[source] RedisError),
    /// There is no certificate among what should be certificates.
    #[error("the text holds no certificate; expected one or more in PEM")]
    NoCertificate,
    /// Certificates were given for a connection without TLS.
    #[error("certificates have an effect with rediss:// only")]
    NeedlessCertificates,
    /// The pool cannot be made.
    #[error("the connection pool cannot be created: {0}")]
    Pool(String),
}

impl RedisSettings {
    /// The address in the library's terms.
    pub(super) fn connection_info(&self) -> Result<ConnectionInfo, RedisSettingsError> {
        let mut info = self.url.expose_secret().into_connection_info().map_err(RedisSettingsError::Url)?;
        if let Some(password) = &self.password {
            let redis = info.redis_settings().clone().set_password(password.expose_secret());
            info = info.set_redis_settings(redis);
        }
        let Some(certificates) = &self.root_certificates else { return Ok(info) };
        if !matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
            return Err(RedisSettingsError::NeedlessCertificates);
        }
        // The library takes nothing for an empty list, with which no server is ever trusted.
        if CertificateDer::pem_slice_iter(certificates).next().is_none() {
            return Err(RedisSettingsError::NoCertificate);
        }
        let certificates = TlsCertificates { client_tls: None, root_cert: Some(certificates.clone()) };
        let client = Client::build_with_tls(info, certificates).map_err(RedisSettingsError::Certificates)?;
        Ok(client.get_connection_info().clone())
    }
}
