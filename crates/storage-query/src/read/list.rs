//! One page of what matches a filter, and how many match in all.

use diesel_async::AsyncPgConnection;
use storage_models::Timestamp;

use super::count;
use super::rows::{Counted, Plain};
use crate::cursor::{Boundary, Position, Side};
use crate::filter::Conditions;
use crate::sql::{Bind, BoundSql, Bounded, Sql, Statement};
use crate::{
    CheckedFilter, Cursor, InvalidParameter, InvalidReason, Listed, Page, PageRequest, QueryError, Sort,
    Total, feed,
};

const OPERATION: &str = "list records";

/// A list: filter, order and page. By default the 100 newest records, with the exact total.
///
/// Every page says by a [`Cursor`] where the next one begins ([`Page::next_cursor`]); reading on from there
/// ([`Self::after`]) costs the same however deep it is, while an offset costs what it skips. A page whose records are
/// large ends before its limit ([`Page::is_cut`]).
///
/// **Feeds.** A list by ascending `created_at` ends before the first record that an open transaction may still add. So
/// a reader that follows its cursors gets every record once, also records that are committed late. Such a list lags a
/// fifth of a second behind, and as far as the oldest open transaction that writes or is younger than a minute. Its
/// total counts all records that match. It needs a role that may see when the writers' transactions began, see
/// [`FeedFault`](crate::FeedFault).
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
pub struct ListQuery<R: Listed> {
    filter: CheckedFilter<R::Filter>,
    sort: Sort<R>,
    page: PageRequest,
    total: Total,
    cursor: Option<Cursor>,
    /// Where `cursor` leads, once it is opened.
    boundary: Option<Boundary>,
}

impl<R: Listed> ListQuery<R> {
    /// The first page of what matches, newest first.
    #[must_use]
    pub fn new(filter: CheckedFilter<R::Filter>) -> Self {
        let (sort, page, total) = (Sort::default(), PageRequest::default(), Total::default());
        Self { filter, sort, page, total, cursor: None, boundary: None }
    }

    /// In this order.
    #[must_use]
    pub fn sort(mut self, sort: Sort<R>) -> Self {
        self.sort = sort;
        self
    }

    /// This part of it; after a cursor, only the limit counts.
    #[must_use]
    pub fn page(mut self, page: PageRequest) -> Self {
        self.page = page;
        self
    }

    /// With the total, or without.
    #[must_use]
    pub fn total(mut self, total: Total) -> Self {
        self.total = total;
        self
    }

    /// The records after `cursor`, or before it if it is a [`Page::previous_cursor`]. The cursor must come from a list
    /// with the same filter and sort, and the page must have no offset. Ages in the filter mean the instants that they
    /// meant on the first page.
    #[must_use]
    pub fn after(mut self, cursor: &Cursor) -> Self {
        self.cursor = Some(cursor.clone());
        self
    }

    /// The same query, if its parts do not contradict each other; [`Self::run`] refuses the same.
    ///
    /// # Errors
    /// When the cursor is of another list, or the page has an offset beside it; when the list is by `updated_at` and neither
    /// a range of that time nor another filter narrows it.
    pub fn check(self) -> Result<Self, InvalidParameter> {
        let opened = self.opened()?;
        opened.sort.check(&opened.filter)?;
        Ok(opened)
    }

    /// Which records are meant; once checked, with the instants that its ages meant on the first page.
    pub const fn filter(&self) -> &CheckedFilter<R::Filter> {
        &self.filter
    }

    /// The statement, for a service with another driver.
    ///
    /// Each row is a record's columns, and one row more than the limit says that more follow. With the total,
    /// each row also has `total`, and an empty page is one row whose other columns are null.
    ///
    /// By ascending `created_at` it passes over what open transactions add later; [`Self::to_feed_sql`] does
    /// not.
    ///
    /// # Errors
    /// Those of [`Self::check`] that the cursor causes.
    pub fn to_sql(&self) -> Result<BoundSql, InvalidParameter> {
        Ok(self.clone().opened()?.bounded_sql(None).into_bound())
    }

    /// For a list by ascending `created_at` in another driver: the statement that must be run first. Its one
    /// row has `bound`, and `fault`, which must be null ([`FeedFault`](crate::FeedFault)).
    #[must_use]
    pub fn to_bound_sql() -> BoundSql {
        feed::statement::<R>()
    }

    /// As [`Self::to_sql`], only up to `bound`.
    ///
    /// # Errors
    /// As [`Self::to_sql`].
    pub fn to_feed_sql(&self, bound: Timestamp) -> Result<BoundSql, InvalidParameter> {
        Ok(self.clone().opened()?.bounded_sql(Some(bound)).into_bound())
    }

    /// Runs it: one statement, hence one snapshot of records and total. By ascending `created_at` another one
    /// before it finds out how far the list may go.
    ///
    /// # Errors
    /// [`QueryError::Invalid`] for what [`Self::check`] refuses; [`QueryError::Database`]; by ascending `created_at` also
    /// [`QueryError::Feed`].
    pub async fn run(&self, conn: &mut AsyncPgConnection) -> Result<Page<R>, QueryError> {
        self.clone().check()?.run_opened(conn).await
    }

    async fn run_opened(&self, conn: &mut AsyncPgConnection) -> Result<Page<R>, QueryError> {
        let bound = if self.sort.is_feed() { Some(feed::bound::<R>(conn).await?) } else { None };
        let sql = self.bounded_sql(bound);
        match self.total {
            Total::Exact => {
                let Bounded { rows, is_cut } =
                    Statement::<Counted<R>>::new(sql).load_within_bound(conn, OPERATION).await?;
                let total = rows.first().map_or(0, |row| row.total);
                let records = rows.into_iter().filter_map(|row| row.record).collect();
                Ok(self.page_of(records, is_cut, Some(total)))
            }
            Total::None => {
                let Bounded { rows, is_cut } =
                    Statement::<Plain<R>>::new(sql).load_within_bound(conn, OPERATION).await?;
                Ok(self.page_of(rows.into_iter().map(|Plain(record)| record).collect(), is_cut, None))
            }
        }
    }

    /// The same with the place that its cursor leads to.
    fn opened(mut self) -> Result<Self, InvalidParameter> {
        let Some(cursor) = &self.cursor else { return Ok(self) };
        if self.page.offset() > 0 {
            let offset = self.page.offset().to_string();
            return Err(InvalidParameter::new("offset", offset, InvalidReason::WithCursor));
        }
        let (filter, boundary) = cursor.open(self.filter, self.sort)?;
        self.filter = filter;
        self.boundary = Some(boundary);
        Ok(self)
    }

    /// Of an opened list.
    pub(super) fn bounded_sql(&self, bound: Option<Timestamp>) -> Sql {
        match self.total {
            Total::Exact => self.counted_sql(bound),
            Total::None => self.page_sql(bound),
        }
    }

    /// PostgreSQL plans the page and the total each on its own. The total is on the left of the join: there it
    /// gives its row also when the page is empty.
    fn counted_sql(&self, bound: Option<Timestamp>) -> Sql {
        let mut sql = Sql::new("SELECT page.*, counted.total FROM (");
        sql.append(count::sql::<R>(&self.filter))
            .text(") AS counted LEFT JOIN (")
            .append(self.page_sql(bound))
            .text(") AS page ON true")
            .append(self.sort.order_by(self.side()));
        sql
    }

    fn page_sql(&self, bound: Option<Timestamp>) -> Sql {
        let mut conditions = Conditions::of(&self.filter);
        self.push_window(bound, &mut conditions);
        let mut sql = select::<R>(conditions);
        sql.append(self.window());
        sql
    }

    /// The conditions of the page beyond the filter.
    fn push_window(&self, bound: Option<Timestamp>, conditions: &mut Conditions) {
        if let Some(bound) = bound {
            conditions.and("created_at < ").bind(Bind::Timestamptz(bound));
        }
        if let Some(boundary) = self.boundary {
            self.sort.push_boundary(boundary, conditions);
        }
    }

    fn window(&self) -> Sql {
        let mut sql = self.sort.order_by(self.side());
        sql.text(" LIMIT ").bind(Bind::BigInt(self.page.limit() + 1));
        if self.boundary.is_none() {
            sql.text(" OFFSET ").bind(Bind::BigInt(self.page.offset()));
        }
        sql
    }

    fn side(&self) -> Side {
        self.boundary.map_or(Side::After, |boundary| boundary.side)
    }

    /// A page of the records on one side of the place, the nearest first.
    fn page_of(&self, mut records: Vec<R>, is_cut: bool, total: Option<i64>) -> Page<R> {
        let limit = usize::try_from(self.page.limit()).unwrap_or(usize::MAX);
        let are_left = is_cut || records.len() > limit;
        let is_cut = is_cut && records.len() < limit;
        records.truncate(limit);
        if self.side() == Side::Before {
            records.reverse();
        }
        let position = |record: Option<&R>| record.map(|record| self.sort.position_of(record));
        let (first, last) = (position(records.first()), position(records.last()));
        // On the other side of the place is at least the record that it is named after.
        let (has_more, has_previous) = match self.side() {
            Side::After => (are_left, self.boundary.is_some()),
            Side::Before => (last.is_some(), are_left),
        };
        let end = last.or(self
            .boundary
            .filter(|boundary| boundary.side == Side::After)
            .map(|boundary| boundary.position));
        let next = end.filter(|_| has_more || self.sort.is_feed()).map(Position::after);
        let previous = first.filter(|_| has_previous).map(Position::before);
        let cursor = |boundary| Cursor::new(&self.filter, self.sort, boundary);
        Page {
            records,
            total,
            request: self.page,
            is_after_cursor: self.boundary.is_some(),
            has_more,
            is_cut,
            next_cursor: next.map(cursor),
            previous_cursor: previous.map(cursor),
        }
    }
}

/// `SELECT` of the records under `conditions`.
fn select<R: Listed>(conditions: Conditions) -> Sql {
    let mut sql = Sql::new("SELECT ");
    sql.text(R::COLUMNS).text(" FROM ").text(R::TABLE).append(conditions.into_sql());
    sql
}
