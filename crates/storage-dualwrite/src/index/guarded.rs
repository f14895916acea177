//! An index behind a circuit breaker, whose owner is checked at the first contact and after each outage.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use storage_breaker::{Breaker, BreakerSettings, BreakerState};
use storage_models::{Embedding, IncidentKey};

use super::{
    Condition, IndexError, IndexIdentity, NearIncident, Neighbour, Point, PointVersion, VectorIndex,
};

/// State of the circuit breaker: 0 closed, 1 half open, 2 open; label `dependency`.
pub(crate) const BREAKER_STATE: &str = "datastorage_breaker_state";
const DEPENDENCY: &str = "qdrant";
/// Answers to searches that are not what was asked for.
const UNUSABLE_ANSWERS: &str = "datastorage_index_unusable_answers_total";
/// How long calls to an index that is not ours are paused. Only an operator can repair it; the service then notices the
/// repair.
const MISMATCH_PAUSE: Duration = Duration::from_secs(30);

/// All calls of the process go through this index, so that they share one breaker and one finding.
///
/// The first call, and the first one after any outage, begins with [`VectorIndex::prepare`]: a collection that was
/// replaced meanwhile is checked before it is written.
#[derive(Debug)]
pub struct GuardedIndex {
    inner: Arc<dyn VectorIndex>,
    identity: IndexIdentity,
    breaker: Breaker,
    is_checked: AtomicBool,
    is_away: AtomicBool,
    /// The sentence that says why the index is not ours to use.
    mismatch: Mutex<Option<String>>,
    /// Of the last call that was answered; 0 before the first.
    latency_micros: AtomicU64,
}

impl GuardedIndex {
    /// Guards `inner`, which must belong to `identity`. Makes no call yet.
    #[must_use]
    pub fn new(inner: Arc<dyn VectorIndex>, identity: IndexIdentity, settings: BreakerSettings) -> Self {
        let guarded = Self {
            inner,
            identity,
            breaker: Breaker::new(settings),
            is_checked: AtomicBool::new(false),
            is_away: AtomicBool::new(false),
            mismatch: Mutex::default(),
            latency_micros: AtomicU64::new(0),
        };
        guarded.show(BreakerState::Closed);
        guarded
    }

    /// Checks that the index is available and ours.
    ///
    /// # Errors
    /// As [`VectorIndex::prepare`]; [`IndexError::Away`] also while calls are paused.
    pub async fn check(&self) -> Result<(), IndexError> {
        self.call(async { Ok(()) }).await
    }

    /// Whether it answered when it was last asked, and is ours; optimistic before the first time.
    #[must_use]
    pub fn is_up(&self) -> bool {
        !self.is_away.load(Ordering::Relaxed)
    }

    /// Why the index is not ours to use, if this was found and has not been repaired.
    #[must_use]
    pub fn mismatch(&self) -> Option<String> {
        self.finding().clone()
    }

    /// How long the last call took that was answered.
    #[must_use]
    pub fn latency(&self) -> Option<Duration> {
        let micros = self.latency_micros.load(Ordering::Relaxed);
        (micros > 0).then(|| Duration::from_micros(micros))
    }

    /// Whom the index must belong to.
    #[must_use]
    pub const fn identity(&self) -> &IndexIdentity {
        &self.identity
    }

    /// Whether a call that began now would be made.
    #[must_use]
    pub fn may_be_asked(&self) -> bool {
        self.breaker.state(Instant::now()) != BreakerState::Open
    }

    async fn call<T>(
        &self,
        call: impl Future<Output = Result<T, IndexError>> + Send,
    ) -> Result<T, IndexError> {
        let permit = self.breaker.admit(Instant::now()).map_err(|wait| self.left_alone(wait))?;
        let started = Instant::now();
        let outcome = async {
            if !self.is_checked.load(Ordering::Acquire) {
                self.inner.prepare(&self.identity).await?;
                self.is_checked.store(true, Ordering::Release);
            }
            call.await
        }
        .await;
        match &outcome {
            Ok(_) | Err(IndexError::Refused { .. }) => {
                permit.succeeded();
                let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
                self.latency_micros.store(micros, Ordering::Relaxed);
                *self.finding() = None;
            }
            Err(error) => {
                self.is_checked.store(false, Ordering::Release);
                permit.failed(Instant::now(), asked_pause(error));
                if let IndexError::Mismatch(sentence) = error {
                    self.note_mismatch(sentence);
                }
            }
        }
        self.tell(outcome.as_ref().err());
        outcome
    }

    fn left_alone(&self, wait: Duration) -> IndexError {
        match self.mismatch() {
            Some(sentence) => IndexError::Mismatch(sentence),
            None => IndexError::Away {
                reason: "calls to it are paused because it failed".to_owned(),
                retry_after: Some(wait),
            },
        }
    }

    fn note_mismatch(&self, sentence: &str) {
        let mut known = self.finding();
        if known.as_deref() != Some(sentence) {
            tracing::error!(reason = sentence, "the vector index cannot be used; nothing is written to it");
            *known = Some(sentence.to_owned());
        }
    }

    /// Shows the state, and logs a change of it once.
    fn tell(&self, error: Option<&IndexError>) {
        let state = self.breaker.state(Instant::now());
        self.show(state);
        let is_away = error.is_some_and(|error| !matches!(error, IndexError::Refused { .. }));
        match (self.is_away.swap(is_away, Ordering::Relaxed), error) {
            (false, Some(error)) if is_away && error.is_outage() => {
                tracing::warn!(%error, "the vector index is unavailable; records wait in the outbox");
            }
            (true, _) if !is_away => tracing::info!("the vector index is available again"),
            _ => {}
        }
    }

    fn show(&self, state: BreakerState) {
        metrics::gauge!(BREAKER_STATE, "dependency" => DEPENDENCY).set(state.gauge());
    }

    fn finding(&self) -> MutexGuard<'_, Option<String>> {
        // Every change is complete before anything can panic.
        self.mismatch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of what a search found.
trait Found {
    type Id: Eq + Hash;

    fn id(&self) -> Self::Id;

    fn similarity(&self) -> f64;
}

impl Found for Neighbour {
    type Id = i64;

    fn id(&self) -> i64 {
        self.record_id
    }

    fn similarity(&self) -> f64 {
        self.similarity
    }
}

impl Found for NearIncident {
    type Id = IncidentKey;

    fn id(&self) -> IncidentKey {
        self.key
    }

    fn similarity(&self) -> f64 {
        self.similarity
    }
}

/// Whether an answer is what was asked for: what was stored is checked where it is searched.
fn check<F: Found>(found: &[F], limit: usize) -> Result<(), &'static str> {
    let distinct: HashSet<F::Id> = found.iter().map(F::id).collect();
    match () {
        () if found.len() > limit => Err("more points than the request asked for"),
        () if distinct.len() < found.len() => Err("the same point twice"),
        () if found.iter().any(|it| !(-1.0..=1.0).contains(&it.similarity())) => {
            Err("a similarity outside the range -1 to 1")
        }
        () if !found.is_sorted_by(|one, next| one.similarity() >= next.similarity()) => {
            Err("points that are not sorted by similarity")
        }
        () => Ok(()),
    }
}

/// Counts the answer, which is done without.
fn unusable(fault: &str) -> IndexError {
    metrics::counter!(UNUSABLE_ANSWERS).increment(1);
    tracing::error!(fault, "the answer of the vector index cannot be used; pgvector answers the search");
    IndexError::Refused { operation: "search", reason: format!("its answer has {fault}") }
}

const fn asked_pause(error: &IndexError) -> Option<Duration> {
    match error {
        IndexError::Mismatch(_) => Some(MISMATCH_PAUSE),
        IndexError::Away { retry_after, .. } => *retry_after,
        IndexError::TimedOut { .. } | IndexError::Refused { .. } => None,
    }
}

#[async_trait]
impl VectorIndex for GuardedIndex {
    async fn prepare(&self, identity: &IndexIdentity) -> Result<(), IndexError> {
        self.call(self.inner.prepare(identity)).await
    }

    async fn upsert(&self, points: &[Point]) -> Result<(), IndexError> {
        self.call(self.inner.upsert(points)).await
    }

    async fn delete(&self, ids: &[i64]) -> Result<(), IndexError> {
        self.call(self.inner.delete(ids)).await
    }

    async fn search(
        &self,
        vector: &Embedding,
        conditions: &[Condition],
        limit: usize,
    ) -> Result<Vec<Neighbour>, IndexError> {
        let found = self.call(self.inner.search(vector, conditions, limit)).await?;
        check(&found, limit).map_err(unusable)?;
        Ok(found)
    }

    async fn search_incidents(
        &self,
        vector: &Embedding,
        conditions: &[Condition],
        limit: usize,
    ) -> Result<Vec<NearIncident>, IndexError> {
        let found = self.call(self.inner.search_incidents(vector, conditions, limit)).await?;
        check(&found, limit).map_err(unusable)?;
        Ok(found)
    }

    async fn page(&self, after: Option<i64>, limit: usize) -> Result<Vec<PointVersion>, IndexError> {
        self.call(self.inner.page(after, limit)).await
    }

    async fn versions(&self, ids: &[i64]) -> Result<Vec<PointVersion>, IndexError> {
        self.call(self.inner.versions(ids)).await
    }

    async fn count(&self) -> Result<u64, IndexError> {
        self.call(self.inner.count()).await
    }
}

#[cfg(test)]
mod tests {
    use super::{Neighbour, check};

    #[test]
    fn an_answer_that_is_not_what_was_asked_for_is_not_used() {
        for (found, limit, fault) in [
            (&[][..], 2, None),
            (&[(1, 1.0), (2, 0.5)], 2, None),
            (&[(2, 0.5), (1, 0.5)], 2, None),
            (&[(1, 1.0), (2, 0.5)], 1, Some("more points than the request asked for")),
            (&[(1, 1.0), (1, 0.5)], 2, Some("the same point twice")),
            (&[(1, f64::NAN)], 2, Some("a similarity outside the range -1 to 1")),
            (&[(1, 1.5)], 2, Some("a similarity outside the range -1 to 1")),
            (&[(1, 0.5), (2, 1.0)], 2, Some("points that are not sorted by similarity")),
        ] {
            let neighbour = |(record_id, similarity): &(i64, f64)| Neighbour {
                record_id: *record_id,
                similarity: *similarity,
            };
            let found: Vec<Neighbour> = found.iter().map(neighbour).collect();
            assert_eq!(check(&found, limit).err(), fault, "{found:?}");
        }
    }
}
