//! F06: what is on its way is not drift.

use std::time::Duration;

use tokio::time::Instant;

use crate::reconcile::{Difference, Pass, Suspects};
use crate::tests::index_support::instant;

const GAP: Duration = Duration::from_secs(20);
const SECOND: Duration = Duration::from_secs(1);

/// A pass that takes a second and ends this long after `start`.
fn pass(start: Instant, ended: Duration) -> Pass {
    Pass { began: start + ended - SECOND, ended: start + ended }
}

fn missing(record_id: i64, version: i64) -> Difference {
    Difference { record_id, record: Some(instant(version)), point: None }
}

/// F06.
#[test]
fn one_pass_alone_agrees_on_nothing() {
    let mut suspects = Suspects::new(GAP);
    assert_eq!(suspects.observe(pass(Instant::now(), SECOND), &[missing(1, 1)]), []);
}

/// F06: the gap is measured between the passes, not from one end to the other.
#[test]
fn passes_agree_only_when_they_are_far_enough_apart() {
    let (start, found) = (Instant::now(), [missing(1, 1)]);
    let mut suspects = Suspects::new(GAP);
    suspects.observe(pass(start, SECOND), &found);
    assert_eq!(suspects.observe(pass(start, SECOND + GAP), &found), []);
    assert_eq!(suspects.observe(pass(start, SECOND * 2 + GAP), &found), found);
}

/// F06: passes in between do not put the agreement off.
#[test]
fn the_first_pass_that_saw_it_counts() {
    let (start, found) = (Instant::now(), [missing(1, 1)]);
    let mut suspects = Suspects::new(GAP);
    for seconds in 1..=21 {
        assert_eq!(suspects.observe(pass(start, SECOND * seconds), &found), []);
    }
    assert_eq!(suspects.observe(pass(start, SECOND * 22), &found), found);
}

/// F06: a record that was written or went away meanwhile begins anew.
#[test]
fn what_has_changed_begins_anew() {
    let start = Instant::now();
    let mut suspects = Suspects::new(GAP);
    suspects.observe(pass(start, SECOND), &[missing(1, 1), missing(2, 1)]);
    assert_eq!(suspects.observe(pass(start, SECOND + GAP * 2), &[missing(1, 2)]), []);
    let both = [missing(1, 2), missing(2, 1)];
    assert_eq!(suspects.observe(pass(start, SECOND * 2 + GAP * 3), &both), [missing(1, 2)]);
}
