//! The state that the clients share: the addresses, the model, the counts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use serde_json::Value;
use tokio::time::Instant;

use super::request::{Answer, Carries, Request};
use crate::model::{Attempts, ChangeResult, Difference, Fields, Model, Outcome, Standing, Verdict};

/// How often a request is tried at most before its client gives up.
const ATTEMPTS_MAX: usize = 60;
/// The longest pause between two attempts.
const PAUSE_MAX_MS: u64 = 800;
/// Members of an answer to a write that are not the record's.
const NOT_OF_THE_RECORD: &[&str] = &["vector_sync", "sanitized_fields", "adjusted_fields"];

/// How often each kind of request was answered how.
pub(crate) type Counts = BTreeMap<(&'static str, String), u64>;

/// Shared by all clients.
pub(crate) struct Shared {
    pub(crate) http: reqwest::Client,
    pub(super) urls: Vec<String>,
    /// When clients stop.
    pub(crate) until: Instant,
    /// Whether some writes are `strict`.
    pub(super) has_strict: bool,
    model: Mutex<Model>,
    counts: Mutex<Counts>,
    tags: AtomicU64,
    /// Requests with a key whose outcome is not known yet.
    unsettled: Mutex<Vec<Request>>,
}

impl Shared {
    pub(crate) fn new(urls: Vec<String>, until: Instant, has_strict: bool) -> Result<Self, reqwest::Error> {
        // Reused connections would tie a client to a replica that is being killed; it is what clients do, too.
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self {
            http,
            urls,
            until,
            has_strict,
            model: Mutex::default(),
            counts: Mutex::default(),
            tags: AtomicU64::new(0),
            unsettled: Mutex::default(),
        })
    }

    pub(crate) fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A tag that no other record has.
    pub(super) fn tag(&self) -> String {
        format!("soak-{}", self.tags.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    fn count(&self, operation: &'static str, answer: &Answer) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((operation, answer.label())).or_default() += 1;
    }

    /// One attempt, at any replica.
    pub(super) async fn attempt(&self, rng: &mut StdRng, request: &Request) -> Answer {
        let url = self.urls.choose(rng).map_or("", String::as_str);
        // Some clients have no patience: the service must not lose count of what they left behind.
        let patience = if rng.random_bool(0.05) { 50 } else { rng.random_range(1_500..6_000) };
        let answer = request.send(&self.http, url, Duration::from_millis(patience)).await;
        self.count(request.operation, &answer);
        if answer.status.is_some_and(|status| status.as_u16() == 500) {
            let request = format!("{} {} {}", request.method, request.path, request.body);
            self.model().wrong(Difference::Answer { request, answer: answer.text.clone() });
        }
        answer
    }

    /// Tries until the request is settled, or the run is over; the answer that settled it, if one did.
    pub(super) async fn deliver(&self, rng: &mut StdRng, request: Request) -> (Standing, Option<Answer>) {
        let mut attempts = Attempts::new(request.key.is_some());
        for _ in 0..ATTEMPTS_MAX {
            let answer = self.attempt(rng, &request).await;
            if let Verdict::Final(standing) = attempts.after(answer.outcome) {
                self.settle(&request, standing, &answer);
                return (standing, Some(answer));
            }
            if self.is_over() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(rng.random_range(20..PAUSE_MAX_MS))).await;
        }
        let standing = attempts.given_up();
        match standing {
            Standing::Unknown => self.unsettled().push(request),
            standing => self.settle(&request, standing, &Answer::without_status(Outcome::NotStored)),
        }
        (standing, None)
    }

    fn unsettled(&self) -> MutexGuard<'_, Vec<Request>> {
        self.unsettled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Repeats with their keys the requests whose outcome is not known; how many there were. To be called when all is
    /// well: a request that is not settled then is a difference.
    pub(crate) async fn settle_all(&self, rng: &mut StdRng, limit: Instant) -> usize {
        let open = std::mem::take(&mut *self.unsettled());
        let count = open.len();
        for request in open {
            let standing = loop {
                let answer = self.attempt(rng, &request).await;
                match answer.outcome {
                    Outcome::Acknowledged => break Some((Standing::Acknowledged, answer)),
                    Outcome::Refused => break Some((Standing::Refused, answer)),
                    _ if Instant::now() >= limit => break None,
                    _ => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            };
            match standing {
                Some((standing, answer)) => self.settle(&request, standing, &answer),
                None => self.model().wrong(Difference::Answer {
                    request: format!("{} {} with key {:?}", request.method, request.path, request.key),
                    answer: "no final answer, although all faults are over".to_owned(),
                }),
            }
        }
        count
    }

    fn settle(&self, request: &Request, standing: Standing, answer: &Answer) {
        let mut model = self.model();
        match (standing, &request.carries) {
            (Standing::Unknown, _) => {}
            (Standing::Refused, Carries::Record(tag)) => model.refused(std::slice::from_ref(tag)),
            (Standing::Refused, Carries::Batch(tags)) => model.refused(tags),
            (Standing::Refused, Carries::Change(tag, number)) => {
                model.changed(tag, *number, ChangeResult::Refused);
            }
            (Standing::Acknowledged, Carries::Record(tag)) => model.stored(tag, &record(answer)),
            (Standing::Acknowledged, Carries::Change(tag, number)) => {
                let body = Value::Object(record(answer)).to_string().into();
                model.changed(tag, *number, ChangeResult::Applied(body));
            }
            (Standing::Acknowledged, Carries::Batch(tags)) => {
                let ids = ids(answer);
                if ids.len() != tags.len() {
                    let request = format!("a batch of {}", tags.len());
                    model.wrong(Difference::Answer { request, answer: answer.text.clone() });
                }
                tags.iter().zip(ids).for_each(|(tag, id)| model.stored_as(tag, id));
            }
        }
    }
}

/// The record in the answer to a write.
pub(super) fn record(answer: &Answer) -> Fields {
    let mut fields = match answer.json() {
        Value::Object(fields) => fields,
        _ => Fields::new(),
    };
    fields.retain(|name, _| !NOT_OF_THE_RECORD.contains(&name.as_str()));
    fields
}

/// The ids in the answer to a batch.
pub(super) fn ids(answer: &Answer) -> Vec<i64> {
    let body = answer.json();
    let ids = body.get("ids").and_then(Value::as_array).cloned().unwrap_or_default();
    ids.iter().filter_map(Value::as_i64).collect()
}
