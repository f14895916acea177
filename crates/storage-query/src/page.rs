//! Which part of a list is wanted, and the part that came.

use std::str::FromStr;

use crate::number::parse_in;
use crate::{Cursor, InvalidParameter, InvalidParameters, InvalidReason};

/// Part of a list by position: at most `limit` records after the first `offset`.
///
/// ```
/// use storage_query::PageRequest;
///
/// let page = PageRequest::parse(Some("50"), None)?;
/// assert_eq!((page.limit(), page.offset()), (50, 0));
/// let errors = PageRequest::parse(Some("10abc"), Some("-1")).unwrap_err();
/// assert_eq!(errors.iter().map(|error| &*error.field).collect::<Vec<_>>(), ["limit", "offset"]);
/// # Ok::<(), storage_query::InvalidParameters>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    limit: i64,
    offset: i64,
}

impl PageRequest {
    /// The most records on one page.
    pub const MAX_LIMIT: i64 = 1_000;
    /// The deepest offset; skipping costs as much as reading.
    pub const MAX_OFFSET: i64 = 100_000;
    /// The limit when none is given.
    pub const DEFAULT_LIMIT: i64 = 100;

    /// As much as one statement may read, from the beginning.
    pub(crate) const LARGEST: Self = Self { limit: Self::MAX_LIMIT, offset: 0 };

    /// The first records, as near to `limit` of them as may be.
    pub(crate) fn at_most(limit: i64) -> Self {
        Self { limit: limit.clamp(1, Self::MAX_LIMIT), offset: 0 }
    }

    /// `limit` 1 to [`Self::MAX_LIMIT`], `offset` 0 to [`Self::MAX_OFFSET`].
    ///
    /// # Errors
    /// Whichever of the two is outside its range, or both.
    pub fn new(limit: i64, offset: i64) -> Result<Self, InvalidParameters> {
        let mut errors = Vec::new();
        if !(1..=Self::MAX_LIMIT).contains(&limit) {
            errors.push(Self::bad_limit(limit));
        }
        if !(0..=Self::MAX_OFFSET).contains(&offset) {
            errors.push(Self::bad_offset(offset));
        }
        InvalidParameters::check(errors).map(|()| Self { limit, offset })
    }

    /// Reads both from text, digits only; what is absent has its default.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn parse(limit: Option<&str>, offset: Option<&str>) -> Result<Self, InvalidParameters> {
        let mut errors = Vec::new();
        let limit = limit.map_or(Ok(Self::DEFAULT_LIMIT), |text| {
            parse_in(text, 1, Self::MAX_LIMIT).ok_or_else(|| Self::bad_limit(text))
        });
        let offset = offset
            .map_or(Ok(0), |text| parse_in(text, 0, Self::MAX_OFFSET).ok_or_else(|| Self::bad_offset(text)));
        let mut or_report =
            |parsed: Result<i64, _>| parsed.map_err(|error| errors.push(error)).unwrap_or_default();
        let request = Self { limit: or_report(limit), offset: or_report(offset) };
        InvalidParameters::check(errors).map(|()| request)
    }

    /// The most records wanted.
    #[must_use]
    pub const fn limit(self) -> i64 {
        self.limit
    }

    /// How many records to skip.
    #[must_use]
    pub const fn offset(self) -> i64 {
        self.offset
    }

    fn bad_limit(value: impl ToString) -> InvalidParameter {
        let reason = InvalidReason::NotInRange { min: 1, max: Self::MAX_LIMIT };
        InvalidParameter::new("limit", value.to_string(), reason)
    }

    fn bad_offset(value: impl ToString) -> InvalidParameter {
        let reason = InvalidReason::OffsetTooDeep { max: Self::MAX_OFFSET };
        InvalidParameter::new("offset", value.to_string(), reason)
    }
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { limit: Self::DEFAULT_LIMIT, offset: 0 }
    }
}

/// Whether a list says how many records match in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Total {
    /// Counted by the database, in the same snapshot as the page.
    #[default]
    Exact,
    /// Not counted.
    None,
}

impl FromStr for Total {
    type Err = InvalidParameter;

    fn from_str(text: &str) -> Result<Self, InvalidParameter> {
        match text {
            "exact" => Ok(Self::Exact),
            "none" => Ok(Self::None),
            _ => {
                let reason = InvalidReason::NotOneOf { allowed: "exact, none".to_owned() };
                Err(InvalidParameter::new("total", text, reason))
            }
        }
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Page<R> {
    /// The records, in the order that was asked for.
    pub records: Vec<R>,
    /// How many records match the filter in all; `None` when it was not asked for.
    pub total: Option<i64>,
    /// Which part was asked for. After a cursor only its limit counts, see [`Self::offset`].
    pub request: PageRequest,
    /// Whether the page follows a cursor, so that the number of records before it is unknown.
    pub is_after_cursor: bool,
    /// Whether records follow this page.
    pub has_more: bool,
    /// Whether it has fewer records than its limit allows although more follow, because together they would have more
    /// than [`MAX_ANSWER_BYTES`](crate::MAX_ANSWER_BYTES). Read on by [`Self::next_cursor`].
    pub is_cut: bool,
    /// Where to read on, if records follow.
    ///
    /// A [`Feed`](crate::Feed) grows at its end, so there it is set also when none follow yet, unless no record was seen
    /// so far.
    pub next_cursor: Option<Cursor>,
    /// Where the page before this one is, if a cursor led here and records precede it.
    pub previous_cursor: Option<Cursor>,
}

impl<R> Page<R> {
    /// How many records were skipped; `None` after a cursor.
    #[must_use]
    pub fn offset(&self) -> Option<i64> {
        (!self.is_after_cursor).then_some(self.request.offset)
    }

    /// The page's number, counted from 1; `None` after a cursor.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        self.offset().map(|offset| offset / self.request.limit + 1)
    }

    /// How many pages of this size there are in all, if the total is known.
    #[must_use]
    pub fn total_pages(&self) -> Option<i64> {
        self.total.map(|total| (total + self.request.limit - 1) / self.request.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::{Page, PageRequest, Total};

    /// F19: numbers that are not entirely numbers, or out of range, are refused and named.
    #[test]
    fn limits_and_offsets_are_digits_in_a_range() {
        for (limit, offset, bad) in [
            (Some("1"), Some("0"), ""),
            (Some("1000"), Some("100000"), ""),
            (None, None, ""),
            (Some("0"), None, "limit"),
            (Some("1001"), None, "limit"),
            (Some("10abc"), None, "limit"),
            (Some("+10"), None, "limit"),
            (Some("1e2"), None, "limit"),
            (Some(""), None, "limit"),
            (Some("٣"), None, "limit"),
            (None, Some("-1"), "offset"),
            (None, Some("100001"), "offset"),
            (None, Some("99999999999999999999"), "offset"),
            (Some(" 5"), Some("5 "), "limit offset"),
        ] {
            let errors = PageRequest::parse(limit, offset)
                .map_or_else(|errors| errors.into_iter().collect(), |_| vec![]);
            let fields: Vec<_> = errors.iter().map(|error| &*error.field).collect();
            assert_eq!(fields.join(" "), bad, "{limit:?} {offset:?}");
        }
        assert_eq!(PageRequest::new(0, 100_001).unwrap_err().iter().count(), 2);
        assert_eq!(PageRequest::parse(None, None), Ok(PageRequest::default()));
    }

    fn page(request: PageRequest, total: Option<i64>, is_after_cursor: bool) -> Page<()> {
        Page {
            records: vec![],
            total,
            request,
            is_after_cursor,
            has_more: false,
            is_cut: false,
            next_cursor: None,
            previous_cursor: None,
        }
    }

    #[test]
    fn pages_are_counted_from_one_and_the_last_may_be_short() {
        for (limit, offset, total, number, pages) in
            [(10, 0, 0, 1, 0), (10, 9, 10, 1, 1), (10, 10, 11, 2, 2), (1000, 100_000, 12_345, 101, 13)]
        {
            let request = PageRequest::new(limit, offset).unwrap();
            let page = page(request, Some(total), false);
            let place = (page.offset(), page.number(), page.total_pages());
            assert_eq!(place, (Some(offset), Some(number), Some(pages)));
        }
    }

    #[test]
    fn a_page_after_a_cursor_has_no_number() {
        let page = page(PageRequest::default(), Some(101), true);
        assert_eq!((page.offset(), page.number(), page.total_pages()), (None, None, Some(2)));
    }

    #[test]
    fn a_total_is_exact_or_none() {
        assert_eq!("exact".parse(), Ok(Total::Exact));
        assert_eq!("none".parse(), Ok(Total::None));
        assert_eq!("Exact".parse::<Total>().unwrap_err().to_string(), "total must be one of exact, none");
    }
}
