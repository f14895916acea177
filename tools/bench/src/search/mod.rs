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
use crate::progress::step;
use crate::report::Report;
use asked::{Filtered, NEIGHBOURS, Query, SELECTIVITIES, embed};
use stored::{Size, Stored};

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
    let meaning = Meaning::of(texts, queries).await?;
    on_a_cluster(async |cluster| measure(cluster, arguments, &meaning).await).await
}

/// S2 on tables of several sizes. What is measured takes little beside filling them, hence few searches and one round.
#[derive(Debug)]
pub(crate) struct Growth {
    /// Records, and the months over which they are spread.
    tables: Vec<(usize, u32)>,
    /// The most records of a table that are projected.
    projected: usize,
    texts: usize,
    queries: usize,
}

impl Growth {
    /// Few and many records in one month, in two years and in ten; the most in two years alone.
    pub(crate) fn of_all_sizes() -> Self {
        let up_to = |most: usize| (4..).map(|zeros| 10_usize.pow(zeros)).take_while(move |it| *it <= most);
        let tables = [(1, 1_000_000), (24, 10_000_000), (120, 1_000_000)];
        let tables =
            tables.into_iter().flat_map(|(months, most)| up_to(most).map(move |rows| (rows, months)));
        Self { tables: tables.collect(), projected: 100_000, texts: 6_000, queries: 50 }
    }

    /// Enough to see that it works.
    pub(crate) fn short() -> Self {
        Self { tables: vec![(5_000, 2)], projected: 2_000, texts: 100, queries: 5 }
    }
}

pub(crate) async fn growth(arguments: &Growth) -> Result<Vec<Report>> {
    const NAME: &str = "Growth of S2";
    let Growth { tables, projected, texts, queries } = arguments;
    let meaning = Meaning::of(*texts, *queries).await?;
    let mut report = Report::new(NAME, "search by meaning through pgvector, against an exact scan");
    report
        .condition("distinct texts", texts)
        .condition("searches with each filter", queries)
        .condition("records whose vectors the projector stored, at most", projected)
        .condition("further records", "stored with the vector of an equal text, by statements")
        .condition("k", NEIGHBOURS);
    on_a_cluster(async |cluster| {
        for &(rows, months) in tables {
            let size = Size { rows, months, projected: rows.min(*projected) };
            let name = format!("search_{rows}_{months}");
            let what = format!("{rows} records of {months} months");
            let filling = Table::fill(cluster, &name, size, &meaning);
            let mut table =
                step(&what, filling, |it| format!("stored, {:.0}/s projected", it.stored.rate)).await?;
            let mut filters = Vec::new();
            for (share, pairs) in SELECTIVITIES.into_iter().filter(|(share, _)| ["1", "100"].contains(share))
            {
                filters.push(Filtered::scan(&mut table.connection, share, pairs, &meaning.queries).await?);
            }
            let name_of_figures = (NAME, &*format!(", {what}"));
            let measuring = through_pgvector::measure(
                &mut report,
                name_of_figures,
                &mut table.connection,
                1,
                &meaning.queries,
                &filters,
            );
            measuring.await?;
            drop(table);
            storage_testkit::drop_database(&cluster.url("postgres"), &name).await?;
        }
        Ok(vec![report])
    })
    .await
}

/// The texts that are stored and searched for, as vectors.
struct Meaning {
    model: LocalEmbedder,
    vectors: Vec<Embedding>,
    queries: Vec<Query>,
}

impl Meaning {
    async fn of(texts: usize, queries: usize) -> Result<Self> {
        let texts = corpus::texts(texts + queries, hnsw::SEED);
        let (asked, stored) = texts.split_at(queries);
        let vectors = hnsw::embed(stored).await?;
        let directory = environment::required(environment::MODEL_DIR)?;
        let model = LocalEmbedder::load(Path::new(&directory), NonZeroUsize::MIN)?;
        let mut queries = Vec::new();
        for text in asked {
            queries.push(Query { text: text.clone(), vector: embed(&model, text).await? });
        }
        Ok(Self { model, vectors, queries })
    }
}

async fn on_a_cluster(measure: impl AsyncFnOnce(&Cluster) -> Result<Vec<Report>>) -> Result<Vec<Report>> {
    let programs = Installation::from_test_run()?;
    let cluster = Cluster::temporary(&programs, ClusterSettings::for_development("bench".to_owned())).await?;
    let outcome = measure(&cluster).await;
    cluster.destroy().await?;
    outcome
}

/// A database with records and their vectors.
struct Table {
    url: String,
    connection: AsyncPgConnection,
    stored: Stored,
}

impl Table {
    async fn fill(cluster: &Cluster, name: &str, size: Size, meaning: &Meaning) -> Result<Self> {
        storage_testkit::create_database(&cluster.url("postgres"), name, None).await?;
        let url = cluster.url(name);
        storage_schema::bootstrap(&url).await?;
        let mut connection = AsyncPgConnection::establish(&url).await?;
        let key = EmbeddingSetKey::current(meaning.model.model());
        let set = EmbeddingSet {
            composition: key.composition.to_string(),
            model: key.model,
            dimension: i32::try_from(key.dimension)?,
        };
        let stored = stored::store(&mut connection, &url, size, &set, &meaning.vectors).await?;
        Ok(Self { url, connection, stored })
    }
}

async fn measure(cluster: &Cluster, arguments: &Arguments, meaning: &Meaning) -> Result<Vec<Report>> {
    let Arguments { rows, months, .. } = *arguments;
    let size = Size { rows, months, projected: rows };
    let Table { url, mut connection, stored } = Table::fill(cluster, "search", size, meaning).await?;
    let Meaning { model, queries, .. } = meaning;
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
    let Stored { rate, log_bytes, index_bytes } = stored;
    inside
        .condition("records stored and projected, a second", format!("{rate:.0}"))
        .condition("bytes of write-ahead log for a record", log_bytes)
        .condition("bytes of indexes for a record", index_bytes);
    through_pgvector::measure(&mut inside, ("S2", ""), &mut connection, arguments.rounds, queries, &filters)
        .await?;
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
