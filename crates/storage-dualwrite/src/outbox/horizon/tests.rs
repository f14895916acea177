//! Where claims look, without a database.

use storage_models::Timestamp;

use super::{Claim, Duration, GRACE, Horizon, Instant, Look, Position, Wanted, Window};
use crate::outbox::Lease;

const PAUSE: Duration = Duration::from_secs(5);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_767_225_600_000_000 + seconds * 1_000_000).unwrap()
}

fn row(seconds: i64, record_id: i64) -> Position {
    Position { due_at: at(seconds), record_id }
}

/// A claim of an outbox of a thousand pages, with one row if there is a last one.
fn claim(now: i64, last: Option<Position>) -> Claim {
    let lease = |last: Position| Lease {
        record_id: last.record_id,
        start_time: last.due_at,
        version: last.due_at,
        stage: crate::outbox::Stage::Enqueued,
    };
    Claim { now: at(now), pages: 1_000, last, leases: last.map(lease).into_iter().collect() }
}

/// A horizon whose first round of the sweep is over, at a thousand seconds of the database's time.
fn swept(now: Instant) -> Horizon {
    let mut horizon = Horizon::new(PAUSE);
    for _ in 0..2 {
        let window = horizon.next(Wanted::ALL, now);
        assert!(matches!(window.look, Look::Pages { .. }), "{window:?}");
        horizon.note(window, &claim(1_000, None), false, Duration::ZERO, now);
    }
    horizon
}

fn oldest(window: Window) -> Position {
    match window.look {
        Look::Oldest(after) => after,
        other => panic!("{other:?}"),
    }
}

/// F27: a claim begins behind what was done before.
#[test]
fn claims_move_on() {
    let now = Instant::now();
    let mut horizon = swept(now);
    // So that no claim below is a fourth one.
    for _ in 0..2 {
        oldest(horizon.next(Wanted::ALL, now));
    }
    let first = horizon.next(Wanted::ALL, now);
    assert_eq!(oldest(first).due_at, at(1_000).checked_add(-GRACE).unwrap(), "late commits are met");
    horizon.note(first, &claim(1_100, Some(row(1_010, 7))), true, Duration::ZERO, now);
    let second = horizon.next(Wanted::ALL, now);
    assert_eq!(oldest(second), row(1_010, 7));
    horizon.note(second, &claim(1_101, None), false, Duration::ZERO, now);
    let third = horizon.next(Wanted::ALL, now);
    assert_eq!(oldest(third).due_at, at(1_101).checked_add(-GRACE).unwrap());
}

/// F54: a sweep goes through the outbox piece by piece, and its share of the time is bounded.
#[test]
fn a_sweep_goes_on_where_it_stopped_and_takes_a_bounded_share_of_the_time() {
    let (mut horizon, start) = (Horizon::new(PAUSE), Instant::now());
    let took = Duration::from_secs(1);
    let first = horizon.next(Wanted::ALL, start);
    assert_eq!(first.look, Look::Pages { from: 0, to: 512 });
    horizon.note(first, &claim(1_000, None), false, took, start);
    let between = horizon.next(Wanted::ALL, start + 19 * took);
    assert!(matches!(between.look, Look::Oldest(_)), "{between:?}");
    let second = horizon.next(Wanted::ALL, start + 20 * took);
    assert_eq!(second.look, Look::Pages { from: 512, to: 1_024 });
    horizon.note(second, &claim(1_020, None), false, Duration::ZERO, start + 20 * took);
    assert_eq!(horizon.pause(PAUSE * 2, start + 20 * took), PAUSE, "a round is over");
    let again = horizon.next(Wanted::ALL, start + 20 * took + PAUSE);
    assert_eq!(again.look, Look::Pages { from: 0, to: 512 });
}

/// F54: what timed out is not asked again at the same size.
#[test]
fn a_claim_that_timed_out_is_not_repeated() {
    let now = Instant::now();
    let mut horizon = Horizon::new(PAUSE);
    for to in [512, 256, 128] {
        let window = horizon.next(Wanted::ALL, now);
        assert_eq!(window.look, Look::Pages { from: 0, to });
        horizon.note_timeout(window);
    }
    let mut horizon = swept(now);
    let window = horizon.next(Wanted::ALL, now);
    oldest(window);
    horizon.note_timeout(window);
    let window = horizon.next(Wanted::ALL, now);
    assert_eq!(
        window.look,
        Look::Pages { from: 0, to: 512 },
        "the sweep finds what the claim could not reach"
    );
    horizon.note(window, &claim(2_000, None), false, Duration::ZERO, now);
    let window = horizon.next(Wanted::ALL, now);
    assert_eq!(window.look, Look::Pages { from: 512, to: 1_024 });
    horizon.note(window, &claim(2_000, None), false, Duration::ZERO, now);
    assert_eq!(oldest(horizon.next(Wanted::ALL, now)).due_at, at(2_000).checked_add(-GRACE).unwrap());
}

/// Pages that hold more than a claim takes are worked off, and fresh records do not wait for that.
#[test]
fn a_backlog_that_a_sweep_finds_leaves_every_fourth_claim_to_fresh_records() {
    let (mut horizon, now) = (Horizon::new(PAUSE), Instant::now());
    let mut by_order = 0;
    for _ in 0..40 {
        let window = horizon.next(Wanted::ALL, now);
        let is_sweep = window.look == Look::Pages { from: 0, to: 512 };
        by_order += u32::from(!is_sweep);
        horizon.note(window, &claim(1_000, is_sweep.then(|| row(1, 1))), is_sweep, Duration::ZERO, now);
        assert_eq!(horizon.pause(PAUSE, now), Duration::ZERO);
    }
    assert_eq!(by_order, 10);
}

/// Neither the backlog nor fresh records starve.
#[test]
fn of_four_claims_on_a_backlog_one_takes_the_newest() {
    let now = Instant::now();
    let mut horizon = swept(now);
    let mut newest = 0;
    for turn in 0..40 {
        let window = horizon.next(Wanted::ALL, now);
        newest += u32::from(matches!(window.look, Look::Newest(_)));
        horizon.note(window, &claim(1_000 + turn, Some(row(turn, 1))), true, Duration::ZERO, now);
    }
    assert_eq!(newest, 10);
    let window = horizon.next(Wanted::ALL, now);
    horizon.note(window, &claim(2_000, None), false, Duration::ZERO, now);
    assert!((0..8).all(|_| matches!(horizon.next(Wanted::ALL, now).look, Look::Oldest(_))));
}

#[test]
fn rows_that_were_not_wanted_are_met_when_they_are() {
    let now = Instant::now();
    let mut horizon = swept(now);
    oldest(horizon.next(Wanted::ALL, now));
    let window = horizon.next(Wanted { to_index: false, ..Wanted::ALL }, now);
    assert_eq!(window.look, Look::Pages { from: 0, to: 512 });
}
