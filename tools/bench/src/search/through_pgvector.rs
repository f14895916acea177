//! S2: searches through pgvector.

use std::time::Instant;

use anyhow::Result;
use diesel_async::AsyncPgConnection;
use storage_query::Scan;

use super::asked::{Filtered, Query, Recall, nearest};
use crate::latency::{Latencies, of_each};
use crate::report::{Goal, Report};

/// Adds what `rounds` of all searches found. `scenario` is the name of the goal; `table`, if any, tells tables apart.
pub(super) async fn measure(
    report: &mut Report,
    (scenario, table): (&str, &str),
    connection: &mut AsyncPgConnection,
    rounds: usize,
    queries: &[Query],
    filters: &[Filtered],
) -> Result<()> {
    for Filtered { share, filter, matching, truths, exact, .. } in filters {
        let (mut recall, mut times, mut repeated) = (Recall::default(), Vec::new(), 0_u32);
        // The first round fills caches, and its times are not counted.
        for number in 0..=rounds {
            let mut round = Vec::new();
            for (Query { vector, .. }, truth) in queries.iter().zip(truths) {
                let query = nearest(vector, filter)?;
                let started = Instant::now();
                let found = query.run(connection).await?;
                round.push(started.elapsed());
                recall.add(truth, found.hits.iter().map(|hit| hit.similarity))?;
                repeated += u32::from(found.scan == Scan::Everything);
            }
            if number > 0 {
                times.push(Latencies::of(round));
            }
        }
        let searches = u32::try_from(queries.len() * (rounds + 1))?;
        report
            .verdict(
                format!("{scenario}: recall@10, {share} % ({matching} records){table}"),
                recall.share(),
                Goal::AtLeast(0.98),
            )
            .verdict(
                format!("{scenario}: searches of a hundred repeated without the index, {share} %{table}"),
                f64::from(repeated * 100) / f64::from(searches),
                Goal::None,
            );
        report
            .series(format!("pgvector: p50, {share} %{table}"), "ms", of_each(&times, 500))
            .series(format!("pgvector: p95, {share} %{table}"), "ms", of_each(&times, 950))
            .series(format!("exact scan: p50, {share} %{table}"), "ms", vec![exact.p50()]);
    }
    Ok(())
}
