//! The store against the outside index.

use std::collections::BTreeMap;

use super::Difference;

/// The differences between stored and indexed versions, by id.
pub(crate) fn compare_index(stored: &BTreeMap<i64, i64>, indexed: &BTreeMap<i64, i64>) -> Vec<Difference> {
    let missing_or_stale = stored.iter().filter_map(|(id, version)| {
        let found = indexed.get(id).copied();
        (found != Some(*version)).then_some(Difference::Index {
            id: *id,
            stored: Some(*version),
            indexed: found,
        })
    });
    let phantoms = indexed
        .iter()
        .filter(|(id, _)| !stored.contains_key(id))
        .map(|(id, version)| Difference::Index { id: *id, stored: None, indexed: Some(*version) });
    missing_or_stale.chain(phantoms).collect()
}
