//! The orders that cursors know.

use crate::{Direction, Listed, Sort};

/// What a page is in the order of.
#[derive(Debug)]
pub(crate) enum Order<R> {
    /// A list's sort.
    By(Sort<R>),
    /// The writing: a feed, which grows at its end while it is read.
    Written,
}

impl<R: Listed> Order<R> {
    /// The sort of its rows.
    pub(crate) const fn sort(self) -> Sort<R> {
        match self {
            Self::By(sort) => sort,
            Self::Written => Sort::created_at(Direction::Ascending),
        }
    }

    pub(crate) const fn is_feed(self) -> bool {
        matches!(self, Self::Written)
    }

    /// Its number in a cursor, beside those of [`Sort::code`].
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::By(sort) => sort.code(),
            Self::Written => 2,
        }
    }
}

impl<R> Clone for Order<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Order<R> {}
