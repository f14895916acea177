//! A steady load: requests leave at their times, however long the answers take.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::arguments::RolloutArguments;

/// Requests under way at most. One that finds no place counts as failed: the service or this machine is too slow.
const UNDER_WAY_MAX: usize = 1_000;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// For how long a write is repeated with its key until it is acknowledged.
const REPEAT_BOUND: Duration = Duration::from_secs(60);
/// Before it is repeated.
const REPEAT_PAUSE: Duration = Duration::from_millis(100);

/// What happens to the replicas meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Calm,
    Restart,
    Upgrade,
    RollBack,
    Kill,
}

impl Phase {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Calm => "nothing",
            Self::Restart => "restart of each",
            Self::Upgrade => "upgrade of each",
            Self::RollBack => "roll back of each",
            Self::Kill => "kill of one",
        }
    }
}

/// The requests that ended in one phase, each repetition by itself.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) writes: u64,
    pub(super) reads: u64,
    /// By what the client saw.
    pub(super) failures: BTreeMap<String, u64>,
    /// Of each request that succeeded, from the time at which it was to leave.
    pub(super) latencies: Vec<Duration>,
}

/// What the load has seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) phases: BTreeMap<Phase, Tally>,
    /// The names of acknowledged records by their ids.
    pub(super) acknowledged: BTreeMap<i64, String>,
    /// The names of records whose write was given up.
    pub(super) given_up: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Write,
    Read,
}

struct Shared {
    http: reqwest::Client,
    url: String,
    seen: Mutex<Seen>,
    phase: Mutex<Phase>,
    is_over: AtomicBool,
    last_id: AtomicU64,
    places: Arc<Semaphore>,
}

/// A load, which has one place in the phases at a time.
pub(super) struct Load {
    shared: Arc<Shared>,
    writes: u32,
    reads: u32,
}

impl Load {
    /// A load on the service at `url`, which begins with [`Self::run`].
    pub(super) fn new(url: &str, arguments: &RolloutArguments) -> Result<Self> {
        let shared = Shared {
            http: reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?,
            url: url.to_owned(),
            seen: Mutex::default(),
            phase: Mutex::new(Phase::Calm),
            is_over: AtomicBool::new(false),
            last_id: AtomicU64::new(0),
            places: Arc::new(Semaphore::new(UNDER_WAY_MAX)),
        };
        Ok(Self { shared: Arc::new(shared), writes: arguments.writes, reads: arguments.reads })
    }

    /// Counts requests that end from now on under this phase.
    pub(super) fn begin(&self, phase: Phase) {
        *self.shared.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    }

    /// No more requests leave.
    pub(super) fn end(&self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.shared.seen()
    }

    /// Sends requests until [`Self::end`], and waits for the answers.
    pub(super) async fn run(&self) {
        tokio::join!(
            self.send(self.writes, |shared, number, due| shared.write(number, due)),
            self.send(self.reads, |shared, number, due| shared.read(number, due)),
        );
    }

    async fn send<F>(&self, rate: u32, request: impl Fn(Arc<Shared>, u64, Instant) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Some(pause) = Duration::from_secs(1).checked_div(rate) else { return };
        let mut tick = tokio::time::interval(pause);
        let mut under_way = JoinSet::new();
        for number in 0.. {
            let due = tick.tick().await;
            if self.shared.is_over.load(Ordering::Relaxed) {
                break;
            }
            while under_way.try_join_next().is_some() {}
            under_way.spawn(request(Arc::clone(&self.shared), number, due));
        }
        under_way.join_all().await;
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request under the phase in which it has ended; the answer, if it is a good one.
    fn count(&self, kind: Kind, due: Instant, outcome: Result<Value, String>) -> Option<Value> {
        let phase = *self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seen = self.seen();
        let tally = seen.phases.entry(phase).or_default();
        match kind {
            Kind::Write => tally.writes += 1,
            Kind::Read => tally.reads += 1,
        }
        match outcome {
            Ok(answer) => {
                tally.latencies.push(due.elapsed());
                Some(answer)
            }
            Err(failure) => {
                *tally.failures.entry(failure).or_default() += 1;
                None
            }
        }
    }

    /// Writes a record. A failed write is repeated with its key, as a client should, so that it is settled in the end.
    async fn write(self: Arc<Self>, number: u64, due: Instant) {
        let name = format!("rollout-{number}");
        let record = json!({ "name": name, "namespace": "payments", "phase": "processing",
            "action_type": "restart-pod", "error_message": "Back-off restarting failed container" });
        let mut from = due;
        while due.elapsed() < REPEAT_BOUND {
            let request = self.http.post(format!("{}/api/v1/audit/remediation", self.url));
            let outcome = self.ask(request.header("Idempotency-Key", &name).json(&record)).await;
            if let Some(answer) = self.count(Kind::Write, from, outcome) {
                let id = answer.get("id").and_then(Value::as_i64).unwrap_or_default();
                self.last_id.store(id.unsigned_abs(), Ordering::Relaxed);
                self.seen().acknowledged.insert(id, name);
                return;
            }
            tokio::time::sleep(REPEAT_PAUSE).await;
            from = Instant::now();
        }
        self.seen().given_up.insert(name);
    }

    async fn read(self: Arc<Self>, number: u64, due: Instant) {
        let path = match (number % 3, self.last_id.load(Ordering::Relaxed)) {
            (0, id) if id > 0 => format!("remediation/{id}"),
            (1, _) => "search?q=a+container+that+restarts&limit=5".to_owned(),
            _ => "remediation?limit=20&namespace=payments".to_owned(),
        };
        let outcome = self.ask(self.http.get(format!("{}/api/v1/audit/{path}", self.url))).await;
        self.count(Kind::Read, due, outcome);
    }

    /// The body of a good answer, or what the client saw instead.
    async fn ask(&self, request: reqwest::RequestBuilder) -> Result<Value, String> {
        let Ok(_place) = self.places.try_acquire() else { return Err("never sent".to_owned()) };
        let answer = request.send().await.map_err(|error| told(&error))?;
        let status = answer.status();
        let body: Value = answer.json().await.map_err(|error| told(&error))?;
        if status.is_success() {
            return Ok(body);
        }
        let problem = body.get("type").and_then(Value::as_str).unwrap_or_default();
        Err(format!("{} {problem}", status.as_u16()))
    }
}

/// The innermost cause, which names what became of the connection.
fn told(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
