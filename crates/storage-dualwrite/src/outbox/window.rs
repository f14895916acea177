//! Where a claim looks, and for what.

use storage_models::Timestamp;

use super::Stage;

/// A place in the order of due rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) due_at: Timestamp,
    pub(crate) record_id: i64,
}

/// Which due rows a claim is for: those without their words in any case, since PostgreSQL alone makes these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Those that wait for the embedder as well, unless it is unavailable.
    pub(crate) to_embed: bool,
    /// Those that wait for the outside index alone as well, unless it is unavailable.
    pub(crate) to_index: bool,
}

impl Wanted {
    /// Any.
    pub(crate) const ALL: Self = Self { to_embed: true, to_index: true };

    pub(super) fn stages(self) -> Vec<i16> {
        let is_wanted = |stage: &Stage| match stage {
            Stage::Enqueued => true,
            Stage::Words => self.to_embed,
            Stage::Vector => self.to_index,
        };
        let stages = [Stage::Enqueued, Stage::Words, Stage::Vector];
        stages.into_iter().filter(is_wanted).map(Stage::number).collect()
    }
}

/// Where a claim looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// Behind a position in the order of due rows, oldest first.
    Oldest(Position),
    /// Behind a position, newest first.
    Newest(Position),
    /// In these pages of the outbox, whenever their rows were due.
    Pages {
        /// The first.
        from: i64,
        /// The one behind the last.
        to: i64,
    },
}

/// Where a claim looks, and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) wanted: Wanted,
    pub(crate) look: Look,
}
