//! The order of what was found.

use std::cmp::Ordering;

use storage_models::Remediation;

/// Values this close are equal: the same text embedded twice may differ by as much.
const TIE: f64 = 1e-6;

/// Sorts by `key`, the smallest first. Items that tie with the first of their group are sorted newest first, as in a
/// list.
pub(super) fn sort<T>(
    items: &mut [T],
    key: impl Fn(&T) -> f64,
    record: impl for<'a> Fn(&'a T) -> &'a Remediation,
) {
    items.sort_by(|a, b| key(a).total_cmp(&key(b)));
    let mut rest = items;
    while let Some(smallest) = rest.first().map(&key) {
        let ties = rest.partition_point(|item| key(item) - smallest <= TIE).max(1);
        let (group, others) = rest.split_at_mut(ties);
        group.sort_by(|a, b| newest_first(record(a), record(b)));
        rest = others;
    }
}

fn newest_first(a: &Remediation, b: &Remediation) -> Ordering {
    (b.start_time, b.id).cmp(&(a.start_time, a.id))
}
