//! Search by meaning through an index outside the database.

use std::collections::HashMap;

use storage_models::{Embedding, Remediation};

use super::hits::ranked;
use crate::read::rows::Distant;
use crate::{Nearest, Records, RemediationFilter, SearchRequest, Valid};

/// How often more candidates are asked for, twice as many each time, when too few of them are left.
pub const MAX_REFILLS: u32 = 3;

/// A record that an outside index takes for near.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The record's id.
    pub id: i64,
    /// The cosine of the angle between the vectors, -1 to 1.
    pub similarity: f64,
}

/// An index of remediations outside the database. What it says is read, and filtered again, in the database.
pub trait CandidateSource {
    /// Why it gave nothing.
    type Error;

    /// The `limit` records nearest to `vector` among those that match the filter, nearest first. The filter must be
    /// applied inside the index: fewer come back only when fewer match.
    fn nearest(
        &self,
        vector: &Embedding,
        filter: &Valid<RemediationFilter>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Candidate>, Self::Error>> + Send;
}

/// Why a search through an outside index found nothing.
#[derive(Debug, thiserror::Error)]
pub enum CandidateError<S, R> {
    /// The index did not answer.
    #[error("the outside index gave no candidates")]
    Source(#[source] S),
    /// The candidates could not be read.
    #[error("the candidates could not be read")]
    Read(#[source] R),
}

/// The nearest to `vector` through `source`: [`SearchRequest::candidates`] of them, less what the database says
/// no longer matches. When that leaves fewer than the limit, more are asked for, at most [`MAX_REFILLS`] times.
///
/// `read` gives those of the records that exist and match the filter; [`get_many`](crate::get_many) does. Where it leaves
/// some out for their bytes, these are the last of the ids, and no more are asked for. It is called with no request to
/// the index under way, so it can take a connection each time and no connection is held while the index is waited for.
///
/// # Errors
/// Whichever of the two failed.
pub async fn candidates<S: CandidateSource, R>(
    source: &S,
    vector: &Embedding,
    filter: &Valid<RemediationFilter>,
    request: SearchRequest,
    mut read: impl AsyncFnMut(Vec<i64>) -> Result<Records<Remediation>, R>,
) -> Result<Nearest, CandidateError<S::Error, R>> {
    let size = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    let (limit, mut wanted) = (size(request.limit()), size(request.candidates()));
    let mut known: HashMap<i64, f64> = HashMap::new();
    let (mut rows, mut is_cut) = (Vec::new(), false);
    for refill in 0..=MAX_REFILLS {
        let found = source.nearest(vector, filter, wanted).await.map_err(CandidateError::Source)?;
        let is_near = |similarity: f64| similarity.max(0.0) >= request.min_similarity();
        let near = found.iter().filter(|candidate| is_near(candidate.similarity));
        let fresh: Vec<i64> = near
            .filter(|candidate| known.insert(candidate.id, candidate.similarity).is_none())
            .map(|candidate| candidate.id)
            .collect();
        let is_all = found.len() < wanted || fresh.is_empty();
        if !fresh.is_empty() {
            let found = read(fresh).await.map_err(CandidateError::Read)?;
            is_cut = found.is_cut;
            rows.extend(found.records.into_iter().filter_map(|record| {
                let similarity = known.get(&record.id)?;
                Some(Distant { distance: 1.0 - similarity, record })
            }));
        }
        if is_all || is_cut || rows.len() >= limit {
            break;
        }
        wanted = wanted.saturating_mul(2);
        tracing::debug!(refill, left = rows.len(), "too few candidates are left; asking for more");
    }
    Ok(Nearest { hits: ranked(rows, request.min_similarity()), is_cut, exact: false })
}
