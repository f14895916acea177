//! Where a list is read on.

/// What is meant of a list: what follows a record, or what precedes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) side: Side,
    pub(crate) position: Position,
}

/// On which side of a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Side {
    /// What follows it.
    #[default]
    After,
    /// What precedes it, the nearest.
    Before,
}

/// A record's place in the order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// Microseconds or milliseconds, as the sort has it; `None` for null.
    pub(crate) value: Option<i64>,
    pub(crate) id: i64,
}

impl Position {
    /// What follows it.
    pub(crate) const fn after(self) -> Place {
        Place { side: Side::After, position: self }
    }

    /// What precedes it.
    pub(crate) const fn before(self) -> Place {
        Place { side: Side::Before, position: self }
    }
}
