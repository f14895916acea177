//! One request as a client sends it, and what its answer means.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use storage_models::RecordType;

use crate::model::Outcome;

/// The content of a request.
#[derive(Debug, Clone)]
pub(super) enum Carries {
    /// To store one record, with this tag.
    Record(String),
    /// To store these, all or none.
    Batch(Vec<String>),
    /// A change: the record's tag and the change's number among its changes.
    Change(String, usize),
}

/// A request, kept until it is settled.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// Its name in the summary.
    pub(super) operation: &'static str,
    pub(super) kind: RecordType,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) key: Option<String>,
    /// Name and value of one more header.
    pub(super) header: Option<(&'static str, String)>,
    pub(super) content_type: &'static str,
    pub(super) body: String,
    pub(super) carries: Carries,
}

/// The answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) outcome: Outcome,
    /// None when the connection failed.
    pub(super) status: Option<StatusCode>,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Answer {
    /// No answer at all.
    pub(super) fn without_status(outcome: Outcome) -> Self {
        Self { outcome, status: None, headers: HeaderMap::new(), text: String::new() }
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// In a word, for the summary.
    pub(super) fn label(&self) -> String {
        match self.status {
            Some(status) if status.is_success() => status.as_u16().to_string(),
            Some(status) => format!("{} {}", status.as_u16(), slug(&self.text)),
            None if self.outcome == Outcome::NotStored => "no connection".to_owned(),
            None => "no answer".to_owned(),
        }
    }
}

impl Request {
    /// Sends it to the replica at `url`, and waits at most `patience`.
    pub(super) async fn send(&self, http: &reqwest::Client, url: &str, patience: Duration) -> Answer {
        let mut request = http
            .request(self.method.clone(), format!("{url}{}", self.path))
            .timeout(patience)
            .header("Content-Type", self.content_type)
            .body(self.body.clone());
        if let Some(key) = &self.key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some((name, value)) = &self.header {
            request = request.header(*name, value);
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() => return Answer::without_status(Outcome::NotStored),
            Err(_) => return Answer::without_status(Outcome::Unknown),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        match response.text().await {
            Ok(text) => {
                Answer { outcome: outcome(status, &slug(&text)), status: Some(status), headers, text }
            }
            Err(_) => Answer::without_status(Outcome::Unknown),
        }
    }
}

/// The last part of a problem's type.
fn slug(text: &str) -> String {
    let problem: Value = serde_json::from_str(text).unwrap_or_default();
    let uri = problem.get("type").and_then(Value::as_str).unwrap_or_default();
    uri.rsplit('/').next().unwrap_or_default().to_owned()
}

/// The outcome of a request by the status and the type of the problem.
pub(super) fn outcome(status: StatusCode, slug: &str) -> Outcome {
    match (status.as_u16(), slug) {
        (200..=299, _) => Outcome::Acknowledged,
        (409, "idempotency-key-in-flight") => Outcome::InFlight,
        (500, _) | (503, "outcome-unknown") => Outcome::Unknown,
        // Their details promise that nothing was stored.
        (408 | 429 | 503, _) => Outcome::NotStored,
        (400..=499, _) => Outcome::Refused,
        _ => Outcome::Unknown,
    }
}

#[cfg(test)]
mod tests {
    //! Tests of what answers mean.

    use reqwest::StatusCode;

    use super::outcome;
    use crate::model::Outcome;

    #[test]
    fn only_an_answer_that_promises_nothing_leaves_a_doubt() {
        for (status, slug, expected) in [
            (201, "", Outcome::Acknowledged),
            (400, "validation-failed", Outcome::Refused),
            (409, "conflict", Outcome::Refused),
            (409, "idempotency-key-in-flight", Outcome::InFlight),
            (412, "precondition-failed", Outcome::Refused),
            (408, "request-timeout", Outcome::NotStored),
            (503, "database-unavailable", Outcome::NotStored),
            (503, "outcome-unknown", Outcome::Unknown),
            (500, "internal", Outcome::Unknown),
            (502, "", Outcome::Unknown),
        ] {
            assert_eq!(outcome(StatusCode::from_u16(status).unwrap(), slug), expected, "{status} {slug}");
        }
    }
}
