//! How many rows a worker claims at once.
//!
//! A claim and a settlement have a price of their own, the higher the more rows were done since the last vacuum, so a
//! worker that has its vectors at hand does better with many rows. One that waits for its embedder does better with few:
//! the first of them are found sooner, and a claim that outlives its lease is done twice.

use std::time::Duration;

use super::batch::PORTION;

/// How long a turn may take for the next one to have as many rows.
const TURN: Duration = Duration::from_millis(100);

/// The size of a worker's next claim.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    rows: i64,
    most: i64,
}

impl Pace {
    pub(super) fn new(most: i64) -> Self {
        Self { rows: Self::least(most), most }
    }

    /// Rows of a first claim, and the fewest of any: one portion of the embedder's, if the settings allow that many.
    fn least(most: i64) -> i64 {
        most.min(i64::from(PORTION))
    }

    pub(super) const fn rows(self) -> i64 {
        self.rows
    }

    /// Learns from a turn that had as many rows as it could if `was_full`.
    pub(super) fn note(&mut self, was_full: bool, took: Duration) {
        if took > TURN {
            self.rows = (self.rows / 2).max(Self::least(self.most));
        } else if was_full && took * 2 < TURN {
            self.rows = (self.rows * 2).min(self.most);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Pace};

    const QUICK: Duration = Duration::from_millis(10);
    const SLOW: Duration = Duration::from_secs(1);

    #[test]
    fn quick_turns_grow_up_to_the_bound_and_slow_ones_shrink() {
        let mut pace = Pace::new(200);
        assert_eq!(pace.rows(), 32);
        for (was_full, took, rows) in [
            (true, QUICK, 64),
            (false, QUICK, 64),
            (true, Duration::from_millis(70), 64),
            (true, QUICK, 128),
            (true, QUICK, 200),
            (true, QUICK, 200),
            (true, SLOW, 100),
            (false, SLOW, 50),
            (true, SLOW, 32),
            (true, SLOW, 32),
        ] {
            pace.note(was_full, took);
            assert_eq!(pace.rows(), rows);
        }
    }

    #[test]
    fn a_bound_below_the_first_claim_holds() {
        let mut pace = Pace::new(4);
        for took in [QUICK, SLOW, QUICK] {
            assert_eq!(pace.rows(), 4);
            pace.note(true, took);
        }
    }
}
