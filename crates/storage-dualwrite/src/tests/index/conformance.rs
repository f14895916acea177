//! Storing, reading, searching.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use storage_models::fields::{Field, Members as _};
use storage_models::{Embedding, IncidentKey, Phase, Remediation, Severity, Status};

use crate::index::{self, Condition, IndexError, IndexIdentity, Point, PointVersion, VectorIndex};
use crate::tests::index_support::{
    EPOCH, INCIDENT, changed, embedding, field, identity, instant, point, record,
};

type Index = Arc<dyn VectorIndex>;

const NOTHING: [i64; 0] = [];

/// What f32 vectors, normalised or not, may differ by.
const TOLERANCE: f64 = 1e-4;

fn any_of(name: &str, values: &[&str]) -> Condition {
    Condition::AnyOf { field: field(name), values: values.iter().map(|value| (*value).to_owned()).collect() }
}

fn none_of(name: &str, values: &[&str]) -> Condition {
    Condition::NoneOf { field: field(name), values: values.iter().map(|value| (*value).to_owned()).collect() }
}

async fn fill(index: &Index, records: &[Remediation]) {
    index.prepare(&identity(1)).await.unwrap();
    let points: Vec<Point> = records.iter().cloned().map(point).collect();
    index.upsert(&points).await.unwrap();
}

/// The ids that meet the conditions, ascending.
async fn matching(index: &Index, conditions: &[Condition]) -> Vec<i64> {
    let found = index.search(&embedding(7), conditions, 1_000).await.unwrap();
    let mut ids: Vec<i64> = found.iter().map(|neighbour| neighbour.record_id).collect();
    ids.sort_unstable();
    ids
}

fn assert_mismatch(outcome: Result<(), IndexError>, words: &[&str]) {
    match outcome {
        Err(error @ IndexError::Mismatch(_)) => {
            assert!(!error.is_outage());
            let sentence = error.to_string();
            for word in words {
                assert!(sentence.contains(word), "`{word}` is not in: {sentence}");
            }
        }
        other => panic!("expected a mismatch, got {other:?}"),
    }
}

/// BR-STORAGE-009: every start and every end of an outage prepares.
pub(super) async fn prepare_may_be_repeated(index: Index) {
    fill(&index, &[record(1), record(2)]).await;
    for _ in 0..2 {
        index.prepare(&identity(1)).await.unwrap();
        assert_eq!(index.count().await.unwrap(), 2);
    }
    let preparing = (0..4).map(|_| {
        let index = Arc::clone(&index);
        tokio::spawn(async move { index.prepare(&identity(1)).await })
    });
    for replica in preparing.collect::<Vec<_>>() {
        replica.await.unwrap().unwrap();
    }
}

/// F36: the points of another database are left alone.
pub(super) async fn another_installation_is_refused(index: Index) {
    fill(&index, &[record(1)]).await;
    let (ours, theirs) = (identity(1), identity(2));
    let words = [ours.installation.to_string(), theirs.installation.to_string()];
    let words = [words[0].as_str(), words[1].as_str(), "--rebuild"];
    assert_mismatch(index.prepare(&theirs).await, &words);
    index.prepare(&ours).await.unwrap();
    assert_eq!(index.count().await.unwrap(), 1);
}

/// F39: vectors of two embedders never come together.
pub(super) async fn another_embedding_set_is_refused(index: Index) {
    fill(&index, &[record(1)]).await;
    let changed = |change: fn(&mut IndexIdentity)| {
        let mut identity = identity(1);
        change(&mut identity);
        identity
    };
    for (other, words) in [
        (changed(|it| it.set.model = "other-model".to_owned()), ["other-model", "--rebuild"]),
        (changed(|it| it.set.composition = "17".to_owned()), ["17", "--rebuild"]),
        (changed(|it| it.set.dimension = 768), ["384", "768"]),
    ] {
        assert_mismatch(index.prepare(&other).await, &words);
    }
    index.prepare(&identity(1)).await.unwrap();
}

pub(super) async fn empty_calls_do_nothing(index: Index) {
    fill(&index, &[]).await;
    index.delete(&[]).await.unwrap();
    assert_eq!(index.versions(&[]).await.unwrap(), []);
    assert_eq!(index.page(None, 10).await.unwrap(), []);
    assert_eq!(index.search(&embedding(1), &[], 10).await.unwrap(), []);
    assert_eq!(index.count().await.unwrap(), 0);
    fill(&index, &[record(1)]).await;
    assert_eq!(index.search(&embedding(1), &[], 0).await.unwrap(), []);
    assert_eq!(index.page(None, 0).await.unwrap(), []);
    assert_eq!(matching(&index, &[any_of("name", &[])]).await, NOTHING);
}

pub(super) async fn absent_points_may_be_deleted(index: Index) {
    fill(&index, &[record(1)]).await;
    index.delete(&[5, 1, 6, i64::MAX, 0, -1]).await.unwrap();
    index.delete(&[1]).await.unwrap();
    assert_eq!(index.count().await.unwrap(), 0);
}

pub(super) async fn deleted_points_are_gone(index: Index) {
    let records: Vec<_> = (1..=5).map(record).collect();
    fill(&index, &records).await;
    index.delete(&[2, 4]).await.unwrap();
    assert_eq!(matching(&index, &[]).await, [1, 3, 5]);
    assert_eq!(index.versions(&[1, 2]).await.unwrap().len(), 1);
    assert_eq!(index.page(None, 10).await.unwrap().len(), 3);
    // A record that was deleted and comes back is a new point, in whatever version.
    index.upsert(&[point(record(2))]).await.unwrap();
    assert_eq!(matching(&index, &[]).await, [1, 2, 3, 5]);
}

fn along(axis: usize, length: f32) -> Embedding {
    let mut values = vec![0.0; Embedding::DIMENSION];
    values[axis] = length;
    Embedding::new(values).unwrap()
}

fn between(length: f32) -> Embedding {
    let mut values = vec![0.0; Embedding::DIMENSION];
    values[0] = length;
    values[1] = length;
    Embedding::new(values).unwrap()
}

/// BR-STORAGE-016: a similarity per hit, the cosine, whatever the vectors' lengths.
pub(super) async fn similarity_is_the_cosine(index: Index) {
    fill(&index, &[]).await;
    let stored = [
        (1, along(0, 1.0)),
        (2, along(0, 40.0)),
        (3, between(0.01)),
        (4, along(1, 2.0)),
        (5, along(0, -3.0)),
    ];
    let points =
        stored.map(|(id, embedding)| Point { record: record(id), embedding, incident_key: INCIDENT });
    index.upsert(&points).await.unwrap();
    let found = index.search(&along(0, 5.0), &[], 10).await.unwrap();
    let ids: Vec<_> = found.iter().map(|neighbour| neighbour.record_id).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5]);
    for (neighbour, expected) in found.iter().zip([1.0, 1.0, std::f64::consts::FRAC_1_SQRT_2, 0.0, -1.0]) {
        assert!((neighbour.similarity - expected).abs() < TOLERANCE, "{neighbour:?} is not {expected}");
        assert!((-1.0..=1.0).contains(&neighbour.similarity), "{neighbour:?}");
    }
}

pub(super) async fn zero_vectors_are_at_right_angles_to_everything(index: Index) {
    fill(&index, &[]).await;
    let points = [(1, along(0, 0.0)), (2, along(0, 1.0))];
    index
        .upsert(&points.map(|(id, embedding)| Point {
            record: record(id),
            embedding,
            incident_key: INCIDENT,
        }))
        .await
        .unwrap();
    let found = index.search(&along(0, 1.0), &[], 10).await.unwrap();
    assert_eq!(found.iter().map(|it| it.record_id).collect::<Vec<_>>(), [2, 1]);
    assert!(found[1].similarity.abs() < TOLERANCE, "{found:?}");
}

/// BR-STORAGE-016: compared with the distance to each of the points.
pub(super) async fn the_nearest_come_first(index: Index) {
    let records: Vec<_> = (1..=300).map(record).collect();
    fill(&index, &records).await;
    let query = embedding(1_234_567);
    let mut expected: Vec<(i64, f64)> =
        (1..=300).map(|id: i64| (id, cosine(&query, &embedding(id.unsigned_abs())))).collect();
    expected.sort_by(|a, b| b.1.total_cmp(&a.1));
    for limit in [1, 10, 299, 300, 500] {
        let found = index.search(&query, &[], limit).await.unwrap();
        assert_eq!(found.len(), limit.min(300));
        for (neighbour, (id, similarity)) in found.iter().zip(&expected) {
            assert_eq!(neighbour.record_id, *id);
            assert!(
                (neighbour.similarity - similarity).abs() < TOLERANCE,
                "{neighbour:?} is not {similarity}"
            );
        }
    }
}

fn cosine(a: &Embedding, b: &Embedding) -> f64 {
    let dot = |x: &Embedding, y: &Embedding| -> f64 {
        x.as_slice().iter().zip(y.as_slice()).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// A record in which every field has a value of its own.
fn full(id: i64) -> Remediation {
    changed(record(id), |it| {
        (it.phase, it.status, it.severity) = (Phase::Failed, Status::Failed, Some(Severity::Critical));
        it.namespace = format!("namespace-{id}");
        it.action_type = format!("action-{id}");
        it.target_name = Some(format!("target-{id}"));
        it.environment = Some(format!("environment-{id}"));
        it.cluster = Some(format!("cluster-{id}"));
        it.remediation_request_id = Some(format!("request-{id}"));
        it.alert_name = Some(format!("alert-{id}"));
        it.alert_fingerprint = Some(format!("fingerprint-{id}"));
        it.recorded_by = format!("caller-{id}");
    })
}

/// BR-STORAGE-013: each field of the payload, against a record that has another value and one that has none.
pub(super) async fn each_field_filters_alone(index: Index) {
    let other = changed(full(2), |it| {
        (it.phase, it.status, it.severity) = (Phase::Pending, Status::Success, Some(Severity::Low));
    });
    fill(&index, &[full(1), other, record(3)]).await;
    for Field { name, .. } in index::fields() {
        let wanted = full(1);
        let wanted = wanted.value(name);
        let value = wanted.as_text().unwrap();
        assert_eq!(matching(&index, &[any_of(name, &[value])]).await, [1], "{name} = {value}");
        let absent = any_of(name, &["", "nothing", "NAMESPACE-1", "namespace-1 ", "null"]);
        assert_eq!(matching(&index, &[absent]).await, NOTHING, "{name}");
    }
}

pub(super) async fn several_values_are_alternatives(index: Index) {
    let records: Vec<_> = (1..=4).map(full).chain([record(5)]).collect();
    fill(&index, &records).await;
    let clusters = any_of("cluster", &["cluster-1", "cluster-3", "cluster-3", "cluster-9"]);
    assert_eq!(matching(&index, std::slice::from_ref(&clusters)).await, [1, 3]);
    let names = any_of("name", &["record-3", "record-4", "record-5"]);
    assert_eq!(matching(&index, &[clusters, names.clone()]).await, [3]);
    let never = any_of("severity", &["info"]);
    assert_eq!(matching(&index, &[names, never]).await, NOTHING);
}

pub(super) async fn odd_strings_match_themselves_alone(index: Index) {
    let odd = [
        "",
        " ",
        "a.b",
        "a[0]",
        "a[]",
        "\"quoted\"",
        "'; DROP TABLE x; --",
        "back\\slash",
        "per%cent_",
        "ünïcødé",
        "日本語",
        "🔥",
        "e\u{301}",
        "\u{e9}",
        "tab\there",
        "null",
        "true",
        "1",
        "1.0",
        "A",
        "a",
        "a ",
        "*",
        ".*",
        "{\"a\":1}",
    ];
    let records: Vec<_> = (1..)
        .zip(odd)
        .map(|(id, text)| changed(record(id), |it| it.target_name = Some(text.to_owned())))
        .chain([record(1_000)])
        .collect();
    fill(&index, &records).await;
    for (id, text) in (1..).zip(odd) {
        assert_eq!(matching(&index, &[any_of("target_name", &[text])]).await, [id], "{text:?}");
    }
    let longest = "ü".repeat(255);
    fill(&index, &[changed(record(2_000), |it| it.cluster = Some(longest.clone()))]).await;
    assert_eq!(matching(&index, &[any_of("cluster", &[&longest])]).await, [2_000]);
}

/// BR-STORAGE-013.
pub(super) async fn time_ranges_are_half_open_to_the_microsecond(index: Index) {
    let records: Vec<_> = (0..=4).map(|n| changed(record(n + 1), |it| it.start_time = instant(n))).collect();
    fill(&index, &records).await;
    let range = |since: Option<i64>, until: Option<i64>| Condition::StartTime {
        since: since.map(instant),
        until: until.map(instant),
    };
    for (condition, expected) in [
        (range(None, None), vec![1, 2, 3, 4, 5]),
        (range(Some(2), None), vec![3, 4, 5]),
        (range(None, Some(2)), vec![1, 2]),
        (range(Some(1), Some(3)), vec![2, 3]),
        (range(Some(2), Some(3)), vec![3]),
        (range(Some(2), Some(2)), vec![]),
        (range(Some(3), Some(1)), vec![]),
        (range(Some(-EPOCH - 1), Some(1)), vec![1]),
        (range(Some(5), Some(1 << 50)), vec![]),
    ] {
        assert_eq!(matching(&index, std::slice::from_ref(&condition)).await, expected, "{condition:?}");
    }
}

/// BR-STORAGE-013: a record that has not ended took no time at all, not zero.
pub(super) async fn durations_include_both_ends(index: Index) {
    let durations = [None, Some(0), Some(1), Some(1_000), Some(315_576_000_000)];
    let records: Vec<_> = (1..)
        .zip(durations)
        .map(|(id, duration_ms)| changed(record(id), |it| it.duration_ms = duration_ms))
        .collect();
    fill(&index, &records).await;
    for (min, max, expected) in [
        (None, None, vec![2, 3, 4, 5]),
        (Some(1), None, vec![3, 4, 5]),
        (None, Some(1), vec![2, 3]),
        (Some(0), Some(0), vec![2]),
        (Some(2), Some(999), vec![]),
        (Some(1_000), Some(1), vec![]),
        (Some(i64::MIN), Some(i64::MAX), vec![2, 3, 4, 5]),
        (Some(i64::MAX), None, vec![]),
        (Some(315_576_000_000), None, vec![5]),
        (Some(315_576_000_001), None, vec![]),
    ] {
        let condition = Condition::DurationMs { min, max };
        assert_eq!(matching(&index, std::slice::from_ref(&condition)).await, expected, "{condition:?}");
    }
}

fn some_record() -> impl Strategy<Value = Remediation> {
    let name = prop::sample::select(vec!["a", "b", "c"]);
    let cluster = prop::option::of(prop::sample::select(vec!["x", "y"]));
    (name, cluster, 0_i64..6, prop::option::of(0_i64..6)).prop_map(|(name, cluster, start, duration_ms)| {
        changed(record(0), |it| {
            (it.name, it.cluster) = (name.to_owned(), cluster.map(str::to_owned));
            (it.start_time, it.duration_ms) = (instant(start), duration_ms);
        })
    })
}

fn some_condition() -> impl Strategy<Value = Condition> {
    let bound = || prop::option::of(0_i64..7);
    prop_oneof![
        prop::sample::subsequence(vec!["a", "b", "c"], 1..3).prop_map(|names| any_of("name", &names)),
        prop::sample::subsequence(vec!["x", "y", "z"], 1..3).prop_map(|names| any_of("cluster", &names)),
        prop::sample::subsequence(vec!["a", "b", "c"], 1..3).prop_map(|names| none_of("name", &names)),
        prop::sample::subsequence(vec!["x", "y", "z"], 1..3).prop_map(|names| none_of("cluster", &names)),
        any::<bool>().prop_map(|is_absent| Condition::Absent { field: field("cluster"), is_absent }),
        (bound(), bound()).prop_map(|(since, until)| Condition::StartTime {
            since: since.map(instant),
            until: until.map(instant),
        }),
        (bound(), bound()).prop_map(|(min, max)| Condition::DurationMs { min, max }),
    ]
}

/// BR-STORAGE-013: any conditions on any records find what [`Condition::holds`] says of each record.
pub(super) async fn conditions_agree_with_the_records(index: Index) {
    let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    let records = prop::collection::vec(some_record(), 40).new_tree(&mut runner).unwrap().current();
    let records: Vec<_> = (1..).zip(records).map(|(id, record)| changed(record, |it| it.id = id)).collect();
    fill(&index, &records).await;
    let runtime = tokio::runtime::Handle::current();
    let conditions = prop::collection::vec(some_condition(), 0..4);
    let outcome = tokio::task::block_in_place(|| {
        runner.run(&conditions, |conditions| {
            let holds = |record: &&Remediation| conditions.iter().all(|condition| condition.holds(record));
            let expected: Vec<i64> = records.iter().filter(holds).map(|record| record.id).collect();
            prop_assert_eq!(runtime.block_on(matching(&index, &conditions)), expected);
            Ok(())
        })
    });
    outcome.unwrap();
}

/// F22: at one in a thousand, in a hundred, in ten, in two.
pub(super) async fn k_come_back_whenever_k_match(index: Index) {
    let records: Vec<_> = (1..=2_000)
        .map(|id| {
            changed(record(id), |it| {
                it.cluster = (id % 1_000 == 0).then(|| "one-in-1000".to_owned());
                it.alert_name = (id % 100 == 0).then(|| "one-in-100".to_owned());
                it.environment = (id % 10 == 0).then(|| "one-in-10".to_owned());
                it.target_name = (id % 2 == 0).then(|| "one-in-2".to_owned());
            })
        })
        .collect();
    fill(&index, &records).await;
    for (field, value, matching) in [
        ("cluster", "one-in-1000", 2),
        ("alert_name", "one-in-100", 20),
        ("environment", "one-in-10", 200),
        ("target_name", "one-in-2", 1_000),
    ] {
        for limit in [1, 10, 100] {
            let found = index.search(&embedding(77), &[any_of(field, &[value])], limit).await.unwrap();
            assert_eq!(found.len(), limit.min(matching), "{value}, {limit} wanted");
        }
    }
}

/// F47: each incident once, as near as its nearest record that meets the conditions.
pub(super) async fn incidents_come_once_each(index: Index) {
    index.prepare(&identity(1)).await.unwrap();
    let key = |n: u8| IncidentKey::new([n; IncidentKey::LENGTH]);
    let of =
        |id: i64, incident, embedding| Point { record: record(id), embedding, incident_key: key(incident) };
    // The first has ten copies of the nearest text, the second is farther away with one record and nearer with another.
    let mut points: Vec<Point> = (1..=10).map(|id| of(id, 1, along(0, 1.0))).collect();
    points.extend([of(11, 2, along(1, 1.0)), of(12, 2, between(1.0)), of(13, 3, along(1, 1.0))]);
    index.upsert(&points).await.unwrap();
    let found = index.search_incidents(&along(0, 1.0), &[], 10).await.unwrap();
    let keys: Vec<_> = found.iter().map(|it| it.key).collect();
    assert_eq!(keys, [key(1), key(2), key(3)]);
    for (found, expected) in found.iter().zip([1.0, std::f64::consts::FRAC_1_SQRT_2, 0.0]) {
        assert!((found.similarity - expected).abs() < TOLERANCE, "{found:?}");
    }
    let two = index.search_incidents(&along(0, 1.0), &[], 2).await.unwrap();
    assert_eq!(two.iter().map(|it| it.key).collect::<Vec<_>>(), [key(1), key(2)]);
    let names = record(11).name;
    let conditions = [any_of("name", &[names.as_str()])];
    let one = index.search_incidents(&along(0, 1.0), &conditions, 10).await.unwrap();
    assert_eq!(one.iter().map(|it| it.key).collect::<Vec<_>>(), [key(2)]);
    assert!(one[0].similarity.abs() < TOLERANCE, "{one:?}");
}

async fn ids_of_pages(index: &Index, size: usize) -> Vec<i64> {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = index.page(after, size).await.unwrap();
        ids.extend(page.iter().map(|it| it.record_id));
        if page.len() < size {
            return ids;
        }
        after = ids.last().copied();
    }
}

/// BR-STORAGE-009: what the reconciler reads.
pub(super) async fn pages_come_in_order_and_end(index: Index) {
    // 2, 10 and 100 are in another order as text than as numbers.
    let ids: Vec<i64> = (1..=25).chain([100, 1_000, 1_001, 70_000]).collect();
    let records: Vec<_> = ids.iter().rev().map(|id| record(*id)).collect();
    fill(&index, &records).await;
    for size in [1, 2, 7, 29, 30, 100] {
        assert_eq!(ids_of_pages(&index, size).await, ids, "pages of {size}");
    }
    let page = index.page(Some(24), 3).await.unwrap();
    assert_eq!(page.iter().map(|it| it.record_id).collect::<Vec<_>>(), [25, 100, 1_000]);
    assert_eq!(page[0].version, record(25).updated_at);
    assert_eq!(index.page(Some(70_000), 10).await.unwrap(), []);
    assert_eq!(index.page(Some(50), 1).await.unwrap()[0].record_id, 100, "after an id that does not exist");
}

pub(super) async fn ids_may_be_as_large_as_a_bigint(index: Index) {
    let ids = [1, (1 << 53) - 1, 1 << 53, (1 << 53) + 1, i64::MAX - 1, i64::MAX];
    fill(&index, &ids.map(record)).await;
    assert_eq!(index.count().await.unwrap(), 6);
    assert_eq!(ids_of_pages(&index, 2).await, ids);
    assert_eq!(matching(&index, &[]).await, ids);
    assert_eq!(index.page(Some(i64::MAX), 10).await.unwrap(), []);
    index.delete(&[(1 << 53) + 1, i64::MAX]).await.unwrap();
    assert_eq!(ids_of_pages(&index, 10).await, [1, (1 << 53) - 1, 1 << 53, i64::MAX - 1]);
}

pub(super) async fn versions_are_of_what_exists(index: Index) {
    let records: Vec<_> =
        (1..=5).map(|id| changed(record(id), |it| it.updated_at = instant(id * 11))).collect();
    fill(&index, &records).await;
    let mut found = index.versions(&[4, 2, 77, i64::MAX, 0, -3]).await.unwrap();
    found.sort_unstable();
    let expected = [2, 4].map(|id| PointVersion { record_id: id, version: instant(id * 11) });
    assert_eq!(found, expected);
}

pub(super) async fn thousands_of_points_fit_in_one_call(index: Index) {
    let records: Vec<_> = (1..=1_500).map(full).collect();
    fill(&index, &records).await;
    assert_eq!(index.count().await.unwrap(), 1_500);
    let ids: Vec<i64> = (1..=3_000).collect();
    assert_eq!(index.versions(&ids).await.unwrap().len(), 1_500);
    assert_eq!(index.page(None, 5_000).await.unwrap().len(), 1_500);
    index.delete(&ids).await.unwrap();
    assert_eq!(index.count().await.unwrap(), 0);
}
