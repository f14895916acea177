//! What is written, in the order of writing.

use diesel_async::AsyncPgConnection;
use futures_util::stream::Stream;

use super::feed_end::FeedEnd;
use super::paged::Paged;
use super::stream;
use crate::cursor::Order;
use crate::sql::BoundSql;
use crate::{CheckedFilter, Cursor, InvalidParameter, Listed, Page, PageRequest, QueryError, Total};

/// A feed: the records that match a filter, the oldest written first, for a reader that follows them and misses none.
///
/// It ends before the first record that an open transaction may still add. So a reader that follows its cursors gets
/// every record once, also records that are committed late. It lags a fifth of a second behind, and as far as the oldest
/// open transaction that writes or is younger than a minute. Its total counts all records that match. It needs a role
/// that may see when the writers' transactions began, see [`FeedFault`](crate::FeedFault).
///
/// [`Page::next_cursor`] is set also at the end, once a record was seen: take it again later. `created_since` may then
/// be another one than before, because the cursor itself says where the unread part begins.
///
/// ```
/// use storage_models::Remediation;
/// use storage_query::{CheckedFilter, Feed};
///
/// # storage_testkit::example(async |conn| {
/// let (mut feed, mut seen) = (Feed::<Remediation>::new(CheckedFilter::default()), 0);
/// while seen < 40 {
///     let page = feed.run(conn).await?;
///     seen += page.records.len();
///     if let Some(cursor) = page.next_cursor {
///         feed = feed.after(&cursor);
///     }
/// }
/// assert_eq!(seen, 40);
/// # Ok(())
/// # });
/// ```
#[derive(Debug, Clone)]
pub struct Feed<R: Listed>(Paged<R>);

impl<R: Listed> Feed<R> {
    /// The first page of what matches.
    #[must_use]
    pub fn new(filter: CheckedFilter<R::Filter>) -> Self {
        Self(Paged::new(filter, Order::Written))
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

    /// The records after `cursor`, or before it if it is a [`Page::previous_cursor`]. The cursor must come from a feed
    /// with the same filter, but for `created_since`, and the page must have no offset. Ages in the filter mean the
    /// instants that they meant on the first page.
    #[must_use]
    pub fn after(mut self, cursor: &Cursor) -> Self {
        self.0.cursor = Some(cursor.clone());
        self
    }

    /// Up to this end, which a [`FeedEndQuery`](crate::FeedEndQuery) has read. Without it, [`Self::run`] reads the end
    /// first.
    #[must_use]
    pub fn up_to(mut self, end: FeedEnd) -> Self {
        self.0.end = Some(end);
        self
    }

    /// The same query, if its parts do not contradict each other; [`Self::run`] refuses the same.
    ///
    /// # Errors
    /// When the cursor is of another feed or of a list, or the page has an offset beside it.
    pub fn check(self) -> Result<Self, InvalidParameter> {
        self.0.check().map(Self)
    }

    /// Which records are meant; once checked, with the instants that its ages meant on the first page.
    pub const fn filter(&self) -> &CheckedFilter<R::Filter> {
        &self.0.filter
    }

    /// The statement, for a service with another driver; its rows are those of
    /// [`ListQuery::to_sql`](crate::ListQuery::to_sql). Its snapshot must begin after the end was read.
    ///
    /// # Errors
    /// When [`Self::up_to`] has not said where the feed ends; those of [`Self::check`].
    pub fn to_sql(&self) -> Result<BoundSql, InvalidParameter> {
        self.0.to_sql()
    }

    /// Runs it: one statement, hence one snapshot of records and total, and another one before it for the end.
    ///
    /// # Errors
    /// [`QueryError::Invalid`] for what [`Self::check`] refuses; [`QueryError::Database`]; [`QueryError::Feed`].
    pub async fn run(&self, conn: &mut AsyncPgConnection) -> Result<Page<R>, QueryError> {
        self.0.run(conn).await
    }

    /// All of it, behind the cursor if there is one, a chunk at a time as in a [`StreamQuery`](crate::StreamQuery), up to
    /// the end that the last chunk finds.
    ///
    /// # Errors
    /// As items: those of [`Self::run`].
    pub fn stream<'c>(
        &self,
        conn: &'c mut AsyncPgConnection,
    ) -> impl Stream<Item = Result<R, QueryError>> + use<'c, R> {
        stream::chunks(self.0.clone().in_chunks(), conn)
    }
}
