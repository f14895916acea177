//! The labelled set: that it is what its README says, and what the local model makes of it.

use crate::support::{cosine, embed, local};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use storage_embedding::quality::{LabelledQuery, QualitySet, Scores};
use storage_embedding::{LocalEmbedder, RecordText, compose, compose_query, split_identifier, split_text};
use storage_models::Embedding;

fn quality_set() -> QualitySet {
    QualitySet::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/quality"))).unwrap()
}

#[test]
fn the_set_is_large_enough_and_its_answers_exist() {
    let set = quality_set();
    let names: BTreeSet<&str> = set.records.iter().map(|record| record.name.as_str()).collect();
    assert_eq!(names.len(), set.records.len(), "names tell the records apart");
    assert!(names.len() >= 60 && set.queries.len() >= 40);
    let mut texts = BTreeSet::new();
    for query in set.queries.iter().chain(&set.rare).chain(&set.pasted).chain(&set.tuning) {
        assert!(texts.insert(&query.text), "{} is there twice", query.text);
        assert!(query.relevant.values().any(|grade| *grade == 3), "{} has no best answer", query.text);
        for (name, grade) in &query.relevant {
            assert!(
                names.contains(name.as_str()) && (1..=3).contains(grade),
                "{}: {name} {grade}",
                query.text
            );
        }
    }
}

/// Words that a query may share with its answers: those without content, and the names of things
/// that have no other name.
const ALLOWED: &str = "a about above after an and any are as at be because been being by cannot each for from \
    had has have in is it its more no not of off on one or other out over since still than that the there they to too \
    up was were which while will with would \
    address api cluster container database disk dns etcd image kafka log memory namespace nfs node pod redis \
    server service sql storage tls certificate traffic";

#[test]
fn queries_do_not_share_the_words_of_their_best_answers() {
    let allowed: BTreeSet<&str> = ALLOWED.split_whitespace().collect();
    let set = quality_set();
    let words: BTreeMap<&str, BTreeSet<String>> =
        set.records.iter().map(|record| (record.name.as_str(), own_words(&record.text()))).collect();
    let mut shared = Vec::new();
    for query in set.queries.iter().chain(&set.rare) {
        for (name, _) in query.relevant.iter().filter(|(_, grade)| **grade == 3) {
            let both: Vec<_> = words_of(&query.text).intersection(&words[name.as_str()]).cloned().collect();
            shared.extend(
                both.into_iter()
                    .filter(|word| !allowed.contains(word.as_str()))
                    .map(|word| (&query.text, word)),
            );
        }
    }
    assert!(shared.is_empty(), "{shared:#?}");
}

/// What fusion is chosen by must say nothing of what is reported.
#[test]
fn sentences_to_choose_by_are_about_other_incidents_than_those_that_are_reported() {
    let set = quality_set();
    let answers = |queries: &[LabelledQuery]| -> BTreeSet<String> {
        queries.iter().flat_map(|query| query.relevant.keys().cloned()).collect()
    };
    assert!(set.pasted.len() >= 100 && set.tuning.len() >= 40);
    assert_eq!(answers(&set.pasted).intersection(&answers(&set.tuning)).count(), 0);
}

/// What the record itself says, without the full names that the composition puts for abbreviations.
fn own_words(record: &RecordText<'_>) -> BTreeSet<String> {
    let identifiers = [Some(record.action_type), record.target_name, record.alert_name];
    let texts = [record.error_message, record.metadata];
    let identifiers = identifiers.into_iter().flatten().map(split_identifier);
    identifiers.chain(texts.into_iter().flatten().map(split_text)).flat_map(|text| words(&text)).collect()
}

fn words_of(query: &str) -> BTreeSet<String> {
    words(&split_text(query))
}

fn words(text: &str) -> BTreeSet<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

struct Ranker {
    set: QualitySet,
    model: LocalEmbedder,
    vectors: Vec<Embedding>,
}

impl Ranker {
    async fn new() -> Self {
        let (set, model) = (quality_set(), local());
        let texts: Vec<String> = set.records.iter().map(|record| compose(&record.text())).collect();
        let vectors = embed(&model, &texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
        Self { set, model, vectors }
    }

    async fn rank(&self, query: &str) -> Vec<&str> {
        let vector = embed(&self.model, &[&compose_query(query)]).await.remove(0);
        let similarities = self.vectors.iter().map(|other| cosine(&vector, other));
        let mut ranking: Vec<_> = similarities.zip(&self.set.records).collect();
        ranking.sort_by(|left, right| right.0.total_cmp(&left.0));
        ranking.into_iter().map(|(_, record)| record.name.as_str()).collect()
    }

    async fn score(&self, queries: &[LabelledQuery]) -> Scores {
        let mut scores = Vec::new();
        for query in queries {
            scores.push(Scores::of(self.rank(&query.text).await, &query.relevant));
        }
        Scores::mean(&scores)
    }
}

/// BR-STORAGE-016
#[tokio::test]
async fn a_pod_that_keeps_crashing_finds_the_crash_loops_first() {
    let ranker = Ranker::new().await;
    let query = "a pod keeps crashing after start";
    let crash_loops = &ranker.set.queries.iter().find(|labelled| labelled.text == query).unwrap().relevant;
    let first: BTreeSet<&str> = ranker.rank(query).await.into_iter().take(crash_loops.len()).collect();
    assert_eq!(first, crash_loops.keys().map(String::as_str).collect());
}

/// BR-STORAGE-016: search by meaning keeps the quality that the composition was chosen for.
#[tokio::test]
async fn the_composition_keeps_its_measured_quality() {
    let ranker = Ranker::new().await;
    let scores = ranker.score(&ranker.set.queries).await;
    assert!(scores.mrr >= 0.82 && scores.ndcg_10 >= 0.78, "{scores:?}");
    let rare = ranker.score(&ranker.set.rare).await;
    assert!(rare.mrr >= 0.56, "{rare:?}");
}

/// BR-STORAGE-016: the plan's similarity above 0.8, for queries that nearly repeat a record's text.
#[tokio::test]
async fn a_query_that_nearly_repeats_a_record_is_more_than_0_8_similar() {
    let model = local();
    let record = compose(&RecordText {
        action_type: "restart-pod",
        target_name: Some("checkout-api-7d9f8b6c5-x2x4z"),
        alert_name: Some("KubePodCrashLooping"),
        error_message: Some("back-off restarting failed container"),
        ..RecordText::default()
    });
    for query in [
        "KubePodCrashLooping restart-pod checkout-api",
        "pod crash looping, back-off restarting failed container in checkout-api, restarted the pod",
    ] {
        let vectors = embed(&model, &[&record, &compose_query(query)]).await;
        let similarity = cosine(&vectors[0], &vectors[1]);
        assert!(similarity > 0.8, "{query}: {similarity}");
    }
}
