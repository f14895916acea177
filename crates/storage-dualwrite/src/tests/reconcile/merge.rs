//! The comparison against a model that looks every id up.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::{Strategy, any, proptest};

use crate::index::PointVersion;
use crate::reconcile::{Difference, DriftKind, merge};
use crate::tests::index_support::instant;

/// Few ids and few versions, so that the two sides meet often.
fn store() -> impl Strategy<Value = BTreeMap<i64, i64>> {
    proptest::collection::btree_map(-20_i64..20, 0_i64..3, 0..30)
}

fn listed(store: &BTreeMap<i64, i64>) -> Vec<PointVersion> {
    store.iter().map(|(id, version)| PointVersion { record_id: *id, version: instant(*version) }).collect()
}

fn looked_up(records: &BTreeMap<i64, i64>, points: &BTreeMap<i64, i64>) -> Vec<Difference> {
    let ids: BTreeSet<i64> = records.keys().chain(points.keys()).copied().collect();
    let differing = ids.into_iter().filter(|id| records.get(id) != points.get(id));
    let version = |store: &BTreeMap<i64, i64>, id| store.get(&id).map(|version| instant(*version));
    differing
        .map(|id| Difference { record_id: id, record: version(records, id), point: version(points, id) })
        .collect()
}

proptest! {
    /// F08: every difference is found, in order, and nothing else is taken for one.
    #[test]
    fn a_merge_finds_what_looking_up_every_id_finds(records in store(), points in store()) {
        assert_eq!(merge(&listed(&records), &listed(&points)), looked_up(&records, &points));
    }

    /// F08: whatever the ids, stores that agree have no difference.
    #[test]
    fn stores_in_step_have_no_difference(store in proptest::collection::btree_map(any::<i64>(), 0_i64..9, 0..50)) {
        assert_eq!(merge(&listed(&store), &listed(&store)), []);
    }
}

/// F06, F08.
#[test]
fn each_kind_is_told_apart() {
    let version = |record_id, version| PointVersion { record_id, version: instant(version) };
    let records = [version(1, 1), version(2, 1), version(3, 2), version(4, 1)];
    let points = [version(2, 1), version(3, 1), version(4, 2), version(5, 1)];
    let found = merge(&records, &points);
    let kinds: Vec<_> =
        found.iter().map(|one| (one.record_id, one.kind().unwrap(), one.is_ahead())).collect();
    assert_eq!(
        kinds,
        [
            (1, DriftKind::Missing, false),
            (3, DriftKind::Stale, false),
            (4, DriftKind::Stale, true),
            (5, DriftKind::Phantom, false),
        ]
    );
}
