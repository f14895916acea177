//! F36: a database that is not the right one never empties the index.

use crate::reconcile::{TooManyDeletions, check_deletions};

/// F36: the index of an empty database stays, if it holds more than a handful.
#[test]
fn an_index_without_any_record_is_not_emptied() {
    let refused = check_deletions(1_000_000, 1_000_000, 0).unwrap_err();
    let expected =
        TooManyDeletions { deletions: 1_000_000, points: 1_000_000, allowed: 10_000, unremembered: 0 };
    assert_eq!(refused, expected);
    assert!(check_deletions(1_001, 1_001, 0).is_err());
}

/// F59: where not every difference could be remembered, nothing is deleted.
#[test]
fn a_list_that_was_cut_allows_no_deletion() {
    assert!(check_deletions(1, 1_000_000, 1).is_err());
    assert!(check_deletions(0, 1_000_000, 1).is_ok(), "what is missing may be put back");
}

/// F36.
#[test]
fn the_limit_is_a_thousand_or_one_in_a_hundred() {
    for (deletions, points, allowed) in [
        (0, 0, true),
        (1_000, 1_000, true),
        (1_001, 100_000, false),
        (1_001, 100_100, true),
        (1_002, 100_199, false),
    ] {
        assert_eq!(check_deletions(deletions, points, 0).is_ok(), allowed, "{deletions} of {points}");
    }
}
