//! The outside index as a source of candidates.

use storage_dualwrite::index::{self, Condition, GuardedIndex, IndexError, VectorIndex as _};
use storage_models::Embedding;
use storage_query::{AuditFilter as _, Candidate, CandidateSource, RemediationFilter, Valid};
use tokio::time::Instant;

/// The index, for one search.
pub(super) struct Outside<'a> {
    pub(super) index: &'a GuardedIndex,
    /// How long it may be waited for, all its answers together.
    pub(super) until: Instant,
}

impl CandidateSource for Outside<'_> {
    type Error = IndexError;

    async fn nearest(
        &self,
        vector: &Embedding,
        filter: &Valid<RemediationFilter>,
        limit: usize,
    ) -> Result<Vec<Candidate>, IndexError> {
        let conditions = conditions(filter);
        let began = Instant::now();
        let answer = tokio::time::timeout_at(self.until, self.index.search(vector, &conditions, limit)).await;
        let late = |_| IndexError::TimedOut { operation: "search", limit: began.elapsed() };
        let found = answer.map_err(late)??;
        Ok(found.iter().map(|it| Candidate { id: it.record_id, similarity: it.similarity }).collect())
    }
}

/// Whether the index can apply this filter: it does not know what metadata says in full.
pub(super) fn serves(filter: &Valid<RemediationFilter>) -> bool {
    filter.filter().metadata.iter().all(|(_, values)| values.is_empty())
}

/// The filter in the index's words.
pub(super) fn conditions(filter: &Valid<RemediationFilter>) -> Vec<Condition> {
    let listed = index::fields().map(|field| (field, filter.filter().values(field.name)));
    let mut conditions: Vec<_> = listed
        .filter(|(_, values)| !values.is_empty())
        .map(|(field, values)| Condition::AnyOf { field, values })
        .collect();
    let (since, until) = (filter.since(), filter.until());
    if since.is_some() || until.is_some() {
        conditions.push(Condition::StartTime { since, until });
    }
    let millis = |end: std::time::Duration| i64::try_from(end.as_millis()).unwrap_or(i64::MAX);
    let duration = filter.filter().duration;
    let (min, max) = (duration.min.map(millis), duration.max.map(millis));
    if min.is_some() || max.is_some() {
        conditions.push(Condition::DurationMs { min, max });
    }
    conditions
}
