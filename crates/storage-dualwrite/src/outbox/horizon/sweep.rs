//! A walk through the pages of the outbox, again and again, a few at a time and for a bounded share of the time.

use std::time::{Duration, Instant};

use crate::outbox::Claim;
use crate::outbox::window::Look;

/// Pages looked through at once, at most: some tens of thousands of rows, dead ones included.
const PAGES: i64 = 512;
/// Unsuccessful sweeps may take one part in this many of the time.
const SHARE: u32 = 20;
/// The longest pause within a round.
const PAUSE_MAX: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Sweep {
    /// The shortest pause between two rounds.
    pause: Duration,
    /// The next page.
    next: i64,
    pages: i64,
    /// The time to continue; `None` means at once.
    due: Option<Instant>,
    /// Whether the last pages had rows.
    finds: bool,
}

impl Sweep {
    pub(super) const fn new(pause: Duration) -> Self {
        Self { pause, next: 0, pages: PAGES, due: None, finds: false }
    }

    /// Begins a round at once.
    pub(super) const fn restart(&mut self) {
        self.next = 0;
        self.due = None;
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due.is_none_or(|due| due <= now)
    }

    pub(super) const fn finds(&self) -> bool {
        self.finds
    }

    pub(super) fn wait(&self, now: Instant) -> Duration {
        self.due.map_or(Duration::ZERO, |due| due.saturating_duration_since(now))
    }

    pub(super) const fn look(&self) -> Look {
        Look::Pages { from: self.next, to: self.next.saturating_add(self.pages) }
    }

    /// Learns from a claim in the pages before `to`. Pages that had more rows than it could take are looked at again.
    pub(super) fn note(&mut self, to: i64, claim: &Claim, is_full: bool, took: Duration, now: Instant) {
        self.finds = !claim.leases.is_empty();
        if is_full {
            self.due = None;
            return;
        }
        self.pages = (self.pages * 2).min(PAGES);
        let is_over = to >= claim.pages;
        self.next = if is_over { 0 } else { to };
        let rest = if self.finds { Duration::ZERO } else { (took * SHARE).min(PAUSE_MAX) };
        self.due = Some(now + if is_over { rest.max(self.pause) } else { rest });
    }

    /// Notes that this number of pages is too large.
    pub(super) fn halve(&mut self) {
        self.pages = (self.pages / 2).max(1);
    }
}
