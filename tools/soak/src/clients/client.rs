//! One client: what it does next, and at which pace.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::Method;
use storage_models::RecordType;

use super::request::{Carries, Request};
use super::shared::{Shared, record};
use crate::model::{Difference, Fields, Standing, version};
use crate::records;

/// Records of its own that a client knows at most, for changing and reading.
const KNOWN_MAX: usize = 200;
/// After how many records all clients together stop.
const RECORDS_MAX: usize = 1_000_000;

/// A record that the client has stored.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) kind: RecordType,
    pub(super) tag: String,
    pub(super) id: i64,
    /// As last answered.
    pub(super) record: Fields,
}

/// One client.
pub(crate) struct Client<'a> {
    pub(super) shared: &'a Shared,
    pub(super) rng: StdRng,
    /// The longest pause between two requests.
    pause: Duration,
    pub(super) known: Vec<Known>,
}

impl<'a> Client<'a> {
    /// A client whose choices follow from the seed and its number.
    pub(crate) fn new(shared: &'a Shared, seed: u64, number: u64, pause: Duration) -> Self {
        let rng = StdRng::seed_from_u64(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Self { shared, rng, pause, known: Vec::new() }
    }

    /// Works until the run is over.
    pub(crate) async fn run(mut self) {
        while !self.shared.is_over() && self.shared.model().len() < RECORDS_MAX {
            match self.rng.random_range(0..100_u8) {
                0..45 => self.write_one().await,
                45..55 => self.write_batch().await,
                55..62 => self.send_spoilt().await,
                62..85 => self.change().await,
                _ => self.read().await,
            }
            tokio::time::sleep(self.pause.mul_f64(self.rng.random_range(0.0..1.0))).await;
        }
    }

    /// A remediation that is stored for sure, to refer to.
    pub(super) fn parent(&mut self) -> Option<i64> {
        let parents: Vec<i64> =
            self.known.iter().filter(|it| it.kind == RecordType::Remediation).map(|it| it.id).collect();
        (!parents.is_empty()).then(|| parents.get(self.rng.random_range(0..parents.len())).copied())?
    }

    pub(super) fn remember(&mut self, known: Known) {
        if self.known.len() >= KNOWN_MAX {
            let forgotten = self.rng.random_range(0..self.known.len());
            self.known.swap_remove(forgotten);
        }
        self.known.push(known);
    }

    fn any_known(&mut self) -> Option<usize> {
        (!self.known.is_empty()).then(|| self.rng.random_range(0..self.known.len()))
    }

    /// Changes a record, mostly on the strength of the version it has seen last.
    async fn change(&mut self) {
        let Some(place) = self.any_known() else { return };
        let Some(known) = self.known.get(place).cloned() else { return };
        if !matches!(known.kind, RecordType::Remediation | RecordType::Workflow) || is_finished(&known.record)
        {
            return;
        }
        let change = records::change(&mut self.rng, known.kind, &known.record);
        // Rivals: two changes of the same version at once. At most one of them may be accepted.
        let rival =
            self.rng.random_bool(0.2).then(|| records::change(&mut self.rng, known.kind, &known.record));
        let mut rival_rng = StdRng::seed_from_u64(self.rng.random());
        let first = self.request_change(&known, &change);
        let second = rival.map(|rival| self.request_change(&known, &rival));
        let shared = self.shared;
        let (first, second) = tokio::join!(shared.deliver(&mut self.rng, first), async {
            match second {
                Some(second) => Some(shared.deliver(&mut rival_rng, second).await),
                None => None,
            }
        });
        let answers = [Some(first), second];
        let applied =
            answers.iter().flatten().filter_map(|(_, answer)| answer.as_ref()).next_back().map(record);
        let in_doubt = answers.iter().flatten().any(|(standing, _)| *standing == Standing::Unknown);
        match (applied, self.known.get_mut(place)) {
            (Some(record), Some(known)) if !in_doubt => known.record = record,
            // Another client was faster, or the outcome is unknown: read the record before changing it again.
            _ => self.refresh(place).await,
        }
    }

    fn request_change(&mut self, known: &Known, change: &Fields) -> Request {
        let base = version(&known.record);
        let number = self.shared.model().changes(&known.tag, base, change);
        Request {
            operation: "PATCH",
            kind: known.kind,
            method: Method::PATCH,
            path: format!("/api/v1/audit/{}/{}", known.kind.path(), known.id),
            key: self.key(0.8),
            header: Some(("If-Match", format!("\"{}-{base}\"", known.id))),
            content_type: "application/merge-patch+json",
            body: serde_json::Value::Object(change.clone()).to_string(),
            carries: Carries::Change(known.tag.clone(), number),
        }
    }

    /// A fresh key, with this probability.
    pub(super) fn key(&mut self, probability: f64) -> Option<String> {
        self.rng.random_bool(probability).then(|| format!("key-{}", self.shared.tag()))
    }

    async fn read(&mut self) {
        match self.any_known() {
            Some(place) if self.rng.random_bool(0.7) => self.refresh(place).await,
            _ => {
                let path = match self.rng.random_range(0..3_u8) {
                    0 => "/api/v1/audit/remediation?limit=20&namespace=payments",
                    1 => "/api/v1/audit/search?q=a+pod+keeps+crashing&limit=5",
                    _ => "/api/v1/audit/execution?limit=20",
                };
                let request = reading("GET list", RecordType::Remediation, path.to_owned());
                self.shared.attempt(&mut self.rng, &request).await;
            }
        }
    }

    /// Reads a record that was acknowledged: it is there, in the version known or a later one.
    async fn refresh(&mut self, place: usize) {
        let Some(known) = self.known.get(place).cloned() else { return };
        let path = format!("/api/v1/audit/{}/{}", known.kind.path(), known.id);
        let request = reading("GET", known.kind, path);
        let answer = self.shared.attempt(&mut self.rng, &request).await;
        match answer.status.map(|status| status.as_u16()) {
            Some(200) => {
                let found = record(&answer);
                if version(&found) < version(&known.record) {
                    self.shared.model().wrong(Difference::LostChange {
                        tag: known.tag.clone(),
                        known: version(&known.record),
                        found: version(&found),
                    });
                }
                if let Some(known) = self.known.get_mut(place) {
                    known.record = found;
                }
            }
            Some(404) => {
                self.shared.model().wrong(Difference::Lost { kind: known.kind, tag: known.tag, id: known.id })
            }
            _ => {}
        }
    }
}

fn is_finished(record: &Fields) -> bool {
    let phase = record.get("phase").and_then(serde_json::Value::as_str);
    matches!(phase, Some("completed" | "failed"))
}

fn reading(operation: &'static str, kind: RecordType, path: String) -> Request {
    Request {
        operation,
        kind,
        method: Method::GET,
        path,
        key: None,
        header: None,
        content_type: "application/json",
        body: String::new(),
        carries: Carries::Batch(Vec::new()),
    }
}
