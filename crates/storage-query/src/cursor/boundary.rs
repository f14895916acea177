//! Where a list is read on.

/// A part of a list: the records after a position, or before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Boundary {
    pub(crate) side: Side,
    pub(crate) position: Position,
}

/// On which side of a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Side {
    /// The records after it.
    #[default]
    After,
    /// The records before it, the nearest first.
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
    /// The records after it.
    pub(crate) const fn after(self) -> Boundary {
        Boundary { side: Side::After, position: self }
    }

    /// The records before it.
    pub(crate) const fn before(self) -> Boundary {
        Boundary { side: Side::Before, position: self }
    }
}
