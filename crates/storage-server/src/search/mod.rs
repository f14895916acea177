//! Answers searches by meaning, by words, or by both, with the dependencies that are available.
//!
//! A search holds no connection to the database while it waits for the embedder and the outside index, and neither may
//! use up the time of the next step. The search continues without an unavailable dependency, and the answer says so.

mod incidents;
mod outside;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use futures_util::future;
use serde::Serialize;
use storage_dualwrite::index::GuardedIndex;
use storage_models::{Embedding, IncidentKey};
use storage_query::{
    CandidateError, CheckedFilter, FusedHit, Lexical, LexicalQuery, Nearest, NearestQuery, RemediationFilter,
    Scan, SearchRequest, candidates, fuse,
};
use tokio::time::Instant;
use utoipa::ToSchema;

pub(crate) use self::incidents::{NearIncidents, near};
use self::outside::Outside;
use crate::embedder::Embeddings;
use crate::store::edge::{AuditReader, ReadError};
use crate::telemetry::{chain, metrics as names};

/// The kind of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Semantic,
    Lexical,
    Hybrid,
}

/// The engine that compares vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Engine {
    Qdrant,
    Pgvector,
}

/// The dependencies of a search.
#[derive(Clone, Copy)]
pub(crate) struct Backends<'a> {
    pub(crate) reader: &'a dyn AuditReader,
    pub(crate) embeddings: &'a Embeddings,
    /// The outside index; `None` when pgvector is the only one.
    pub(crate) index: Option<&'a GuardedIndex>,
}

/// The parameters of a search.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) text: String,
    pub(crate) mode: Mode,
    pub(crate) filter: CheckedFilter<RemediationFilter>,
    pub(crate) request: SearchRequest,
    /// Whether incidents are wanted, each once, and not records.
    pub(crate) is_grouped: bool,
    /// The same text, looked for by its words.
    pub(crate) words: LexicalQuery,
}

/// The result of a search.
#[derive(Debug)]
pub(crate) struct Found {
    /// The best first.
    pub(crate) hits: Vec<FusedHit>,
    /// `None` when only words were compared.
    pub(crate) engine: Option<Engine>,
    /// Whether something that should have taken part was unavailable, or records were left out whose words are not stored yet.
    pub(crate) is_degraded: bool,
    /// Whether hits were left out for their bytes.
    pub(crate) is_cut: bool,
    /// The incidents that the hits stand for, by the hit's record, when these were wanted.
    pub(crate) incidents: HashMap<i64, Incident>,
}

/// An incident, which its newest record stands for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Incident {
    pub(crate) key: IncidentKey,
    /// Records that match the filter.
    pub(crate) count: i64,
    /// Whether there may be more.
    pub(crate) is_count_at_least: bool,
    /// The ids of the newest, the newest first.
    pub(crate) newest: Vec<i64>,
}

/// The side of the meaning.
struct ByMeaning {
    nearest: Nearest,
    engine: Engine,
    is_degraded: bool,
}

impl Mode {
    /// Each with its name.
    const ALL: [(&str, Self); 3] =
        [("semantic", Self::Semantic), ("lexical", Self::Lexical), ("hybrid", Self::Hybrid)];

    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, mode)| mode)
    }

    /// Their names.
    pub(crate) fn names() -> [&'static str; 3] {
        Self::ALL.map(|(name, _)| name)
    }
}

impl Search {
    /// Answers it.
    ///
    /// # Errors
    /// When PostgreSQL did not answer. Whatever else is unavailable costs quality, not the answer.
    pub(crate) async fn run(self, backends: &Backends<'_>, deadline: Instant) -> Result<Found, ReadError> {
        let deadline = with_time_to_answer(deadline);
        if self.is_grouped {
            return self.incidents(backends, deadline).await;
        }
        match self.mode {
            Mode::Lexical => self.by_words_alone(backends, deadline, false).await,
            Mode::Semantic => match self.by_meaning(backends, deadline).await? {
                Some(side) => Ok(self.found(side, Lexical::default())),
                None => self.by_words_alone(backends, deadline, true).await,
            },
            Mode::Hybrid => {
                let words = self.words.clone().for_fusion();
                let (side, words) = future::join(
                    self.by_meaning(backends, deadline),
                    backends.reader.lexical(words, deadline),
                )
                .await;
                match either(side, words)? {
                    (Some(side), Some(words)) => Ok(self.found(side, words)),
                    (Some(side), None) => {
                        Ok(self.found(ByMeaning { is_degraded: true, ..side }, Lexical::default()))
                    }
                    (None, words) => Ok(self.words_found(words.unwrap_or_default(), true)),
                }
            }
        }
    }

    async fn by_words_alone(
        &self,
        backends: &Backends<'_>,
        deadline: Instant,
        is_degraded: bool,
    ) -> Result<Found, ReadError> {
        let words = backends.reader.lexical(self.words.clone(), deadline).await?;
        Ok(self.words_found(words, is_degraded))
    }

    fn words_found(&self, words: Lexical, is_degraded: bool) -> Found {
        let hits = fuse(Vec::new(), words.hits, self.limit());
        let is_cut = words.is_cut && hits.len() < self.limit();
        Found {
            hits,
            engine: None,
            is_degraded: is_degraded || words.is_behind,
            is_cut,
            incidents: HashMap::new(),
        }
    }

    fn found(&self, side: ByMeaning, words: Lexical) -> Found {
        let ByMeaning { nearest, engine, is_degraded } = side;
        let is_degraded = is_degraded || words.is_behind;
        let hits = fuse(nearest.hits, words.hits, self.limit());
        let is_cut = (nearest.is_cut || words.is_cut) && hits.len() < self.limit();
        Found { hits, engine: Some(engine), is_degraded, is_cut, incidents: HashMap::new() }
    }

    fn limit(&self) -> usize {
        usize::try_from(self.request.limit()).unwrap_or(usize::MAX)
    }

    /// `None` when there is no vector to compare with.
    async fn by_meaning(
        &self,
        backends: &Backends<'_>,
        deadline: Instant,
    ) -> Result<Option<ByMeaning>, ReadError> {
        let Some(vector) = self.embedded(backends, half_way(deadline)).await else { return Ok(None) };
        let is_index_asked = backends.index.is_some() && outside::serves(&self.filter);
        if is_index_asked && let Some(nearest) = self.through_the_index(backends, &vector, deadline).await? {
            return Ok(Some(ByMeaning { nearest, engine: Engine::Qdrant, is_degraded: false }));
        }
        let nearest = self.through_pgvector(backends, vector, deadline).await?;
        Ok(Some(ByMeaning { nearest, engine: Engine::Pgvector, is_degraded: is_index_asked }))
    }

    async fn embedded(&self, backends: &Backends<'_>, until: Instant) -> Option<Embedding> {
        match tokio::time::timeout_at(until, backends.embeddings.embed_query(&self.text)).await {
            Ok(Ok(vector)) => Some(vector),
            Ok(Err(error)) => {
                let error = chain(&error);
                tracing::warn!(
                    error,
                    "the embedder gave no vector for a search; it is answered by words alone"
                );
                None
            }
            Err(_late) => {
                tracing::warn!(
                    "the embedder gave no vector for a search in time; it is answered by words alone"
                );
                None
            }
        }
    }

    /// `None` when the index did not answer.
    async fn through_the_index(
        &self,
        backends: &Backends<'_>,
        vector: &Embedding,
        deadline: Instant,
    ) -> Result<Option<Nearest>, ReadError> {
        let Some(index) = backends.index else { return Ok(None) };
        let source = Outside { index, until: half_way(deadline) };
        let query = self.nearest(vector.clone());
        let read = async |ids| backends.reader.nearest_among(query.clone(), ids, deadline).await;
        match candidates(&source, vector, &self.filter, self.request, read).await {
            Ok(nearest) => Ok(Some(nearest)),
            Err(CandidateError::Read(error)) => Err(error),
            Err(CandidateError::Source(error)) => {
                // The guard logs an outage once; this line is logged for each search that is affected.
                tracing::debug!(
                    error = chain(&error),
                    "the vector index did not answer a search; pgvector answers it"
                );
                Ok(None)
            }
        }
    }

    async fn through_pgvector(
        &self,
        backends: &Backends<'_>,
        vector: Embedding,
        deadline: Instant,
    ) -> Result<Nearest, ReadError> {
        let nearest = backends.reader.nearest(self.nearest(vector), deadline).await?;
        if nearest.scan == Scan::Everything {
            metrics::counter!(names::SEARCH_EXACT).increment(1);
        }
        Ok(nearest)
    }

    fn nearest(&self, vector: Embedding) -> NearestQuery {
        let query = NearestQuery::new(vector, self.filter.clone(), self.request);
        if self.mode == Mode::Hybrid { query.for_fusion() } else { query }
    }
}

/// The results of the two halves of a search. Either half may answer alone.
///
/// # Errors
/// The second's, when there is neither.
fn either<A, B>(
    meaning: Result<Option<A>, ReadError>,
    words: Result<B, ReadError>,
) -> Result<(Option<A>, Option<B>), ReadError> {
    let told = |side: &str, error: &ReadError| {
        let error = chain(error);
        tracing::warn!(error, side, "one half of a hybrid search failed; the other half answers alone");
    };
    match (meaning, words) {
        (Ok(meaning), Ok(words)) => Ok((meaning, Some(words))),
        (Ok(None) | Err(_), Err(error)) => Err(error),
        (Ok(Some(meaning)), Err(error)) => {
            told("words", &error);
            Ok((Some(meaning), None))
        }
        (Err(error), Ok(words)) => {
            told("meaning", &error);
            Ok((None, Some(words)))
        }
    }
}

/// A tenth of the time is left for what comes of both sides when one of them uses all of its own.
pub(crate) fn with_time_to_answer(deadline: Instant) -> Instant {
    let left = deadline.saturating_duration_since(Instant::now());
    deadline.checked_sub(left / 10).unwrap_or(deadline)
}

/// When a stage must be done for as much time to be left as it had.
pub(crate) fn half_way(deadline: Instant) -> Instant {
    let now = Instant::now();
    now + deadline.saturating_duration_since(now) / 2
}
