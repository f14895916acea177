//! How good each way of searching is: the labelled set, stored in the service and searched for over HTTP, with each
//! provider and in each mode.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
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
const GOAL: f64 = 0.85;
/// Longest until all records can be found.
const SEARCHABLE_BOUND: Duration = Duration::from_secs(120);
/// How often to look.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Hits asked for a query; what is ranked below them counts as not found.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u8).range(10..=100))]
    limit: u8,
}

/// The scores of one provider, mode and part of the set.
struct Row {
    provider: &'static str,
    mode: &'static str,
    part: &'static str,
    scores: Scores,
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
            for (part, queries) in [("recurring", &set.queries), ("rare", &set.rare)] {
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
        ensure!(answer.status() == 201, "the records were answered {}", answer.text().await?);
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

    async fn score(&self, mode: &str, queries: &[LabelledQuery]) -> Result<Scores> {
        let mut scores = Vec::with_capacity(queries.len());
        for query in queries {
            let ranking = self.search(mode, &query.text).await?;
            scores.push(Scores::of(ranking.iter().map(String::as_str), &query.relevant));
        }
        Ok(Scores::mean(&scores))
    }

    /// The names of what is found, best first.
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
        "{} records, {} queries about incidents that recur, {} about rare ones",
        set.records.len(),
        set.queries.len(),
        set.rare.len()
    ));
    answer("provider  mode      queries    top-1  recall@5  MRR    nDCG@10");
    for Row { provider, mode, part, scores } in rows {
        // A sum of nothing is -0.
        let [top_1, recall_5, mrr, ndcg_10] =
            [scores.top_1, scores.recall_5, scores.mrr, scores.ndcg_10].map(|it| it + 0.0);
        answer(&format!(
            "{provider:<8}  {mode:<8}  {part:<9}  {top_1:.3}  {recall_5:.3}     {mrr:.3}  {ndcg_10:.3}"
        ));
    }
    for provider in PROVIDERS {
        let mrr = |mode| {
            let of_mode =
                |row: &&Row| row.provider == provider && row.mode == mode && row.part == "recurring";
            rows.iter().find(of_mode).map_or(f64::NAN, |row| row.scores.mrr)
        };
        let (hybrid, alone) = (mrr("hybrid"), mrr("semantic").max(mrr("lexical")));
        answer(&format!("{provider}: hybrid {hybrid:.3}, the better one alone {alone:.3}   goal: not below"));
        if provider == "local" {
            answer(&format!("local: hybrid {hybrid:.3}   goal: at least {GOAL}"));
        }
    }
}
