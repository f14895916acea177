//! Measures candidate compositions on the labelled set, with the local model and with hashing.
//!
//! `DATASTORAGE_TEST_MODEL_DIR=… cargo run -p storage-embedding --example composition`

use serde_json::Value;
use std::error::Error;
use std::io::{Write as _, stdout};
use std::num::NonZeroUsize;
use std::path::Path;
use storage_embedding::quality::{LabelledQuery, QualitySet, Scores};
use storage_embedding::{
    Embedder, HashingEmbedder, LocalEmbedder, RecordText, compose, compose_query, split_identifier,
    split_text,
};
use storage_models::Embedding;

type Text = fn(&RecordText<'_>) -> String;
type Query = fn(&str) -> String;

const CANDIDATES: [(&str, Text, Query); 11] = [
    ("as chosen", compose, compose_query),
    ("abbreviations as they are", |r| join(", ", &told(r)), split_text),
    ("the same, joined by spaces", |r| join(" ", &told(r)), split_text),
    ("the same, joined by full stops", |r| join(". ", &told(r)), split_text),
    ("the same, status and severity last", with_state, split_text),
    ("the same, without target", |r| join(", ", told(r).get(..5).unwrap_or_default()), split_text),
    ("action, target, alert, error, reason, message", |r| join(", ", &split_values(r)), split_text),
    ("the same, phase, status, severity last", |r| join(", ", &all(r)), split_text),
    ("the same, raw", |r| join(" ", &values(r, str::to_owned, str::to_owned)), str::to_owned),
    ("labelled, raw", labelled, str::to_owned),
    ("alert and action", alert_and_action, split_text),
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let set = QualitySet::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/quality")))?;
    let directory = std::env::var("DATASTORAGE_TEST_MODEL_DIR")
        .map_err(|unset| format!("DATASTORAGE_TEST_MODEL_DIR, the model's directory: {unset}"))?;
    let local = LocalEmbedder::load(Path::new(&directory), NonZeroUsize::MIN)?;
    let embedders: [&dyn Embedder; 2] = [&local, &HashingEmbedder::new()];
    for embedder in embedders {
        writeln!(stdout(), "\n{:48} common: top-1 r@5 MRR nDCG | rare", embedder.model().name())?;
        for (name, text, query) in CANDIDATES {
            let records =
                embed(embedder, set.records.iter().map(|record| text(&record.text())).collect()).await?;
            write!(stdout(), "{name:48}")?;
            for queries in [&set.queries, &set.rare] {
                let vectors =
                    embed(embedder, queries.iter().map(|labelled| query(&labelled.text)).collect()).await?;
                let scores = measure(&set, &records, queries, &vectors);
                write!(
                    stdout(),
                    " {:.3} {:.3} {:.3} {:.3} |",
                    scores.top_1,
                    scores.recall_5,
                    scores.mrr,
                    scores.ndcg_10
                )?;
            }
            writeln!(stdout())?;
        }
    }
    Ok(())
}

async fn embed(embedder: &dyn Embedder, texts: Vec<String>) -> Result<Vec<Embedding>, Box<dyn Error>> {
    let mut vectors = Vec::new();
    for batch in texts.chunks(32) {
        vectors.extend(embedder.embed(batch).await?);
    }
    Ok(vectors)
}

fn measure(
    set: &QualitySet,
    records: &[Embedding],
    queries: &[LabelledQuery],
    vectors: &[Embedding],
) -> Scores {
    let scores: Vec<Scores> = queries
        .iter()
        .zip(vectors)
        .map(|(query, vector)| {
            let mut ranking: Vec<(f32, &str)> = set
                .records
                .iter()
                .zip(records)
                .map(|(record, other)| (cosine(vector, other), &*record.name))
                .collect();
            ranking.sort_by(|left, right| right.0.total_cmp(&left.0));
            Scores::of(ranking.into_iter().map(|(_, name)| name), &query.relevant)
        })
        .collect();
    Scores::mean(&scores)
}

fn cosine(left: &Embedding, right: &Embedding) -> f32 {
    left.as_slice().iter().zip(right.as_slice()).map(|(left, right)| left * right).sum()
}

fn labelled(record: &RecordText<'_>) -> String {
    let part =
        |label: &str, value: &str| if value.is_empty() { String::new() } else { format!("{label}: {value}") };
    join(
        ", ",
        &[
            part("Name", record.name),
            part("Action", record.action_type),
            part("Target", of(record.target_name)),
            part("Phase", record.phase),
            part("Status", record.status),
            part("Error", of(record.error_message)),
        ],
    )
}

fn values(record: &RecordText<'_>, identifier: fn(&str) -> String, text: fn(&str) -> String) -> Vec<String> {
    vec![
        identifier(record.action_type),
        identifier(of(record.target_name)),
        identifier(of(record.alert_name)),
        text(of(record.error_message)),
        text(&metadata(record, "reason")),
        text(&metadata(record, "message")),
    ]
}

fn split_values(record: &RecordText<'_>) -> Vec<String> {
    values(record, split_identifier, split_text)
}

fn alert_and_action(record: &RecordText<'_>) -> String {
    join(", ", &[split_identifier(of(record.alert_name)), split_identifier(record.action_type)])
}

fn all(record: &RecordText<'_>) -> Vec<String> {
    let mut parts = split_values(record);
    parts.extend([record.phase, record.status, of(record.severity)].map(str::to_owned));
    parts
}

fn told(record: &RecordText<'_>) -> Vec<String> {
    vec![
        split_identifier(of(record.alert_name)),
        split_text(&metadata(record, "reason")),
        split_text(of(record.error_message)),
        split_text(&metadata(record, "message")),
        split_identifier(record.action_type),
        split_identifier(of(record.target_name)),
    ]
}

fn with_state(record: &RecordText<'_>) -> String {
    let mut parts = told(record);
    parts.extend([record.status, of(record.severity)].map(str::to_owned));
    join(", ", &parts)
}

fn metadata(record: &RecordText<'_>, key: &str) -> String {
    let object: Value = record.metadata.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn of(value: Option<&str>) -> &str {
    value.unwrap_or_default()
}

fn join(separator: &str, parts: &[String]) -> String {
    parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(separator)
}
