//! Which API and model, and what a call may take.

use secrecy::SecretString;
use std::time::Duration;

/// How an [`super::OpenAiEmbedder`] reaches its API.
#[derive(Debug, Clone)]
pub struct OpenAiSettings {
    /// The base of the URL, before `/embeddings`, such as `https://api.openai.com/v1`.
    pub url: String,
    /// The trusted certificates in PEM. Without them, the system's trusted certificates apply.
    pub root_certificates: Option<Vec<u8>>,
    /// The model's name, as the API knows it.
    pub model: String,
    /// The key, sent as a bearer token.
    pub api_key: Option<SecretString>,
    /// Whether to ask for vectors of the stores' dimension; for models that can give several.
    pub send_dimensions: bool,
    /// How long one call may take.
    pub timeout: Duration,
    /// How often a call that failed in passing is tried again.
    pub retries: usize,
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenAiSettingsError {
    /// The address is none of HTTP.
    #[error(
        "the URL is not the address of an API; expected http:// or https://, such as https://api.openai.com/v1"
    )]
    Url,
    /// The key holds what no header can.
    #[error("the key holds characters that HTTP cannot send; check that the file is the right one")]
    Key,
    /// The certificates cannot be read.
    #[error("the certificates cannot be used; expected one or more in PEM")]
    Certificates(#[source] reqwest::Error),
    /// There is no certificate among what should be certificates.
    #[error("the text holds no certificate; expected one or more in PEM")]
    NoCertificate,
    /// Certificates were given for connections without TLS.
    #[error("certificates have an effect with https:// only")]
    NeedlessCertificates,
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be created")]
    Client(#[source] reqwest::Error),
}
