//! A place in a list from which it can be read on.

mod code;
#[cfg(test)]
mod tests;

use storage_models::Timestamp;

use crate::filter::{Digest, digest};
use crate::{InvalidParameter, InvalidReason, Listed, Sort, Valid};

/// A place in a list, behind one of its records: what [`Page::next_cursor`](crate::Page) gives and
/// [`ListQuery::after`](crate::ListQuery::after) takes.
///
/// As text it is opaque, fit for a URL as it is, at most [`Self::MAX_LENGTH`] bytes long, and bound to the
/// filter, the sort and the record type of its list. Ages in the filter keep the instants that they meant on
/// the first page. It holds no secret and is not signed: whoever makes one up reads nothing that another
/// filter would not show.
///
/// ```
/// use storage_query::Cursor;
///
/// assert_eq!("10abc".parse::<Cursor>().unwrap_err().field, "cursor");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    list: u8,
    sort: u8,
    filter: Digest,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    position: Position,
}

/// A record's place in the order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// Microseconds or milliseconds, as the sort has it; `None` for null.
    pub(crate) value: Option<i64>,
    pub(crate) id: i64,
}

impl Cursor {
    /// Bytes of its text at most.
    pub const MAX_LENGTH: usize = 70;

    /// The place at `position` in this list.
    pub(crate) fn new<R: Listed>(filter: &Valid<R::Filter>, sort: Sort<R>, position: Position) -> Self {
        let (since, until) = filter.resolved_ages();
        Self { list: R::CODE, sort: sort.code(), filter: digest(filter), since, until, position }
    }

    /// Its position in the list of `filter` and `sort`, and the filter with its ages as they were resolved on
    /// the first page; refuses every other list.
    pub(crate) fn open<R: Listed>(
        &self,
        filter: Valid<R::Filter>,
        sort: Sort<R>,
    ) -> Result<(Valid<R::Filter>, Position), InvalidParameter> {
        let refused = |part| Err(self.refused(InvalidReason::OtherCursor { part }));
        if self.list != R::CODE {
            return refused("record type");
        }
        if self.sort != sort.code() {
            return refused("sort");
        }
        if self.filter != digest(&filter) {
            return refused("filter");
        }
        if !sort.has(self.position) {
            return Err(self.refused(InvalidReason::NotACursor));
        }
        Ok((filter.with_resolved_ages(self.since, self.until), self.position))
    }

    fn refused(&self, reason: InvalidReason) -> InvalidParameter {
        InvalidParameter::new("cursor", self.to_string(), reason)
    }
}
