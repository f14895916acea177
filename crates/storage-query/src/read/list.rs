//! One page of what matches a filter, and how many match in all.

use diesel_async::AsyncPgConnection;

use super::paged::Paged;
use crate::cursor::Order;
use crate::sql::BoundSql;
use crate::{CheckedFilter, Cursor, InvalidParameter, Listed, Page, PageRequest, QueryError, Sort, Total};

/// A list: filter, order and page. By default the 100 newest records, with the exact total.
///
/// Every page says by a [`Cursor`] where the next one begins ([`Page::next_cursor`]); reading on from there
/// ([`Self::after`]) costs the same however deep it is, while an offset costs what it skips. A page whose records are
/// large ends before its limit ([`Page::is_cut`]).
///
/// A list shows what is committed. To follow what is written and miss nothing, take a [`Feed`](crate::Feed).
///
/// ```
/// use storage_models::{Remediation, Status, Timestamp};
/// use storage_query::{AuditFilter, ListQuery, PageRequest, RemediationFilter};
///
/// # storage_testkit::example(async |conn| {
/// let filter = RemediationFilter::default().namespace("prod").status(Status::Success);
/// let filter = filter.check(Timestamp::now())?;
/// let query = ListQuery::<Remediation>::new(filter).page(PageRequest::new(5, 10)?);
/// let page = query.run(conn).await?;
/// assert_eq!((page.number(), page.total_pages(), page.records.len()), (Some(3), Some(3), 4));
/// # Ok(())
/// # });
/// ```
#[derive(Debug, Clone)]
pub struct ListQuery<R: Listed>(Paged<R>);

impl<R: Listed> ListQuery<R> {
    /// The first page of what matches, newest first.
    #[must_use]
    pub fn new(filter: CheckedFilter<R::Filter>) -> Self {
        Self(Paged::new(filter, Order::By(Sort::default())))
    }

    /// In this order.
    #[must_use]
    pub fn sort(mut self, sort: Sort<R>) -> Self {
        self.0.order = Order::By(sort);
        self
    }

    /// This part of it; after a cursor, only the limit counts.
    #[must_use]
    pub fn page(mut self, page: PageRequest) -> Self {
        self.0.page = page;
        self
    }

    /// With the total, or without.
    #[must_use]
    pub fn total(mut self, total: Total) -> Self {
        self.0.total = total;
        self
    }

    /// The records after `cursor`, or before it if it is a [`Page::previous_cursor`]. The cursor must come from a list
    /// with the same filter and sort, and the page must have no offset. Ages in the filter mean the instants that they
    /// meant on the first page.
    #[must_use]
    pub fn after(mut self, cursor: &Cursor) -> Self {
        self.0.cursor = Some(cursor.clone());
        self
    }

    /// The same query, if its parts do not contradict each other; [`Self::run`] refuses the same.
    ///
    /// # Errors
    /// When the cursor is of another list, or the page has an offset beside it; when the list is by `updated_at` and neither
    /// a range of that time nor another filter narrows it.
    pub fn check(self) -> Result<Self, InvalidParameter> {
        self.0.check().map(Self)
    }

    /// Which records are meant; once checked, with the instants that its ages meant on the first page.
    pub const fn filter(&self) -> &CheckedFilter<R::Filter> {
        &self.0.filter
    }

    /// The statement over all months, for a service with another driver. [`Self::run`] may ask the nearest months first.
    ///
    /// Each row is a record's columns, and one row more than the limit says that more follow. With the total,
    /// each row also has `total`, and an empty page is one row whose other columns are null.
    ///
    /// # Errors
    /// Those of [`Self::check`] that the cursor causes.
    pub fn to_sql(&self) -> Result<BoundSql, InvalidParameter> {
        self.0.to_sql()
    }

    /// Runs it. The page comes from one statement, hence from one snapshot of records and total.
    ///
    /// A list by the records' own time first asks the two months in which the page begins, and all months only if the page
    /// is not filled there: PostgreSQL plans a statement over every month that it may read. The present counts as the end
    /// of the newest months, as [`AuditFilter::check`](crate::AuditFilter::check) was told it.
    ///
    /// # Errors
    /// [`QueryError::Invalid`] for what [`Self::check`] refuses; [`QueryError::Database`].
    pub async fn run(&self, conn: &mut AsyncPgConnection) -> Result<Page<R>, QueryError> {
        self.0.run(conn).await
    }
}
