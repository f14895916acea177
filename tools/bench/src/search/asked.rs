//! What is searched for, and what an exact scan finds.

use std::time::Instant;

use anyhow::{Context as _, Result};
use diesel::QueryableByName;
use diesel::sql_types::Double;
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use storage_embedding::{Embedder as _, LocalEmbedder, compose_query};
use storage_models::{Embedding, Remediation, Timestamp};
use storage_query::{
    AuditFilter as _, CheckedFilter, CountQuery, NearestQuery, RemediationFilter, SearchRequest,
};

use crate::latency::Latencies;

pub(super) const NEIGHBOURS: i64 = 10;
/// Distances closer than this are the same: equal texts have equal vectors, and PostgreSQL and Qdrant round differently.
const TIE: f64 = 1e-5;
/// The percentage of records that each filter matches.
pub(super) const SELECTIVITIES: [(&str, &[(&str, &str)]); 5] = [
    ("0.1", &[("target_name", "target-7")]),
    ("1", &[("cluster", "cluster-7")]),
    ("10", &[("environment", "environment-7")]),
    ("50", &[("severity", "critical")]),
    ("100", &[]),
];

/// A text that is searched for.
pub(super) struct Query {
    pub(super) text: String,
    pub(super) vector: Embedding,
}

/// A filter with what an exact scan of the records that match it finds for each query.
pub(super) struct Filtered {
    /// The percentage of records that match, as a name.
    pub(super) share: &'static str,
    pub(super) pairs: &'static [(&'static str, &'static str)],
    pub(super) filter: CheckedFilter<RemediationFilter>,
    pub(super) matching: i64,
    pub(super) truths: Vec<Truth>,
    pub(super) exact: Latencies,
}

/// The nearest records of a query.
pub(super) struct Truth {
    count: usize,
    farthest: f64,
}

/// How many of the nearest were found.
#[derive(Default)]
pub(super) struct Recall {
    found: u32,
    wanted: u32,
}

/// The vector of a search, as the service makes it.
pub(super) async fn embed(model: &LocalEmbedder, text: &str) -> Result<Embedding> {
    let vectors = model.embed_query(&[compose_query(text)]).await?;
    vectors.into_iter().next().context("the model gave no vector")
}

impl Filtered {
    pub(super) async fn scan(
        connection: &mut AsyncPgConnection,
        share: &'static str,
        pairs: &'static [(&'static str, &'static str)],
        queries: &[Query],
    ) -> Result<Self> {
        let filter = RemediationFilter::from_pairs(pairs.iter().copied())?.check(Timestamp::now())?;
        let matching = CountQuery::<Remediation>::new(filter.clone()).run(connection).await?;
        let (mut truths, mut exact) = (Vec::new(), Vec::new());
        for Query { vector, .. } in queries {
            let query = nearest(vector, &filter)?;
            let started = Instant::now();
            let distances = distances(connection, &query).await?;
            exact.push(started.elapsed());
            let farthest = *distances.last().context("no record matches the filter: give more records")?;
            truths.push(Truth { count: distances.len(), farthest });
        }
        Ok(Self { share, pairs, filter, matching, truths, exact: Latencies::of(exact) })
    }
}

pub(super) fn nearest(vector: &Embedding, filter: &CheckedFilter<RemediationFilter>) -> Result<NearestQuery> {
    Ok(NearestQuery::new(vector.clone(), filter.clone(), SearchRequest::new(NEIGHBOURS, 0.0)?))
}

/// Those of the nearest, by an exact scan.
async fn distances(connection: &mut AsyncPgConnection, query: &NearestQuery) -> Result<Vec<f64>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Double)]
        distance: f64,
    }
    let rows: Vec<Row> = query.to_exact_sql().into_query().load(connection).await?;
    Ok(rows.into_iter().map(|row| row.distance).collect())
}

impl Recall {
    /// Counts a hit when it is as near as the last one that the exact scan found.
    pub(super) fn add(&mut self, truth: &Truth, similarities: impl Iterator<Item = f64>) -> Result<()> {
        let near = similarities.filter(|it| 1.0 - it <= truth.farthest + TIE).count();
        self.found += u32::try_from(near.min(truth.count))?;
        self.wanted += u32::try_from(truth.count)?;
        Ok(())
    }

    pub(super) fn share(&self) -> f64 {
        f64::from(self.found) / f64::from(self.wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::{Recall, Truth};

    #[test]
    fn a_hit_counts_when_it_is_as_near_as_the_last_of_the_exact_scan() {
        let truth = Truth { count: 3, farthest: 0.5 };
        let mut recall = Recall::default();
        // As near but for rounding, and one too many of those that are equally near.
        recall.add(&truth, [0.9, 0.499_999, 0.5, 0.5].into_iter()).unwrap();
        assert_eq!(recall.share(), 1.0);
        recall.add(&truth, [0.9, 0.49].into_iter()).unwrap();
        assert_eq!((recall.found, recall.wanted), (4, 6));
    }
}
