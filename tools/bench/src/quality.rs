//! How good each way of searching is: the labelled set, stored in the service and searched for over HTTP, with each
//! provider and in each mode.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use reqwest::Client;
use serde_json::Value;
use storage_embedding::quality::{LabelledQuery, QualitySet, Scores};
use storage_testkit::{Cluster, ClusterSettings, Installation, ServiceOptions, ServiceProcess, environment};

use crate::progress::{answer, say};

/// Where the set is, from the workspace's root.
const SET: &str = "tests/data/quality";
const PROVIDERS: [&str; 2] = ["hashing", "local"];
const MODES: [&str; 3] = ["semantic", "lexical", "hybrid"];
/// Mean reciprocal rank that hybrid search with the local model should reach.
const GOAL: f64 = 0.838;
/// Sets of queries that are drawn for an interval.
const RESAMPLES: usize = 10_000;
/// Longest until all records can be found.
const SEARCHABLE_BOUND: Duration = Duration::from_secs(120);
/// How often to look.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Hits per query; lower hits count as not found.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u8).range(10..=100))]
    limit: u8,
}

/// The scores of one provider, mode and part of the set, query by query.
struct Row {
    provider: &'static str,
    mode: &'static str,
    part: &'static str,
    scores: Vec<Scores>,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let programs = Installation::from_test_run()?;
    let directory = Path::new(SET);
    let set = QualitySet::read(directory)?;
    let records: Value = serde_json::from_slice(&std::fs::read(directory.join("records.json"))?)?;
    let model = environment::required(environment::MODEL_DIR)?;
    let cluster =
        Cluster::temporary(&programs, ClusterSettings::for_development("quality".to_owned())).await?;
    // The client wants one even for addresses without TLS; it fails when there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().build()?;
    let mut rows = Vec::new();
    for provider in PROVIDERS {
        storage_testkit::create_database(&cluster.url("postgres"), provider, None).await?;
        let url = cluster.url(provider);
        storage_schema::bootstrap(&url).await?;
        let options = ServiceOptions::default()
            .set("DATASTORAGE__EMBEDDING__PROVIDER", provider)
            .set("DATASTORAGE__EMBEDDING__MODEL_DIR", &model);
        let service = ServiceProcess::start(&url, options).await?;
        let searched = Searched { client: &client, url: service.url(), limit: arguments.limit };
        searched.store(&records, set.records.len()).await?;
        for mode in MODES {
            let parts = [
                ("recurring", &set.queries),
                ("rare", &set.rare),
                ("pasted", &set.pasted),
                ("tuning", &set.tuning),
            ];
            for (part, queries) in parts {
                rows.push(Row { provider, mode, part, scores: searched.score(mode, queries).await? });
            }
        }
        drop(service);
        say(&format!("{provider}: measured"));
    }
    cluster.destroy().await?;
    print(&set, &rows);
    Ok(())
}

/// A service that holds the set.
struct Searched<'a> {
    client: &'a Client,
    url: String,
    limit: u8,
}

impl Searched<'_> {
    async fn store(&self, records: &Value, count: usize) -> Result<()> {
        let url = format!("{}/api/v1/audit/remediation/batch", self.url);
        let answer = self.client.post(url).json(records).send().await?;
        ensure!(answer.status() == 201, "the answer to the records was {}", answer.text().await?);
        let started = Instant::now();
        loop {
            let found = self.search("semantic", "anything").await?;
            if found.len() == count.min(usize::from(self.limit)) {
                return Ok(());
            }
            ensure!(started.elapsed() < SEARCHABLE_BOUND, "only {} records are searchable", found.len());
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn score(&self, mode: &str, queries: &[LabelledQuery]) -> Result<Vec<Scores>> {
        let mut scores = Vec::with_capacity(queries.len());
        for query in queries {
            let ranking = self.search(mode, &query.text).await?;
            scores.push(Scores::of(ranking.iter().map(String::as_str), &query.relevant));
        }
        Ok(scores)
    }

    /// The names of the hits, best first.
    async fn search(&self, mode: &str, text: &str) -> Result<Vec<String>> {
        let limit = self.limit.to_string();
        let request = self.client.get(format!("{}/api/v1/audit/search", self.url));
        let answer = request.query(&[("q", text), ("mode", mode), ("limit", &limit)]).send().await?;
        let found: Value = answer.error_for_status()?.json().await?;
        let hits = found.get("data").and_then(Value::as_array).context("the answer has no hits")?;
        let name = |hit: &Value| Some(hit.pointer("/record/name")?.as_str()?.to_owned());
        hits.iter().map(|hit| name(hit).context("a hit has no name")).collect()
    }
}

fn print(set: &QualitySet, rows: &[Row]) {
    answer(&format!(
        "{} records; queries: {} about incidents that recur, {} about rare ones, {} pasted sentences, {} to choose by",
        set.records.len(),
        set.queries.len(),
        set.rare.len(),
        set.pasted.len(),
        set.tuning.len()
    ));
    answer("provider  mode      queries    top-1  recall@5  MRR    nDCG@10");
    for Row { provider, mode, part, scores } in rows {
        let mean = Scores::mean(scores);
        // A sum of nothing is -0.
        let [top_1, recall_5, mrr, ndcg_10] =
            [mean.top_1, mean.recall_5, mean.mrr, mean.ndcg_10].map(|it| it + 0.0);
        answer(&format!(
            "{provider:<8}  {mode:<8}  {part:<9}  {top_1:.3}  {recall_5:.3}     {mrr:.3}  {ndcg_10:.3}"
        ));
    }
    for (hybrid, alone) in pairs(rows) {
        let (least, most) = interval(&hybrid.scores, &alone.scores);
        let difference = Scores::mean(&hybrid.scores).mrr - Scores::mean(&alone.scores).mrr;
        answer(&format!(
            "{}, {}: MRR of hybrid less that of {}: {difference:+.3}, 95 % within {least:+.3} and {most:+.3}",
            hybrid.provider, hybrid.part, alone.mode
        ));
    }
    let recurring = |row: &&Row| row.provider == "local" && row.mode == "hybrid" && row.part == "recurring";
    if let Some(Row { scores, .. }) = rows.iter().find(recurring) {
        answer(&format!("local: hybrid, recurring: {:.3}   goal: at least {GOAL}", Scores::mean(scores).mrr));
    }
}

/// Each hybrid row with the rows of its two halves.
fn pairs(rows: &[Row]) -> impl Iterator<Item = (&Row, &Row)> {
    let hybrid = rows.iter().filter(|row| row.mode == "hybrid");
    hybrid.flat_map(|of| {
        let is_side = |row: &&Row| row.mode != "hybrid" && row.provider == of.provider && row.part == of.part;
        rows.iter().filter(is_side).map(move |side| (of, side))
    })
}

/// Between which bounds the difference of the mean reciprocal ranks lies in 95 of 100 sets of queries, drawn from these with
/// replacement, each query with both of its results.
fn interval(one: &[Scores], other: &[Scores]) -> (f64, f64) {
    let differences: Vec<f64> = one.iter().zip(other).map(|(one, other)| one.mrr - other.mrr).collect();
    let mut random = StdRng::seed_from_u64(1);
    let mut draw = || {
        let drawn = (0..differences.len()).filter_map(|_| differences.choose(&mut random));
        drawn.sum::<f64>() / f64::from(u32::try_from(differences.len()).unwrap_or(u32::MAX))
    };
    let mut means: Vec<f64> = (0..RESAMPLES).map(|_| draw()).collect();
    means.sort_by(f64::total_cmp);
    let at = |per_mille: usize| means.get(RESAMPLES * per_mille / 1000).copied().unwrap_or(f64::NAN);
    (at(25), at(975))
}
