//! Where a worker's next claim looks.
//!
//! A row that is done leaves its entries in the index of due rows until vacuum removes them, and vacuum removes
//! nothing that a snapshot held elsewhere may still see. A claim that began at the front of the index would read all
//! of them again, each time more. So a worker remembers how far it has come and begins there. What lies behind (what was
//! there before the worker began, rows whose transaction committed late, rows that a claim skipped while another one
//! held them) is found by a sweep, which goes through the outbox itself, a bounded number of pages at a time.
//!
//! A claim that PostgreSQL does not finish in time is not made again: one that went by the index leaves to the sweep what
//! it could not reach, and one of a sweep takes half the pages.
//!
//! While there is a backlog, every fourth claim takes the newest rows, so that fresh records do not wait for the
//! backlog's end; all others take the oldest, or what the sweep has come to, so that the backlog ends.

mod sweep;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use chrono::TimeDelta;

use super::Claim;
use super::window::{Look, Position, Wanted, Window};
use sweep::Sweep;

/// How far behind the database's time a claim begins at least: rows become visible when their transaction commits,
/// and bear the time at which it began.
const GRACE: TimeDelta = TimeDelta::milliseconds(500);
/// One of this many claims on a backlog takes the newest rows.
const FRESH_SHARE: u32 = 4;

/// One worker's knowledge of the order of due rows.
#[derive(Debug)]
pub(crate) struct Horizon {
    wanted: Wanted,
    /// The positions at which the oldest and the newest rows begin. All due rows before them are done, or a sweep will
    /// find them; `None` if the next sweep decides.
    known: Option<Known>,
    /// Whether the last claim of the oldest rows left some.
    has_backlog: bool,
    claims: u32,
    sweep: Sweep,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    oldest: Position,
    fresh: Position,
}

impl Horizon {
    /// Knows nothing yet; rounds of the sweep are at least `sweep_pause` apart.
    pub(crate) fn new(sweep_pause: Duration) -> Self {
        let sweep = Sweep::new(sweep_pause);
        Self { wanted: Wanted::ALL, known: None, has_backlog: false, claims: 0, sweep }
    }

    /// The window of the next claim. Rows that no claim wanted are found again when a claim wants them.
    pub(crate) fn next(&mut self, wanted: Wanted, now: Instant) -> Window {
        self.claims = self.claims.wrapping_add(1);
        if self.wanted != wanted {
            self.wanted = wanted;
            self.sweep.restart();
        }
        let is_fourth = self.claims.is_multiple_of(FRESH_SHARE);
        let leaves_room = self.sweep.finds() && is_fourth;
        let look = match self.known {
            Some(known) if leaves_room || !self.sweep.is_due(now) => {
                if self.has_backlog && is_fourth {
                    Look::Newest(known.fresh)
                } else {
                    Look::Oldest(known.oldest)
                }
            }
            _ => self.sweep.look(),
        };
        Window { wanted, look }
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
        let settled = Position { due_at: claim.now.checked_add(-GRACE).unwrap_or(claim.now), record_id: 0 };
        let known = self.known.get_or_insert(Known { oldest: settled, fresh: settled });
        match window.look {
            Look::Pages { to, .. } => self.sweep.note(to, claim, is_full, took, now),
            Look::Newest(_) => known.fresh = settled,
            Look::Oldest(_) => {
                self.has_backlog = is_full;
                match claim.last.filter(|_| is_full) {
                    Some(last) => known.oldest = last.min(settled),
                    None => *known = Known { oldest: settled, fresh: settled },
                }
            }
        }
    }

    /// Learns from a claim that was not finished in time.
    pub(crate) fn note_timeout(&mut self, window: Window) {
        match window.look {
            Look::Pages { .. } => self.sweep.halve(),
            Look::Oldest(_) | Look::Newest(_) => {
                self.known = None;
                self.has_backlog = false;
                self.sweep.restart();
            }
        }
    }

    /// How long to wait for work when nothing is due: no longer than `poll`, and not at all while a sweep finds rows.
    pub(crate) fn pause(&self, poll: Duration, now: Instant) -> Duration {
        self.sweep.wait(now).min(poll)
    }
}
