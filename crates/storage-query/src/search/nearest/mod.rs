//! The remediations nearest in meaning, through pgvector.

mod few;
mod query;
mod statement;

pub use query::NearestQuery;

use std::collections::HashSet;

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection as _};
use storage_models::Remediation;

use self::few::Few;
use self::query::OPERATION;
pub(crate) use self::statement::ACTIVE_SLOT;
pub(super) use self::statement::record_of_placed;
use self::statement::{Looked, Wanted};
use super::hits::{Hit, IncidentHit, ranked, similarity};
use crate::QueryError;
use crate::read::rows::{Distant, NearIncident, Selected, SelectedIncident};
use crate::sql::{BoundSql, Bounded, Statement};

/// The result of a search by meaning.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Nearest {
    /// The most similar first.
    pub hits: Vec<Hit>,
    /// Whether the least similar were left out because all together would have had more than
    /// [`MAX_ANSWER_BYTES`](crate::MAX_ANSWER_BYTES).
    pub is_cut: bool,
    /// How they were looked for.
    pub scan: Scan,
}

/// How the nearest are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scan {
    /// Along the vector index, nearly exact.
    Index,
    /// Over the few records that the filter lets through, exact.
    Few,
    /// Over everything the filter lets through, exact, because the vector index gave too few. Worth counting.
    Everything,
    /// Among the vectors of records that another index took for near.
    Candidates,
}

impl NearestQuery {
    /// The statement along the vector index, for a service with another driver: a record's columns and
    /// `distance`. It may give fewer rows than exist; [`Self::to_exact_sql`] then gives them all.
    #[must_use]
    pub fn to_sql(&self) -> BoundSql {
        self.statement(Looked::Index, Wanted::Records).into_bound()
    }

    /// The same search over everything that matches, whatever it costs.
    #[must_use]
    pub fn to_exact_sql(&self) -> BoundSql {
        self.statement(Looked::Everything, Wanted::Records).into_bound()
    }

    /// Runs it in a transaction of its own (a savepoint inside an open one, which keeps [`Self::SETTINGS`]
    /// until it ends). As many hits come back as were asked for whenever as many match; of records equally near, the newest.
    ///
    /// Where the filter lets few records through, they are looked at one by one: PostgreSQL's own estimate says so. The
    /// vector index serves where it lets many through, since a match is soon met then. Iterative scans stop after
    /// `hnsw.max_scan_tuples`; a search that has too few by then runs once more without the index, bounded by the
    /// connection's `statement_timeout` alone.
    ///
    /// # Errors
    /// [`QueryError::Database`].
    #[expect(clippy::disallowed_methods, reason = "the connection's owner decides about limits and retries")]
    pub async fn run(&self, conn: &mut AsyncPgConnection) -> Result<Nearest, QueryError> {
        conn.transaction(async |conn| {
            conn.batch_execute(Self::SETTINGS).await.map_err(QueryError::database(OPERATION))?;
            if let Some(few) = Few::estimate(&self.filter, self.count, conn).await?
                && let Some(found) = self.among(few, conn).await?
            {
                return Ok(self.nearest(found, Scan::Few));
            }
            let found = self.rows(Looked::Index, conn).await?;
            if self.is_complete(&found) {
                return Ok(self.nearest(found, Scan::Index));
            }
            let few = found.rows.len();
            tracing::debug!(
                found = few,
                "the vector index gave too few hits; comparing every record that matches the filter"
            );
            Ok(self.nearest(self.rows(Looked::Everything, conn).await?, Scan::Everything))
        })
        .await
    }

    /// The nearest among the records that have a vector in common with one of `candidates`: the candidates of an index
    /// outside the database, and all records that say the same as one of them. So the newest of equally near records
    /// are found, even if the index named older ones.
    ///
    /// # Errors
    /// [`QueryError::Database`].
    pub async fn run_among(
        &self,
        candidates: &[i64],
        conn: &mut AsyncPgConnection,
    ) -> Result<Nearest, QueryError> {
        let found = self.rows(Looked::Candidates(candidates), conn).await?;
        Ok(self.nearest(found, Scan::Candidates))
    }

    /// The incidents nearest to the vector, each once, the most similar first: those of records that match the filter. The
    /// request's limit counts incidents. They are as nearly exact as the vector index is, or exact where few records match.
    ///
    /// Of the records that have one vector in common, the twenty newest say which incidents these are.
    ///
    /// # Errors
    /// [`QueryError::Database`].
    #[expect(clippy::disallowed_methods, reason = "the connection's owner decides about limits and retries")]
    pub async fn incidents(&self, conn: &mut AsyncPgConnection) -> Result<Vec<IncidentHit>, QueryError> {
        conn.transaction(async |conn| {
            conn.batch_execute(Self::SETTINGS).await.map_err(QueryError::database(OPERATION))?;
            if let Some(few) = Few::estimate(&self.filter, self.count, conn).await? {
                let all = Self { count: few.read(), ..self.clone() };
                let statement = all.statement(Looked::Few(few), Wanted::Incidents);
                let rows = Statement::<SelectedIncident>::new(statement).load(conn, OPERATION).await?;
                if rows.iter().all(|row| few.holds(row.matching)) {
                    return Ok(self.distinct(rows.into_iter().filter_map(|row| row.near)));
                }
            }
            let mut wide = Self { count: self.request.candidates(), ..self.clone() };
            loop {
                let statement = wide.statement(Looked::Index, Wanted::Incidents);
                let rows = Statement::<NearIncident>::new(statement).load(conn, OPERATION).await?;
                let is_all = i64::try_from(rows.len()).is_ok_and(|rows| rows < wide.count);
                let is_far =
                    rows.last().is_some_and(|it| similarity(it.distance) < self.request.min_similarity());
                let found = self.distinct(rows);
                if is_all || is_far || i64::try_from(found.len()) == Ok(self.request.limit()) {
                    return Ok(found);
                }
                wide.count = wide.count.saturating_mul(2);
            }
        })
        .await
    }

    /// The first of each incident, as many as are wanted.
    fn distinct(&self, rows: impl IntoIterator<Item = NearIncident>) -> Vec<IncidentHit> {
        let mut known = HashSet::new();
        rows.into_iter()
            .map(|row| IncidentHit { key: row.key, similarity: similarity(row.distance) })
            .filter(|hit| hit.similarity >= self.request.min_similarity() && known.insert(hit.key))
            .take(usize::try_from(self.request.limit()).unwrap_or(usize::MAX))
            .collect()
    }

    async fn rows(
        &self,
        looked: Looked<'_>,
        conn: &mut AsyncPgConnection,
    ) -> Result<Bounded<Distant<Remediation>>, QueryError> {
        Statement::new(self.statement(looked, Wanted::Records)).load_within_bound(conn, OPERATION).await
    }

    /// `None` when they are more than was estimated.
    async fn among(
        &self,
        few: Few,
        conn: &mut AsyncPgConnection,
    ) -> Result<Option<Bounded<Distant<Remediation>>>, QueryError> {
        let statement =
            Statement::<Selected<Remediation>>::new(self.statement(Looked::Few(few), Wanted::Records));
        let Bounded { rows, is_cut } = statement.load_within_bound(conn, OPERATION).await?;
        if rows.iter().any(|row| !few.holds(row.matching)) {
            return Ok(None);
        }
        let having_vector = |row: Selected<Remediation>| {
            let distance = row.distance?;
            Some(Distant { record: row.record, distance })
        };
        Ok(Some(Bounded { rows: rows.into_iter().filter_map(having_vector).collect(), is_cut }))
    }

    fn nearest(&self, found: Bounded<Distant<Remediation>>, scan: Scan) -> Nearest {
        let Bounded { rows, is_cut } = found;
        Nearest { hits: ranked(rows, self.request.min_similarity()), is_cut, scan }
    }

    /// Whether there are enough records, or the last one is too far away, and so are all after it.
    fn is_complete(&self, Bounded { rows, is_cut }: &Bounded<Distant<Remediation>>) -> bool {
        *is_cut
            || i64::try_from(rows.len()) == Ok(self.count)
            || rows.last().is_some_and(|row| similarity(row.distance) < self.request.min_similarity())
    }
}
