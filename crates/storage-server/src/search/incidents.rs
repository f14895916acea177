//! A search for incidents: each once, as its newest record, however many records say the same.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use futures_util::future;
use storage_dualwrite::IncidentKeys as _;
use storage_dualwrite::index::VectorIndex as _;
use storage_models::{Embedding, IncidentKey, Remediation};
use storage_query::{
    CheckedFilter, Hit, IncidentHit, IncidentSummary, Lexical, LexicalHit, NEWEST, NearestQuery,
    RemediationFilter, SearchRequest, fuse,
};
use tokio::time::Instant;

use super::{Backends, Engine, Found, Incident, Mode, Search, either, half_way, outside};
use crate::store::edge::ReadError;
use crate::telemetry::chain;

/// Incidents that are near in meaning.
pub(crate) struct NearIncidents {
    /// The nearest first.
    pub(crate) incidents: Vec<IncidentHit>,
    pub(crate) engine: Engine,
    /// Whether an index that should have answered did not.
    pub(crate) is_degraded: bool,
}

/// A record that was found by its words, and the incident that it belongs to.
struct Worded {
    key: IncidentKey,
    hit: LexicalHit,
}

impl Search {
    pub(super) async fn incidents(
        &self,
        backends: &Backends<'_>,
        deadline: Instant,
    ) -> Result<Found, ReadError> {
        let by_words = || backends.reader.lexical(self.words.clone().for_incidents(), deadline);
        let (meaning, words, is_alone) = match self.mode {
            Mode::Lexical => (None, by_words().await?, false),
            Mode::Semantic => match self.incidents_by_meaning(backends, deadline).await? {
                Some(side) => (Some(side), Lexical::default(), false),
                None => (None, by_words().await?, true),
            },
            Mode::Hybrid => {
                let (meaning, words) =
                    future::join(self.incidents_by_meaning(backends, deadline), by_words()).await;
                let (meaning, words) = either(meaning, words)?;
                let is_alone = meaning.is_none() || words.is_none();
                (meaning, words.unwrap_or_default(), is_alone)
            }
        };
        self.together(backends, meaning, words, is_alone, deadline).await
    }

    /// Both sides as one order of incidents. An incident's newest record stands for it on both.
    async fn together(
        &self,
        backends: &Backends<'_>,
        meaning: Option<NearIncidents>,
        words: Lexical,
        is_alone: bool,
        deadline: Instant,
    ) -> Result<Found, ReadError> {
        let near = meaning.as_ref().map(|side| side.incidents.as_slice()).unwrap_or_default();
        let keyed = |hit: LexicalHit| Worded { key: backends.embeddings.incident_key(&hit.record), hit };
        let worded: Vec<Worded> = words.hits.into_iter().map(keyed).collect();
        let firsts = firsts(&worded);
        let keys = near.iter().map(|hit| hit.key).chain(firsts.iter().map(|it| it.key)).collect();
        let summaries = backends.reader.incidents(keys, self.filter.clone(), deadline).await?;

        let mut incidents = HashMap::new();
        let mut stand_in = |key: IncidentKey| {
            let (incident, record) = match summaries.get(&key) {
                Some(summary) => (Incident::of(key, summary), summary.record.clone()),
                None => Incident::of_waiting(key, &worded)?,
            };
            incidents.insert(record.id, incident);
            Some(record)
        };
        let by_meaning: Vec<Hit> =
            near.iter().filter_map(|hit| Some(Hit::new(hit.similarity, stand_in(hit.key)?))).collect();
        let by_words: Vec<LexicalHit> =
            firsts.iter().filter_map(|it| Some(it.hit.clone().shown_as(stand_in(it.key)?))).collect();
        let hits = fuse(by_meaning, by_words, self.limit());
        incidents.retain(|id, _| hits.iter().any(|hit| hit.record.id == *id));
        let is_cut = words.is_cut && hits.len() < self.limit();
        let is_degraded =
            is_alone || words.is_behind || meaning.as_ref().is_some_and(|side| side.is_degraded);
        Ok(Found { hits, engine: meaning.map(|side| side.engine), is_degraded, is_cut, incidents })
    }

    /// `None` when there is no vector to compare with.
    async fn incidents_by_meaning(
        &self,
        backends: &Backends<'_>,
        deadline: Instant,
    ) -> Result<Option<NearIncidents>, ReadError> {
        let Some(vector) = self.embedded(backends, half_way(deadline)).await else { return Ok(None) };
        near(backends, vector, &self.filter, self.request, deadline).await.map(Some)
    }
}

/// The incidents nearest to a vector, of records that match the filter.
///
/// # Errors
/// When PostgreSQL did not answer.
pub(crate) async fn near(
    backends: &Backends<'_>,
    vector: Embedding,
    filter: &CheckedFilter<RemediationFilter>,
    request: SearchRequest,
    deadline: Instant,
) -> Result<NearIncidents, ReadError> {
    let is_index_asked = backends.index.is_some() && outside::serves(filter);
    if is_index_asked
        && let Some(incidents) = near_in_the_index(backends, &vector, filter, request, deadline).await
    {
        return Ok(NearIncidents { incidents, engine: Engine::Qdrant, is_degraded: false });
    }
    let query = NearestQuery::new(vector, filter.clone(), request);
    let incidents = backends.reader.nearest_incidents(query, deadline).await?;
    Ok(NearIncidents { incidents, engine: Engine::Pgvector, is_degraded: is_index_asked })
}

/// `None` when the index did not answer.
async fn near_in_the_index(
    backends: &Backends<'_>,
    vector: &Embedding,
    filter: &CheckedFilter<RemediationFilter>,
    request: SearchRequest,
    deadline: Instant,
) -> Option<Vec<IncidentHit>> {
    let index = backends.index?;
    let conditions = outside::conditions(filter);
    let limit = usize::try_from(request.limit()).unwrap_or(usize::MAX);
    let asked = index.search_incidents(vector, &conditions, limit);
    match tokio::time::timeout_at(half_way(deadline), asked).await {
        Ok(Ok(found)) => {
            let hits = found.iter().map(|it| IncidentHit::new(it.key, it.similarity.max(0.0)));
            Some(hits.filter(|hit| hit.similarity >= request.min_similarity()).collect())
        }
        Ok(Err(error)) => {
            tracing::debug!(
                error = chain(&error),
                "the vector index did not answer a search; pgvector answers it"
            );
            None
        }
        Err(_late) => {
            tracing::debug!("the vector index did not answer a search in time; pgvector answers it");
            None
        }
    }
}

/// The best of each incident, in their order.
fn firsts(worded: &[Worded]) -> Vec<&Worded> {
    let mut known = HashSet::new();
    worded.iter().filter(|it| known.insert(it.key)).collect()
}

impl Incident {
    fn of(key: IncidentKey, summary: &IncidentSummary) -> Self {
        Self {
            key,
            count: summary.count,
            is_count_at_least: summary.is_count_at_least(),
            newest: summary.newest.clone(),
        }
    }

    /// An incident none of whose records has a vector yet: what was found by its words is all that is known of it.
    fn of_waiting(key: IncidentKey, worded: &[Worded]) -> Option<(Self, Remediation)> {
        let mut records: Vec<&Remediation> =
            worded.iter().filter(|it| it.key == key).map(|it| &it.hit.record).collect();
        records.sort_by_key(|record| Reverse((record.start_time, record.id)));
        let newest = records
            .iter()
            .take(usize::try_from(NEWEST).unwrap_or_default())
            .map(|record| record.id)
            .collect();
        let count = i64::try_from(records.len()).unwrap_or(i64::MAX);
        let record = (*records.first()?).clone();
        Some((Self { key, count, is_count_at_least: true, newest }, record))
    }
}
