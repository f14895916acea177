//! The outside index as a source of candidates.

use storage_dualwrite::index::{self, Condition, GuardedIndex, IndexError, VectorIndex as _};
use storage_models::Embedding;
use storage_models::fields::Field;
use storage_query::{AuditFilter as _, Candidate, CandidateSource, CheckedFilter, RemediationFilter};
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
        filter: &CheckedFilter<RemediationFilter>,
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

/// Whether the index can apply this filter. It does not know what metadata says in full, nor when records were stored or
/// changed, nor how values begin; and its conditions all hold, while null is an alternative to values.
pub(super) fn serves(filter: &CheckedFilter<RemediationFilter>) -> bool {
    let asked = |field: &str, suffix: &str| !filter.filter().values(&format!("{field}{suffix}")).is_empty();
    let is_untold =
        |field: &Field| asked(field.name, ".prefix") || asked(field.name, "") && asked(field.name, ".null");
    !index::fields().any(is_untold)
        && !filter.is_within_written_times()
        && filter.filter().metadata.iter().all(|(_, values)| values.is_empty())
}

/// The filter in the index's words.
pub(super) fn conditions(filter: &CheckedFilter<RemediationFilter>) -> Vec<Condition> {
    let mut conditions: Vec<_> = index::fields().flat_map(|field| of_field(field, filter)).collect();
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

/// The conditions on one field.
fn of_field(
    field: &'static Field,
    filter: &CheckedFilter<RemediationFilter>,
) -> impl Iterator<Item = Condition> {
    let listed = |suffix: &str| filter.filter().values(&format!("{}{suffix}", field.name));
    let values = Some(listed("")).filter(|values| !values.is_empty());
    let excluded = Some(listed(".not")).filter(|values| !values.is_empty());
    let is_null = listed(".null").first().map(|text| text == "true");
    let any_of = values.map(|values| Condition::AnyOf { field, values });
    let none_of = excluded.map(|values| Condition::NoneOf { field, values });
    let absent = is_null.map(|is_absent| Condition::Absent { field, is_absent });
    [any_of, none_of, absent].into_iter().flatten()
}
