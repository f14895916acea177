//! Embeddings by an API that speaks OpenAI's protocol: OpenAI itself, Ollama, vLLM, Text Embeddings Inference.

mod client;
mod failure;
mod settings;
mod wire;

use crate::embedder::{Embedder, ModelIdentity};
use crate::error::EmbedError;
use crate::guard::{Guard, News};
use async_trait::async_trait;
use backon::{ExponentialBuilder, Retryable as _};
use client::Client;
use failure::Failure;
pub use settings::{OpenAiSettings, OpenAiSettingsError};
use std::borrow::Cow;
use std::time::Duration;
use storage_breaker::BreakerSettings;
use storage_models::Embedding;

/// When calls to the API are paused without its asking for it.
const BREAKER: BreakerSettings = BreakerSettings {
    failures: 3,
    first_pause: Duration::from_secs(2),
    longest_pause: Duration::from_secs(30),
};

/// The longest wait between two attempts of one call. If the API asks for a longer pause, calls are paused, and the
/// caller gets an error.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(2);

/// How much of a text is sent, in characters; models take about 8,000 tokens.
const MAX_CHARACTERS: usize = 8_000;

/// The text that replaces a blank one, which the API refuses.
const BLANK: &str = ".";

/// A text that no model refuses: when it is, the others were not refused for their own sake.
const PROBE: &str = "restart pod";

/// Vectors of a remote model, scaled to length 1.
///
/// Texts are cut at 8,000 characters. Failures that pass are tried again a few times within the call; a `Retry-After`
/// is honoured, by the call when it is short and by leaving the API alone when it is long. A text counts as refused only
/// when the API takes another one at the same time.
pub struct OpenAiEmbedder {
    identity: ModelIdentity,
    client: Client,
    retries: usize,
    guard: Guard,
}

impl OpenAiEmbedder {
    /// An embedder that connects when it is first used.
    ///
    /// # Errors
    /// When the settings cannot be used, whatever the API says.
    pub fn new(settings: &OpenAiSettings) -> Result<Self, OpenAiSettingsError> {
        Ok(Self {
            identity: ModelIdentity::new(format!("openai:{}", settings.model)),
            client: Client::new(settings)?,
            retries: settings.retries,
            guard: Guard::new("embedder", BREAKER),
        })
    }

    /// Asks, again and again while that may help.
    async fn ask(&self, texts: &[Cow<'_, str>]) -> Result<Vec<Embedding>, Failure> {
        let delays = ExponentialBuilder::default().with_jitter().with_max_times(self.retries);
        let ask = || self.client.embed(texts);
        ask.retry(delays)
            .when(|failure: &Failure| {
                failure.may_pass() && failure.retry_after().is_none_or(|it| it <= MAX_RETRY_DELAY)
            })
            .adjust(|failure, delay| delay.map(|it| it.max(failure.retry_after().unwrap_or_default())))
            .await
    }

    /// One call as the breaker counts it: that the API refuses one text is an answer.
    async fn call(&self, texts: &[Cow<'_, str>]) -> Result<ApiAnswer, Failure> {
        match self.ask(texts).await {
            Ok(vectors) => Ok(ApiAnswer::Vectors(vectors)),
            Err(Failure::Refused { reason }) => match self.client.embed(&[Cow::Borrowed(PROBE)]).await {
                Ok(_) => Ok(ApiAnswer::Refusal(reason)),
                Err(Failure::Refused { .. }) => Err(Failure::Refused { reason }),
                Err(other) => Err(other),
            },
            Err(failure) => Err(failure),
        }
    }

    fn tell(&self, news: News, failure: Option<&Failure>) {
        let model = self.identity.name();
        match (news, failure) {
            (News::Back, _) => tracing::info!(model, "the embedding API answers again"),
            (News::Away, failure) => tracing::warn!(
                model,
                error = failure.map(tracing::field::display),
                "calls to the embedding API are paused; records get their vectors afterwards"
            ),
        }
    }
}

/// The answer of the API.
enum ApiAnswer {
    Vectors(Vec<Embedding>),
    /// It does not take one of the texts, for this reason.
    Refusal(String),
}

#[async_trait]
impl Embedder for OpenAiEmbedder {
    fn model(&self) -> &ModelIdentity {
        &self.identity
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>, EmbedError> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let model = self.identity.name();
        let texts: Vec<Cow<'_, str>> = texts.iter().map(|text| sendable(text)).collect();
        let called = self.guard.call(Box::pin(self.call(&texts)), Failure::retry_after).await;
        let (outcome, news) = called.map_err(|pause| left_alone(model, pause))?;
        if let Some(news) = news {
            self.tell(news, outcome.as_ref().err());
        }
        match outcome {
            Ok(ApiAnswer::Vectors(vectors)) => Ok(vectors),
            Ok(ApiAnswer::Refusal(reason)) => Err(EmbedError::Text { model: model.to_owned(), reason }),
            Err(failure) => Err(failure.into_outage(model)),
        }
    }
}

fn left_alone(model: &str, pause: Duration) -> EmbedError {
    EmbedError::Provider {
        model: model.to_owned(),
        reason: "calls to it are paused because it failed".to_owned(),
        retry_after: Some(pause),
        source: None,
    }
}

fn sendable(text: &str) -> Cow<'_, str> {
    if text.trim().is_empty() {
        return Cow::Borrowed(BLANK);
    }
    match text.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => Cow::Borrowed(text.get(..end).unwrap_or(text)),
        None => Cow::Borrowed(text),
    }
}
