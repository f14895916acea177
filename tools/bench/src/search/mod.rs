//! Searches by meaning with filters of several selectivities: S2 through pgvector, compared with an exact scan, and S1 over
//! HTTP through the service and Qdrant, compared with Qdrant asked directly.
//!
//! The vectors are those of realistic texts, stored by the real projector.

mod asked;
mod stored;
mod through_pgvector;
mod through_qdrant;

use std::num::NonZeroUsize;
use std::path::Path;

use anyhow::{Result, ensure};
use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use storage_dualwrite::EmbeddingSet;
use storage_embedding::{Embedder as _, EmbeddingSetKey, LocalEmbedder};
use storage_models::Embedding;
use storage_testkit::{Cluster, ClusterSettings, Installation, TestQdrant, environment};

use super::{corpus, hnsw};
use crate::report::Report;
use asked::{Filtered, NEIGHBOURS, Query, SELECTIVITIES, embed};
use stored::Stored;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Records.
    #[arg(long, default_value_t = 100_000)]
    rows: usize,
    /// Distinct texts. Further records repeat texts, as audit records do.
    #[arg(long, default_value_t = 6_000)]
    texts: usize,
    /// Months of the records; the last is the present month.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=240))]
    months: u32,
    /// Searches with each filter, each for another text.
    #[arg(long, default_value_t = 200)]
    queries: usize,
    /// Rounds of all searches.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

impl Arguments {
    /// Enough to see that it works.
    pub(crate) fn short() -> Self {
        Self { rows: 5_000, texts: 100, months: 2, queries: 10, rounds: 1 }
    }
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    report(arguments).await?.iter().for_each(Report::print);
    Ok(())
}

pub(crate) async fn report(arguments: &Arguments) -> Result<Vec<Report>> {
    let Arguments { rows, texts, queries, rounds, .. } = *arguments;
    ensure!(
        rows > 0 && texts > 0 && queries > 0 && rounds > 0,
        "give at least one record, text, query and round"
    );
    let programs = Installation::from_test_run()?;
    let texts = corpus::texts(texts + queries, hnsw::SEED);
    let (asked, stored) = texts.split_at(queries);
    let vectors = hnsw::embed(stored).await?;
    let model =
        LocalEmbedder::load(Path::new(&environment::required(environment::MODEL_DIR)?), NonZeroUsize::MIN)?;
    let mut queries = Vec::new();
    for text in asked {
        queries.push(Query { text: text.clone(), vector: embed(&model, text).await? });
    }
    let cluster = Cluster::temporary(&programs, ClusterSettings::for_development("bench".to_owned())).await?;
    let outcome = measure(&cluster, arguments, &model, &queries, &vectors).await;
    cluster.destroy().await?;
    outcome
}

async fn measure(
    cluster: &Cluster,
    arguments: &Arguments,
    model: &LocalEmbedder,
    queries: &[Query],
    vectors: &[Embedding],
) -> Result<Vec<Report>> {
    let url = cluster.url("postgres");
    storage_schema::bootstrap(&url).await?;
    let mut connection = AsyncPgConnection::establish(&url).await?;
    let key = EmbeddingSetKey::current(model.model());
    let set = EmbeddingSet {
        composition: key.composition.to_string(),
        model: key.model,
        dimension: i32::try_from(key.dimension)?,
    };
    let Stored { rate, log_bytes, index_bytes } =
        stored::store(&mut connection, &url, (arguments.rows, arguments.months), &set, vectors).await?;
    let mut filters = Vec::new();
    for (share, pairs) in SELECTIVITIES {
        filters.push(Filtered::scan(&mut connection, share, pairs, queries).await?);
    }
    let mut outside =
        Report::new("S1", "search by meaning over HTTP through Qdrant, against Qdrant asked directly");
    conditions(&mut outside, arguments);
    if std::env::var(environment::QDRANT_URL).is_ok_and(|url| !url.is_empty()) {
        let qdrant = TestQdrant::create()?;
        let measuring =
            through_qdrant::measure(&mut outside, &url, &qdrant, model, arguments.rounds, queries, &filters);
        let outcome = measuring.await;
        qdrant.close().await?;
        outcome?;
    } else {
        outside.skipped = Some("QDRANT_URL is not set; it names a Qdrant to measure with".to_owned());
    }
    let mut inside = Report::new("S2", "search by meaning through pgvector, against an exact scan");
    conditions(&mut inside, arguments);
    inside
        .condition("records stored and projected, a second", format!("{rate:.0}"))
        .condition("bytes of write-ahead log for a record", log_bytes)
        .condition("bytes of indexes for a record", index_bytes);
    through_pgvector::measure(&mut inside, &mut connection, arguments.rounds, queries, &filters).await?;
    Ok(vec![outside, inside])
}

fn conditions(report: &mut Report, arguments: &Arguments) {
    report
        .condition("records", arguments.rows)
        .condition("distinct texts", arguments.texts)
        .condition("months", arguments.months)
        .condition("searches with each filter", arguments.queries)
        .condition("rounds", arguments.rounds)
        .condition("k", NEIGHBOURS);
}
