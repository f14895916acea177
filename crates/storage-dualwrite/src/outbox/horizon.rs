//! Where a worker's next claim looks.
//!
//! A row that is done leaves its entries in the index of due rows until vacuum removes them, and vacuum removes
//! nothing that a snapshot held elsewhere may still see. A claim that began at the front of the index would read all
//! of them again, each time more. So a worker remembers how far it has come and begins there, and only now and then,
//! for a bounded share of its time, sweeps from the front: that finds what came to lie behind it, such as rows whose
//! transaction committed late and rows that a claim skipped while another one held them.
//!
//! While there is a backlog, every fourth claim takes the newest rows, so that fresh records do not wait for the
//! backlog's end; all others take the oldest, so that the backlog ends.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use storage_models::Timestamp;

use super::{Claim, Position, Wanted, Window};

/// How far behind the database's time a claim begins at least: rows become visible when their transaction commits,
/// and bear the time at which it began.
const GRACE: TimeDelta = TimeDelta::milliseconds(500);
/// The part of the time, as one in so many, that sweeps may take.
const SWEEP_SHARE: u32 = 20;
/// The longest time without a sweep.
const SWEEP_PAUSE_MAX: Duration = Duration::from_secs(60);
/// Of so many claims on a backlog, one takes the newest rows.
const FRESH_SHARE: u32 = 4;

/// What one worker knows of the order of due rows.
#[derive(Debug)]
pub(crate) struct Horizon {
    wanted: Wanted,
    /// All due rows up to here are done, or will be met by a sweep.
    oldest: Position,
    /// Where the newest rows begin.
    fresh: Position,
    /// Whether the last claim of the oldest rows left some.
    has_backlog: bool,
    claims: u32,
    /// The shortest time between two sweeps.
    sweep_pause: Duration,
    sweep_due: Option<Instant>,
}

impl Horizon {
    pub(crate) fn new(sweep_pause: Duration) -> Self {
        let (oldest, fresh) = (front(), front());
        let sweep_due = None;
        Self { wanted: Wanted::All, oldest, fresh, has_backlog: false, claims: 0, sweep_pause, sweep_due }
    }

    /// The next claim's window. What was passed over because nobody wanted it is met again when somebody does.
    pub(crate) fn next(&mut self, wanted: Wanted, now: Instant) -> Window {
        self.claims = self.claims.wrapping_add(1);
        let is_sweep = self.wanted != wanted || self.sweep_due.is_none_or(|due| due <= now);
        self.wanted = wanted;
        let newest_first = !is_sweep && self.has_backlog && self.claims.is_multiple_of(FRESH_SHARE);
        let after = match (is_sweep, newest_first) {
            (true, _) => front(),
            (false, true) => self.fresh,
            (false, false) => self.oldest,
        };
        Window { wanted, after, newest_first }
    }

    /// Learns from a claim that took `took` and has brought as many rows as it could if `is_full`.
    pub(crate) fn note(
        &mut self,
        window: Window,
        claim: &Claim,
        is_full: bool,
        took: Duration,
        now: Instant,
    ) {
        if window.after == front() && !window.newest_first {
            let pause = (took * SWEEP_SHARE).clamp(self.sweep_pause, self.sweep_pause.max(SWEEP_PAUSE_MAX));
            self.sweep_due = Some(now + pause);
        }
        let settled = Position { due_at: claim.now.checked_add(-GRACE).unwrap_or(claim.now), record_id: 0 };
        if window.newest_first {
            self.fresh = settled;
            return;
        }
        self.has_backlog = is_full;
        match claim.last.filter(|_| is_full) {
            Some(last) => self.oldest = last.min(settled),
            None => (self.oldest, self.fresh) = (settled, settled),
        }
    }
}

/// Before every row.
fn front() -> Position {
    Position { due_at: Timestamp::from_micros(0).unwrap_or_else(Timestamp::now), record_id: 0 }
}

#[cfg(test)]
mod tests {
    use super::{Claim, Duration, GRACE, Horizon, Instant, Position, Timestamp, Wanted, front};

    const PAUSE: Duration = Duration::from_secs(5);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(1_767_225_600_000_000 + seconds * 1_000_000).unwrap()
    }

    fn row(seconds: i64, record_id: i64) -> Position {
        Position { due_at: at(seconds), record_id }
    }

    fn claim(now: i64, last: Option<Position>) -> Claim {
        Claim { now: at(now), last, records: Vec::new(), stale: Vec::new(), gone: Vec::new() }
    }

    /// F27: a claim begins behind what was done before, and a sweep's share of the time is bounded.
    #[test]
    fn claims_move_on_and_sweeps_are_rare() {
        let (mut horizon, start) = (Horizon::new(PAUSE), Instant::now());
        let first = horizon.next(Wanted::All, start);
        assert_eq!(first.after, front(), "the first claim sweeps");
        let took = Duration::from_millis(500);
        horizon.note(first, &claim(1_000, Some(row(10, 7))), true, took, start);

        let second = horizon.next(Wanted::All, start + PAUSE);
        assert_eq!((second.after, second.newest_first), (row(10, 7), false));
        horizon.note(second, &claim(1_001, None), false, took, start);
        let third = horizon.next(Wanted::All, start + PAUSE);
        assert_eq!(third.after.due_at, at(1_001).checked_add(-GRACE).unwrap(), "late commits are met");

        let sweep = horizon.next(Wanted::All, start + 20 * took);
        assert_eq!(sweep.after, front(), "a slow sweep is repeated after twenty times its time");
    }

    /// Neither the backlog nor fresh records starve.
    #[test]
    fn of_four_claims_on_a_backlog_one_takes_the_newest() {
        let (mut horizon, now) = (Horizon::new(PAUSE), Instant::now());
        let mut newest = 0;
        for turn in 0..41 {
            let window = horizon.next(Wanted::All, now);
            newest += u32::from(window.newest_first);
            horizon.note(window, &claim(1_000 + turn, Some(row(turn, 1))), true, Duration::ZERO, now);
        }
        assert_eq!(newest, 10);
        let window = horizon.next(Wanted::All, now);
        horizon.note(window, &claim(2_000, None), false, Duration::ZERO, now);
        assert!((0..8).all(|_| !horizon.next(Wanted::All, now).newest_first), "without a backlog none does");
    }

    #[test]
    fn rows_that_were_not_wanted_are_met_when_they_are() {
        let (mut horizon, now) = (Horizon::new(PAUSE), Instant::now());
        let window = horizon.next(Wanted::WithoutVector, now);
        horizon.note(window, &claim(1_000, None), false, Duration::ZERO, now);
        assert_ne!(horizon.next(Wanted::WithoutVector, now).after, front());
        assert_eq!(horizon.next(Wanted::All, now).after, front());
    }
}
