//! Storing records: single, in batches, again, wrongly.

use rand::RngExt as _;
use reqwest::Method;
use serde_json::Value;
use storage_models::RecordType;

use super::client::{Client, Known};
use super::request::{Answer, Carries, Request};
use super::shared::record;
use crate::model::{Difference, Fields, Outcome, Standing};
use crate::records;

/// Records of a batch at most.
const BATCH_MAX: usize = 40;

impl Client<'_> {
    /// Stores one record, in any of the consistencies.
    pub(super) async fn write_one(&mut self) {
        let (kind, parent) = self.kind_and_parent();
        let (tag, fields) = self.fresh(kind, parent);
        self.shared.model().sends(kind, &[(tag.clone(), fields.clone())]);
        let (operation, query, header) = match self.rng.random_range(0..10_u8) {
            0 if kind == RecordType::Remediation && self.shared.has_strict => {
                ("POST strict", "?consistency=strict", None)
            }
            1..3 => ("POST wait", "", Some(("Prefer", "wait=2".to_owned()))),
            _ => ("POST", "", None),
        };
        let request = Request {
            operation,
            kind,
            method: Method::POST,
            path: format!("/api/v1/audit/{}{query}", kind.path()),
            key: self.key(0.7),
            header,
            content_type: "application/json",
            body: Value::Object(fields).to_string(),
            carries: Carries::Record(tag.clone()),
        };
        let (standing, answer) = self.shared.deliver(&mut self.rng, request.clone()).await;
        self.is_taken(&request, standing, answer.as_ref());
        if let (Standing::Acknowledged, Some(answer)) = (standing, answer) {
            let record = record(&answer);
            let id = record.get("id").and_then(Value::as_i64).unwrap_or_default();
            self.remember(Known { kind, tag, id, record });
            self.repeat(&request, &answer).await;
        }
    }

    /// Stores several records, as an array or as lines.
    pub(super) async fn write_batch(&mut self) {
        let request = self.batch(None);
        let (standing, answer) = self.shared.deliver(&mut self.rng, request.clone()).await;
        self.is_taken(&request, standing, answer.as_ref());
        if let (Standing::Acknowledged, Some(answer)) = (standing, answer) {
            self.repeat(&request, &answer).await;
        }
    }

    /// Nothing that was sent is wrong: it may be put off, and must not be refused.
    fn is_taken(&self, request: &Request, standing: Standing, answer: Option<&Answer>) {
        if let (Standing::Refused, Some(answer)) = (standing, answer) {
            let request = format!("{} {}", request.path, request.body);
            self.shared.model().wrong(Difference::Answer { request, answer: answer.text.clone() });
        }
    }

    /// Sends what must be refused, whole: a record, or a batch with one such record.
    pub(super) async fn send_spoilt(&mut self) {
        let request = if self.rng.random_bool(0.4) {
            let spoilt = self.rng.random_range(0..BATCH_MAX);
            self.batch(Some(spoilt))
        } else {
            let (kind, parent) = self.kind_and_parent();
            let (tag, fields) = self.fresh(kind, parent);
            let fields = records::spoilt(&mut self.rng, kind, fields);
            self.shared.model().sends(kind, &[(tag.clone(), fields.clone())]);
            Request {
                operation: "POST spoilt",
                kind,
                method: Method::POST,
                path: format!("/api/v1/audit/{}", kind.path()),
                key: self.key(0.5),
                header: None,
                content_type: "application/json",
                body: Value::Object(fields).to_string(),
                carries: Carries::Record(tag),
            }
        };
        self.must_be_refused(&request).await;
    }

    /// Repeats an acknowledged request with its key: the answer is the same, byte for byte. Or takes its key for
    /// another record, which is refused.
    async fn repeat(&mut self, request: &Request, first: &Answer) {
        if request.key.is_none() {
            return;
        }
        match self.rng.random_range(0..10_u8) {
            0 => {
                let again = Request { operation: "repeated", ..request.clone() };
                let answer = self.shared.attempt(&mut self.rng, &again).await;
                // The kept answer is from before the wait and cannot have its result.
                let is_same_body =
                    answer.text == first.text || request.header.is_some() && record(&answer) == record(first);
                let is_same = is_same_body && answer.headers.get("etag") == first.headers.get("etag");
                let is_marked = answer.headers.contains_key("idempotent-replayed");
                if answer.outcome == Outcome::Acknowledged && !(is_same && is_marked) {
                    let request =
                        format!("the repetition of a {}, answered {}", request.operation, first.text);
                    self.shared.model().wrong(Difference::Answer { request, answer: answer.text });
                }
            }
            1 if matches!(request.carries, Carries::Record(_)) => {
                let (tag, fields) = self.fresh(request.kind, self.known.last().map_or(1, |it| it.id));
                self.shared.model().sends(request.kind, &[(tag.clone(), fields.clone())]);
                let other = Request {
                    operation: "key reused",
                    body: Value::Object(fields).to_string(),
                    carries: Carries::Record(tag),
                    ..request.clone()
                };
                self.must_be_refused(&other).await;
            }
            _ => {}
        }
    }

    /// Whatever becomes of the attempt, nothing of it may be stored.
    async fn must_be_refused(&mut self, request: &Request) {
        match &request.carries {
            Carries::Record(tag) => self.shared.model().refused(std::slice::from_ref(tag)),
            Carries::Batch(tags) => self.shared.model().refused(tags),
            Carries::Change(..) => {}
        }
        let answer = self.shared.attempt(&mut self.rng, request).await;
        if answer.outcome == Outcome::Acknowledged {
            let request = format!("{} {}", request.operation, request.body);
            self.shared.model().wrong(Difference::Answer { request, answer: answer.text });
        }
    }

    fn kind_and_parent(&mut self) -> (RecordType, i64) {
        let kind = match self.rng.random_range(0..10_u8) {
            0..4 => RecordType::Remediation,
            4..6 => RecordType::AiAnalysis,
            6..8 => RecordType::Workflow,
            _ => RecordType::Execution,
        };
        // What belongs to a remediation needs one that is known to be stored.
        self.parent().map_or((RecordType::Remediation, 0), |parent| (kind, parent))
    }

    fn fresh(&mut self, kind: RecordType, parent: i64) -> (String, Fields) {
        let tag = self.shared.tag();
        let fields = records::valid(&mut self.rng, kind, &tag, parent);
        (tag, fields)
    }

    /// A batch; the record in the place `spoilt` (counted round) is wrong.
    fn batch(&mut self, spoilt: Option<usize>) -> Request {
        let (kind, parent) = self.kind_and_parent();
        let size = self.rng.random_range(1..=BATCH_MAX);
        let mut batch: Vec<(String, Fields)> = (0..size).map(|_| self.fresh(kind, parent)).collect();
        if let Some((_, fields)) = spoilt.and_then(|place| batch.get_mut(place % size)) {
            *fields = records::spoilt(&mut self.rng, kind, std::mem::take(fields));
        }
        self.shared.model().sends(kind, &batch);
        let (tags, records): (Vec<String>, Vec<Value>) =
            batch.into_iter().map(|(tag, fields)| (tag, Value::Object(fields))).unzip();
        let is_lines = self.rng.random_bool(0.5);
        let body = if is_lines {
            records.iter().map(|record| format!("{record}\n")).collect()
        } else {
            Value::Array(records).to_string()
        };
        Request {
            operation: match (spoilt.is_some(), is_lines) {
                (true, _) => "batch spoilt",
                (false, true) => "batch lines",
                (false, false) => "batch array",
            },
            kind,
            method: Method::POST,
            path: format!("/api/v1/audit/{}/batch", kind.path()),
            key: self.key(0.7),
            header: None,
            content_type: if is_lines { "application/x-ndjson" } else { "application/json" },
            body,
            carries: Carries::Batch(tags),
        }
    }
}
