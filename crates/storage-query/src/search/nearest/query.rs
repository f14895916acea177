//! The query of a search by meaning.

use storage_models::Embedding;

use crate::{CheckedFilter, RemediationFilter, SearchRequest};

/// The attempt, in errors.
pub(super) const OPERATION: &str = "search by meaning";

/// A search for the remediations nearest to a vector, among those that match a filter and have a vector of the active
/// set. The vector of an older version of a record counts until there is a newer one.
///
/// ```no_run
/// use diesel_async::AsyncPgConnection;
/// use storage_models::{Embedding, Timestamp};
/// use storage_query::{AuditFilter, NearestQuery, QueryError, RemediationFilter, SearchRequest};
///
/// # async fn example(conn: &mut AsyncPgConnection, vector: Embedding) -> Result<(), QueryError> {
/// let filter = RemediationFilter::default().namespace("prod").check(Timestamp::now())?;
/// let found = NearestQuery::new(vector, filter, SearchRequest::new(10, 0.3)?).run(conn).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct NearestQuery {
    pub(super) vector: Embedding,
    pub(super) filter: CheckedFilter<RemediationFilter>,
    pub(super) request: SearchRequest,
    /// How many are looked for.
    pub(super) count: i64,
}

impl NearestQuery {
    /// The settings of the transaction that runs [`Self::to_sql`].
    ///
    /// `strict_order` continues the scan of the index, in the order of distance, until enough rows have passed the
    /// filter. `ef_search` is the number of candidates that each round keeps: more candidates find more of the true
    /// nearest records and cost more time. A plan for the bound values skips the partitions outside the range of time.
    /// The vector index gives vectors in the order that is wanted, and their records follow one vector after the other:
    /// without `enable_sort`, PostgreSQL does not gather all records first, which it takes to be cheaper.
    /// `constraint_exclusion` has nothing to find in partitions, and takes a third of the planning.
    pub const SETTINGS: &str = "SET LOCAL hnsw.iterative_scan = strict_order; \
                                SET LOCAL hnsw.ef_search = 100; SET LOCAL enable_sort = off; SET LOCAL jit = off; \
                                SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL constraint_exclusion = off";

    /// The search for `vector`.
    #[must_use]
    pub const fn new(
        vector: Embedding,
        filter: CheckedFilter<RemediationFilter>,
        request: SearchRequest,
    ) -> Self {
        Self { vector, filter, request, count: request.limit() }
    }

    /// For [`fuse`](crate::fuse()): looks for [`SearchRequest::candidates`] hits instead of the limit.
    #[must_use]
    pub const fn for_fusion(mut self) -> Self {
        self.count = self.request.candidates();
        self
    }
}
