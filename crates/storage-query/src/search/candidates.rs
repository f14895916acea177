//! Search by meaning through an index outside the database.

use storage_models::Embedding;

use crate::{CheckedFilter, Nearest, RemediationFilter, SearchRequest};

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

/// An index of remediations outside the database. The database reads its candidates and filters them again.
pub trait CandidateSource {
    /// Why it gave nothing.
    type Error;

    /// The `limit` records nearest to `vector` among those that match the filter, nearest first. The index must apply
    /// the filter itself, and return fewer records only if fewer match.
    fn nearest(
        &self,
        vector: &Embedding,
        filter: &CheckedFilter<RemediationFilter>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Candidate>, Self::Error>> + Send;
}

/// Why a search through an outside index found nothing.
#[derive(Debug, thiserror::Error)]
pub enum CandidateError<S, R> {
    /// The index did not answer.
    #[error("the vector index gave no candidates")]
    Source(#[source] S),
    /// The candidates could not be read.
    #[error("the candidates could not be read")]
    Read(#[source] R),
}

/// The nearest to `vector` through `source`: of [`SearchRequest::candidates`] records that it takes for near, those
/// that the database says match, and those that say the same. If fewer than the limit are left, more candidates are
/// requested, at most [`MAX_REFILLS`] times.
///
/// `read` gives the nearest among the records that have a vector in common with one of these;
/// [`NearestQuery::run_among`](crate::NearestQuery::run_among) does. It is never called during a request to the index.
/// So it can take a connection each time, and no connection is held while the index answers.
///
/// # Errors
/// Whichever of the two failed.
pub async fn candidates<S: CandidateSource, R>(
    source: &S,
    vector: &Embedding,
    filter: &CheckedFilter<RemediationFilter>,
    request: SearchRequest,
    mut read: impl AsyncFnMut(Vec<i64>) -> Result<Nearest, R>,
) -> Result<Nearest, CandidateError<S::Error, R>> {
    let size = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    let (limit, mut wanted) = (size(request.limit()), size(request.candidates()));
    let is_near = |candidate: &Candidate| candidate.similarity.max(0.0) >= request.min_similarity();
    let mut refill = 0;
    loop {
        let found = source.nearest(vector, filter, wanted).await.map_err(CandidateError::Source)?;
        let near: Vec<i64> = found.iter().filter(|it| is_near(it)).map(|it| it.id).collect();
        let is_all = found.len() < wanted || near.len() < found.len();
        let nearest = read(near).await.map_err(CandidateError::Read)?;
        let is_enough = nearest.is_cut || nearest.hits.len() >= limit;
        if is_all || is_enough || refill == MAX_REFILLS {
            return Ok(nearest);
        }
        refill += 1;
        wanted = wanted.saturating_mul(2);
        tracing::debug!(
            refill,
            left = nearest.hits.len(),
            "too few candidates match the filter; asking for more"
        );
    }
}
