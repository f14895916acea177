//! The remediations nearest in meaning, through pgvector.

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection as _};
use storage_models::{Embedding, Remediation};

use super::hits::{Hit, ranked, similarity};
use crate::filter::Conditions;
use crate::read::rows::Distant;
use crate::record::sealed::Shape as _;
use crate::sql::{Bind, BoundSql, Bounded, Sql, Statement};
use crate::{QueryError, RemediationFilter, SearchRequest, Valid};

const OPERATION: &str = "search by meaning";

/// Where the vectors of the set that serves are, as of the statement's own snapshot.
const ACTIVE_SLOT: &str = "(SELECT slot FROM embedding_set WHERE state = 'active')";

/// What a search by meaning found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Nearest {
    /// The most similar first.
    pub hits: Vec<Hit>,
    /// Whether the least similar were left out because all together would have had more than
    /// [`MAX_ANSWER_BYTES`](crate::MAX_ANSWER_BYTES).
    pub is_cut: bool,
    /// Whether the search had to be repeated without the vector index because that gave too few. Worth
    /// counting: it reads every record that the filter lets through.
    pub exact: bool,
}

/// How the nearest are looked for.
#[derive(Debug, Clone, Copy)]
enum Scan {
    /// Along the vector index, nearly exact.
    Index,
    /// Over everything the filter lets through, exact.
    Everything,
}

/// A search for the remediations nearest to a vector, among those that match a filter and have a vector of the set that
/// serves. The vector of an older version of a record serves until there is a newer one.
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
    vector: Embedding,
    filter: Valid<RemediationFilter>,
    request: SearchRequest,
    /// How many are looked for.
    count: i64,
}

impl NearestQuery {
    /// What must hold in the transaction that runs [`Self::to_sql`].
    ///
    /// `strict_order` lets the scan of the index go on until enough rows have passed the filter, in the order
    /// of their distance. `ef_search` is how many candidates each round keeps: more find more of the true
    /// nearest and cost more time. A plan for the very values that are bound leaves out the partitions
    /// outside the range of time. What lies behind the vector index is looked up for each vector, and not gathered in full
    /// before the first.
    pub const SETTINGS: &str = "SET LOCAL hnsw.iterative_scan = strict_order; \
                                SET LOCAL hnsw.ef_search = 400; SET LOCAL enable_material = off; \
                                SET LOCAL plan_cache_mode = force_custom_plan";

    /// The search for `vector`.
    #[must_use]
    pub const fn new(vector: Embedding, filter: Valid<RemediationFilter>, request: SearchRequest) -> Self {
        Self { vector, filter, request, count: request.limit() }
    }

    /// For [`fuse`](crate::fuse()): looks for [`SearchRequest::candidates`] hits instead of the limit.
    #[must_use]
    pub const fn for_fusion(mut self) -> Self {
        self.count = self.request.candidates();
        self
    }

    /// The statement along the vector index, for a service with another driver: a record's columns and
    /// `distance`. It may give fewer rows than exist; [`Self::to_exact_sql`] then gives them all.
    #[must_use]
    pub fn to_sql(&self) -> BoundSql {
        self.sql(Scan::Index).into_bound()
    }

    /// The same search over everything that matches, whatever it costs.
    #[must_use]
    pub fn to_exact_sql(&self) -> BoundSql {
        self.sql(Scan::Everything).into_bound()
    }

    /// Runs it in a transaction of its own (a savepoint inside an open one, which keeps [`Self::SETTINGS`]
    /// until it ends). As many hits come back as were asked for whenever as many match; of records equally
    /// near that do not all fit, any may come.
    ///
    /// Iterative scans alone do not promise that: they stop after `hnsw.max_scan_tuples`. Then the same
    /// search runs once more without the index, bounded by the connection's `statement_timeout` alone.
    ///
    /// # Errors
    /// [`QueryError::Database`].
    pub async fn run(&self, conn: &mut AsyncPgConnection) -> Result<Nearest, QueryError> {
        conn.transaction(async |conn| {
            conn.batch_execute(Self::SETTINGS).await.map_err(QueryError::database(OPERATION))?;
            let found = self.rows(Scan::Index, conn).await?;
            if self.is_complete(&found) {
                return Ok(self.nearest(found, false));
            }
            let few = found.rows.len();
            tracing::debug!(found = few, "the vector index gave too few hits; searching without it");
            Ok(self.nearest(self.rows(Scan::Everything, conn).await?, true))
        })
        .await
    }

    async fn rows(
        &self,
        scan: Scan,
        conn: &mut AsyncPgConnection,
    ) -> Result<Bounded<Distant<Remediation>>, QueryError> {
        Statement::new(self.sql(scan)).load_within_bound(conn, OPERATION).await
    }

    fn nearest(&self, found: Bounded<Distant<Remediation>>, exact: bool) -> Nearest {
        let Bounded { rows, is_cut } = found;
        Nearest { hits: ranked(rows, self.request.min_similarity()), is_cut, exact }
    }

    /// Whether enough came, or the last one is already too far for those behind it to matter.
    fn is_complete(&self, Bounded { rows, is_cut }: &Bounded<Distant<Remediation>>) -> bool {
        *is_cut
            || i64::try_from(rows.len()) == Ok(self.count)
            || rows.last().is_some_and(|row| similarity(row.distance) < self.request.min_similarity())
    }

    /// A record and its vector have the same time, which leaves one partition of each for the other. It is compared as a
    /// range of one instant: PostgreSQL takes two equal columns of a join to be independent of each other, would expect one
    /// row of the whole, and would not begin at the vector index.
    fn sql(&self, scan: Scan) -> Sql {
        let mut of_slot = Conditions::default();
        of_slot.and("slot").text(" = ").text(ACTIVE_SLOT);
        of_slot.within(&self.filter, "start_time");
        let mut sql = Sql::new("SELECT ");
        sql.text(Remediation::COLUMNS)
            .text(", ")
            .append(self.distance(scan))
            .text(" AS distance FROM ")
            .text(Remediation::TABLE)
            .text(
                " JOIN (SELECT record_id, start_time AS record_time, slot, embedding_id FROM remediation_vector",
            )
            .append(of_slot.into_sql())
            .text(
                ") AS having_vector ON record_id = id AND start_time BETWEEN record_time AND record_time \
                 JOIN embedding_vector USING (slot, embedding_id)",
            )
            .append(Conditions::of(&self.filter).into_sql())
            .text(" ORDER BY distance LIMIT ")
            .bind(Bind::BigInt(self.count));
        sql
    }

    /// The one place that knows the expression the vector index is built on. A sum is none that it could
    /// serve.
    fn distance(&self, scan: Scan) -> Sql {
        let mut sql = Sql::new("(vector <=> ");
        sql.bind(Bind::Vector(self.vector.clone()));
        sql.text(match scan {
            Scan::Index => ")",
            Scan::Everything => ") + 0",
        });
        sql
    }
}
