//! F06: whatever arrives twice, late or in another order, the newest version stands.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::test_runner::{Config, TestRunner};

use crate::index::{Condition, Point, PointVersion, VectorIndex};
use crate::tests::index_support::{INCIDENT, embedding, field, identity, instant, record};

type Index = Arc<dyn VectorIndex>;

/// The point of a record in a version that all of its fields tell.
fn versioned(id: i64, version: i64) -> Point {
    let mut record = record(id);
    record.updated_at = instant(version);
    record.cluster = Some(format!("version-{version}"));
    record.duration_ms = Some(version);
    // Only the first version has an environment: a newer one must not leave it behind.
    record.environment = (version == 1).then(|| "first".to_owned());
    Point { record, embedding: embedding(version.unsigned_abs()), incident_key: INCIDENT }
}

async fn ids_with(index: &Index, conditions: &[Condition]) -> Vec<i64> {
    let found = index.search(&embedding(1), conditions, 100).await.unwrap();
    let mut ids: Vec<i64> = found.iter().map(|neighbour| neighbour.record_id).collect();
    ids.sort_unstable();
    ids
}

fn text(name: &str, value: &str) -> Condition {
    Condition::AnyOf { field: field(name), values: vec![value.to_owned()] }
}

/// All of the point is the given version's: its number, its payload and its vector.
async fn assert_holds(index: &Index, id: i64, version: i64) {
    let expected = PointVersion { record_id: id, version: instant(version) };
    assert_eq!(index.versions(&[id]).await.unwrap(), [expected]);
    let conditions = [text("name", &format!("record-{id}")), text("cluster", &format!("version-{version}"))];
    let found = index.search(&embedding(version.unsigned_abs()), &conditions, 2).await.unwrap();
    assert_eq!(found.len(), 1, "{id} is not in version {version}");
    assert_eq!(found[0].record_id, id);
    assert!(found[0].similarity > 0.999, "{id} has the vector of another version than {version}: {found:?}");
}

/// BR-STORAGE-009, F06.
pub(super) async fn storing_again_changes_nothing(index: Index) {
    index.prepare(&identity(1)).await.unwrap();
    for _ in 0..3 {
        index.upsert(&[versioned(1, 2), versioned(2, 3)]).await.unwrap();
        assert_eq!(index.count().await.unwrap(), 2);
        assert_holds(&index, 1, 2).await;
        assert_holds(&index, 2, 3).await;
    }
}

/// F06: what was applied once and arrives again with other contents is not a newer version.
pub(super) async fn an_equal_version_changes_nothing(index: Index) {
    index.prepare(&identity(1)).await.unwrap();
    index.upsert(&[versioned(1, 2)]).await.unwrap();
    let mut duplicate = versioned(1, 2);
    duplicate.record.cluster = Some("duplicate".to_owned());
    duplicate.embedding = embedding(99);
    index.upsert(&[duplicate]).await.unwrap();
    assert_holds(&index, 1, 2).await;
}

/// BR-STORAGE-009.
pub(super) async fn a_newer_version_replaces_every_field(index: Index) {
    index.prepare(&identity(1)).await.unwrap();
    index.upsert(&[versioned(1, 1), versioned(2, 1)]).await.unwrap();
    let first = [text("environment", "first")];
    assert_eq!(ids_with(&index, &first).await, [1, 2]);
    index.upsert(&[versioned(1, 2)]).await.unwrap();
    assert_holds(&index, 1, 2).await;
    assert_holds(&index, 2, 1).await;
    assert_eq!(ids_with(&index, &first).await, [2], "the older version's field was left behind");
    assert_eq!(ids_with(&index, &[text("cluster", "version-1")]).await, [2]);
}

/// F06: versions are compared exactly.
pub(super) async fn versions_differ_by_the_microsecond(index: Index) {
    index.prepare(&identity(1)).await.unwrap();
    for (stored, then, stands) in [(1_000_001, 1_000_000, 1_000_001), (1_000_000, 1_000_001, 1_000_001)] {
        index.delete(&[1]).await.unwrap();
        index.upsert(&[versioned(1, stored)]).await.unwrap();
        index.upsert(&[versioned(1, then)]).await.unwrap();
        assert_holds(&index, 1, stands).await;
    }
}

/// F06: one call may bring several versions of a record, as when a queue holds them.
pub(super) async fn the_newest_of_one_call_counts(index: Index) {
    index.prepare(&identity(1)).await.unwrap();
    index
        .upsert(&[versioned(1, 2), versioned(1, 3), versioned(1, 1), versioned(2, 9), versioned(2, 8)])
        .await
        .unwrap();
    assert_holds(&index, 1, 3).await;
    assert_holds(&index, 2, 9).await;
    index.upsert(&[versioned(2, 7), versioned(2, 10), versioned(1, 3), versioned(1, 2)]).await.unwrap();
    assert_holds(&index, 1, 3).await;
    assert_holds(&index, 2, 10).await;
}

/// F06: in whatever order and in whatever parcels versions arrive, once or several times, the newest stands.
pub(super) async fn the_newest_version_stands_in_any_order(index: Index) {
    index.prepare(&identity(1)).await.unwrap();
    let calls = proptest::collection::vec(proptest::collection::vec((1_i64..5, 1_i64..8), 1..6), 1..8);
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    let runtime = tokio::runtime::Handle::current();
    let outcome = tokio::task::block_in_place(|| {
        runner.run(&calls, |calls| {
            runtime.block_on(arrive(&index, &calls));
            Ok(())
        })
    });
    outcome.unwrap();
}

async fn arrive(index: &Index, calls: &[Vec<(i64, i64)>]) {
    index.delete(&[1, 2, 3, 4]).await.unwrap();
    let mut newest: BTreeMap<i64, i64> = BTreeMap::new();
    for call in calls {
        let points: Vec<Point> = call.iter().map(|(id, version)| versioned(*id, *version)).collect();
        index.upsert(&points).await.unwrap();
        for (id, version) in call {
            let known = newest.entry(*id).or_insert(*version);
            *known = (*known).max(*version);
        }
    }
    assert_eq!(index.count().await.unwrap(), u64::try_from(newest.len()).unwrap());
    for (id, version) in newest {
        assert_holds(index, id, version).await;
    }
}
