//! Which API and model, and what a call may take.

use secrecy::SecretString;
use std::time::Duration;

/// How an [`super::OpenAiEmbedder`] reaches its API.
#[derive(Debug, Clone)]
pub struct OpenAiSettings {
    /// What `/embeddings` is appended to, such as `https://api.openai.com/v1`.
    pub url: String,
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
    #[error("this is no address of an API; expected http:// or https://, such as https://api.openai.com/v1")]
    Url,
    /// The key holds what no header can.
    #[error("the key holds characters that cannot be sent; is the file the right one?")]
    Key,
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made")]
    Client(#[source] reqwest::Error),
}
