//! Where the index is and how long it may take.

use std::time::Duration;

use secrecy::SecretString;

use crate::tls::CertificatesError;

/// Longest name of an alias; the collection behind it has an id of 36 characters in addition.
pub(super) const COLLECTION_NAME_MAX: usize = 200;

/// How a [`super::QdrantIndex`] reaches its collection.
#[derive(Debug, Clone)]
pub struct QdrantSettings {
    /// The gRPC address, such as `http://qdrant:6334`. With `https` the server's certificate is checked.
    pub url: String,
    /// The trusted certificates in PEM. Without them, the system's trusted certificates apply.
    pub root_certificates: Option<Vec<u8>>,
    /// Sent with every request. It crosses the network readable unless the URL says `https`.
    pub api_key: Option<SecretString>,
    /// The alias of the collection. The collection is created if it does not exist.
    pub collection: String,
    /// Longest wait for the answer to one request; an operation on more points than one request takes waits this
    /// long for each.
    pub timeout: Duration,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
}

impl QdrantSettings {
    /// The alias that is used unless the settings name another.
    pub const COLLECTION: &'static str = "remediation_audit";

    /// No key, the alias [`Self::COLLECTION`], ten seconds an answer, three a connection.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            root_certificates: None,
            api_key: None,
            collection: Self::COLLECTION.to_owned(),
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(3),
        }
    }
}

/// Settings that no connection can be made with.
#[derive(Debug, thiserror::Error)]
pub enum QdrantSettingsError {
    /// Not a URL, or not one of a gRPC server.
    #[error("the Qdrant URL must be an http:// or https:// address such as http://qdrant:6334")]
    Url,
    /// TLS could not be set up.
    #[error(
        "TLS to Qdrant could not be set up; check that this machine has trusted root certificates (SSL_CERT_FILE)"
    )]
    Tls(#[source] tonic::transport::Error),
    /// The certificates that the server's must come from cannot be used.
    #[error("the trusted certificates for Qdrant cannot be used: {0}")]
    Certificates(#[source] CertificatesError),
    /// Certificates were given for a connection without TLS.
    #[error("certificates have an effect with https:// only")]
    NeedlessCertificates,
    /// The key has a character that a header cannot carry.
    #[error("the Qdrant API key must be visible ASCII")]
    ApiKey,
    /// An alias that Qdrant would take for something else.
    #[error(
        "the Qdrant collection `{name}` must be 1 to {} letters, digits, `-` or `_`",
        COLLECTION_NAME_MAX
    )]
    Collection {
        /// The parsed settings.
        name: String,
    },
}
