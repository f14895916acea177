//! The findings of passes, until two passes that are far enough apart agree. It has no clock; its user gives the time.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::Difference;

/// When a pass over both stores began and ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// Before its first read.
    pub began: Instant,
    /// After its last read.
    pub ended: Instant,
}

/// Differences that one pass has seen.
///
/// A pass reads the stores at different moments, and an operation may be applied after its sender has given up (F06).
/// So a difference may be a write that is still under way. A difference that is the same after twice the longest write
/// deadline is not.
#[derive(Debug)]
pub struct Suspects {
    gap: Duration,
    /// The end of the first pass that saw each one.
    seen: HashMap<Difference, Instant>,
}

impl Suspects {
    /// None so far; two passes have to be `gap` apart, which is at least twice the longest write deadline.
    #[must_use]
    pub fn new(gap: Duration) -> Self {
        Self { gap, seen: HashMap::new() }
    }

    /// Takes the differences of a pass. Returns, in the order given, those that an earlier pass found too, if it ended
    /// at least the gap before this pass began.
    ///
    /// A difference that is not in `found`, or has another version there, has changed and is forgotten.
    pub fn observe(&mut self, pass: Pass, found: &[Difference]) -> Vec<Difference> {
        let earlier = std::mem::take(&mut self.seen);
        let mut agreed = Vec::new();
        for difference in found {
            let first = earlier.get(difference).copied();
            if first.is_some_and(|first| pass.began.saturating_duration_since(first) >= self.gap) {
                agreed.push(*difference);
            }
            self.seen.insert(*difference, first.unwrap_or(pass.ended));
        }
        agreed
    }
}
