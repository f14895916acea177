//! One call over HTTP.

use super::failure::Failure;
use super::wire::{self, Question};
use super::{OpenAiSettings, OpenAiSettingsError};
use crate::error::Cause;
use chrono::{DateTime, Utc};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, ClientBuilder, Response, StatusCode, Url};
use secrecy::ExposeSecret as _;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use storage_models::Embedding;

/// The largest answer that is read, in bytes: a full batch of vectors, eight times as long as they should be.
const MAX_ANSWER: usize = 8 << 20;

pub(super) struct Client {
    http: reqwest::Client,
    endpoint: Url,
    model: String,
    dimensions: Option<usize>,
}

impl Client {
    pub(super) fn new(settings: &OpenAiSettings) -> Result<Self, OpenAiSettingsError> {
        let endpoint = endpoint(&settings.url)?;
        let http = trusting(settings, &endpoint)?
            .timeout(settings.timeout)
            .default_headers(headers(settings)?)
            // The key goes to the API that was named and nowhere else.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(OpenAiSettingsError::Client)?;
        Ok(Self {
            http,
            endpoint,
            model: settings.model.clone(),
            dimensions: settings.send_dimensions.then_some(Embedding::DIMENSION),
        })
    }

    /// The vectors of `texts`, in their order.
    pub(super) async fn embed(&self, texts: &[Cow<'_, str>]) -> Result<Vec<Embedding>, Failure> {
        let question = Question {
            model: &self.model,
            input: texts,
            encoding_format: "float",
            dimensions: self.dimensions,
        };
        let asked = self.http.post(self.endpoint.clone()).json(&question).send().await;
        let response = asked.map_err(|error| unreachable_api("it cannot be reached", error))?;
        let (status, retry_after) = (response.status(), retry_after(response.headers(), Utc::now()));
        let body = read(response).await?;
        if status.is_success() {
            wire::read(&body, texts.len())
        } else {
            Err(refusal(status, retry_after, &body))
        }
    }
}

/// A client that believes the certificates of the settings, or else the system.
fn trusting(settings: &OpenAiSettings, endpoint: &Url) -> Result<ClientBuilder, OpenAiSettingsError> {
    let Some(roots) = &settings.root_certificates else { return Ok(reqwest::Client::builder()) };
    if endpoint.scheme() != "https" {
        return Err(OpenAiSettingsError::NeedlessCertificates);
    }
    let roots = Certificate::from_pem_bundle(roots).map_err(OpenAiSettingsError::Certificates)?;
    if roots.is_empty() {
        return Err(OpenAiSettingsError::NoCertificate);
    }
    Ok(reqwest::Client::builder().tls_certs_only(roots))
}

fn headers(settings: &OpenAiSettings) -> Result<HeaderMap, OpenAiSettingsError> {
    let mut headers = HeaderMap::new();
    if let Some(key) = &settings.api_key {
        let bearer = HeaderValue::try_from(format!("Bearer {}", key.expose_secret()));
        let mut bearer = bearer.map_err(|_shows_the_key| OpenAiSettingsError::Key)?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
    }
    Ok(headers)
}

fn endpoint(url: &str) -> Result<Url, OpenAiSettingsError> {
    let parsed = Url::parse(&format!("{}/embeddings", url.trim_end_matches('/'))).ok();
    parsed
        .filter(|it| matches!(it.scheme(), "http" | "https") && it.has_host())
        .ok_or(OpenAiSettingsError::Url)
}

/// The body, which a broken server must not make endless.
async fn read(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    loop {
        let piece = response.chunk().await;
        let Some(piece) = piece.map_err(|error| unreachable_api("its answer ended early", error))? else {
            return Ok(body);
        };
        body.extend_from_slice(&piece);
        if body.len() > MAX_ANSWER {
            return Err(Failure::unusable(format!("its answer is longer than {MAX_ANSWER} bytes")));
        }
    }
}

fn unreachable_api(reason: &str, error: reqwest::Error) -> Failure {
    // The address may hold a secret, and is known from the settings.
    let source: Cause = Arc::new(error.without_url());
    Failure::Passing { reason: reason.to_owned(), retry_after: None, source: Some(source) }
}

/// The failure of a status other than success.
fn refusal(status: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> Failure {
    let words = wire::words(body);
    match status.as_u16() {
        400 | 413 | 422 => Failure::Refused { reason: format!("{status}: {words}") },
        401 | 403 => Failure::unusable(format!("it rejects the key in openai.api_key_file ({status})")),
        404 => Failure::unusable(format!("it does not have the model or the address ({status}: {words})")),
        408 | 425 | 429 | 500..=599 => {
            Failure::Passing { reason: format!("it answers {status}: {words}"), retry_after, source: None }
        }
        _ => Failure::unusable(format!("it answers {status}: {words}")),
    }
}

/// The pause of Retry-After, as seconds or as a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match value.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_no_number) => {
            let until = DateTime::parse_from_rfc2822(value).ok()?.to_utc();
            Some((until - now).to_std().unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    //! Tests for the header.

    use super::{Duration, HeaderMap, RETRY_AFTER, retry_after};

    /// F24
    #[test]
    fn the_wish_is_read_as_seconds_and_as_a_date() {
        let now = "2015-10-21T07:27:00Z".parse().unwrap();
        for (value, seconds) in [
            ("20", Some(20.0)),
            ("0.5", Some(0.5)),
            ("Wed, 21 Oct 2015 07:28:00 GMT", Some(60.0)),
            ("Wed, 21 Oct 2015 07:26:00 GMT", Some(0.0)),
            ("-1", None),
            ("inf", None),
            ("soon", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]);
            assert_eq!(retry_after(&headers, now), seconds.map(Duration::from_secs_f64), "{value}");
        }
    }
}
