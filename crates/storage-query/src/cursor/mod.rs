//! A place in a list from which it can be read on.

mod boundary;
mod code;
mod order;
#[cfg(test)]
mod tests;

pub(crate) use boundary::{Boundary, Position, Side};
pub(crate) use order::Order;

use storage_models::Timestamp;

use crate::filter::{Digest, Range, Times, digest};
use crate::{AuditFilter, CheckedFilter, InvalidParameter, InvalidReason, Listed};

/// A place in a list, behind one of its records or before it: what [`Page::next_cursor`](crate::Page) and
/// [`Page::previous_cursor`](crate::Page) give and [`ListQuery::after`](crate::ListQuery::after) or
/// [`Feed::after`](crate::Feed::after) takes.
///
/// As text it is opaque, fit for a URL as it is, at most [`Self::MAX_LENGTH`] bytes long, and bound to the filter, the
/// sort and the record type of its list. Ages in the filter keep the instants that they meant on the first page. In a
/// feed, `created_since` may change between pages. A cursor holds no secret and is
/// not signed: an invented cursor shows nothing that another filter would not show.
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
    /// The ends of ranges that were given as ages.
    ages: Times<Range<Timestamp>>,
    boundary: Boundary,
}

impl Cursor {
    /// Bytes of its text at most.
    pub const MAX_LENGTH: usize = 112;

    /// A place in this list.
    pub(crate) fn new<R: Listed>(
        filter: &CheckedFilter<R::Filter>,
        order: Order<R>,
        boundary: Boundary,
    ) -> Self {
        let (filter, ages) = (digest_of(filter, order.is_feed()), filter.ages());
        Self { list: R::CODE, sort: order.code(), filter, ages, boundary }
    }

    /// Its place in the list of `filter` and `order`, and the filter with its ages as they were resolved on
    /// the first page; refuses every other list.
    pub(crate) fn open<R: Listed>(
        &self,
        filter: CheckedFilter<R::Filter>,
        order: Order<R>,
    ) -> Result<(CheckedFilter<R::Filter>, Boundary), InvalidParameter> {
        let refused = |part| Err(self.refused(InvalidReason::OtherCursor { part }));
        if self.list != R::CODE {
            return refused("record type");
        }
        if self.sort != order.code() {
            return refused("sort");
        }
        if self.filter != digest_of(&filter, order.is_feed()) {
            return refused("filter");
        }
        if !order.sort().has(self.boundary.position) {
            return Err(self.refused(InvalidReason::NotACursor));
        }
        Ok((filter.with_ages(self.ages), self.boundary))
    }

    fn refused(&self, reason: InvalidReason) -> InvalidParameter {
        InvalidParameter::new("cursor", self.to_string(), reason)
    }
}

/// The digest of the filter. The range of `created_at` is left out for a feed, because the cursor itself marks where
/// the unread part begins.
fn digest_of<F: AuditFilter>(filter: &CheckedFilter<F>, is_feed: bool) -> Digest {
    let mut times = filter.filter().times();
    if is_feed {
        times.created.since = None;
    }
    digest(filter.filter(), times)
}
