//! Pages of records: what a list and a feed have in common.

use diesel_async::AsyncPgConnection;
use storage_models::Timestamp;

use super::count;
use super::feed_end::{FeedEnd, FeedEndQuery};
use super::nearest_months::Course;
use super::rows::{Counted, Plain};
use crate::cursor::{Boundary, Order, Position, Side};
use crate::filter::{Conditions, Range};
use crate::sql::{Bind, BoundSql, Bounded, Sql, Statement};
use crate::{
    CheckedFilter, Cursor, InvalidParameter, InvalidReason, Listed, Page, PageRequest, QueryError, Total,
    counter_sum,
};

const OPERATION: &str = "list records";

/// The most records that a page may skip and hold to be asked first of the nearest months: those that it finds there are
/// read in vain when they are too few.
const MAX_IN_VAIN: i64 = 500;

/// A filter, an order and a page.
#[derive(Debug, Clone)]
pub(super) struct Paged<R: Listed> {
    pub(super) filter: CheckedFilter<R::Filter>,
    pub(super) order: Order<R>,
    pub(super) page: PageRequest,
    pub(super) total: Total,
    pub(super) cursor: Option<Cursor>,
    /// Where a feed ends.
    pub(super) end: Option<FeedEnd>,
    /// Where `cursor` leads, once it is opened.
    pub(super) boundary: Option<Boundary>,
}

impl<R: Listed> Paged<R> {
    pub(super) fn new(filter: CheckedFilter<R::Filter>, order: Order<R>) -> Self {
        let (page, total) = (PageRequest::default(), Total::default());
        Self { filter, order, page, total, cursor: None, end: None, boundary: None }
    }

    /// All of it, in chunks as large as a page may be.
    pub(super) fn in_chunks(self) -> Self {
        Self { page: PageRequest::LARGEST, total: Total::None, ..self }
    }

    /// The same, opened; refuses what contradicts.
    pub(super) fn check(self) -> Result<Self, InvalidParameter> {
        let opened = self.opened()?;
        opened.order.sort().check(&opened.filter)?;
        Ok(opened)
    }

    /// The statement; a feed must know its end.
    pub(super) fn to_sql(&self) -> Result<BoundSql, InvalidParameter> {
        if self.order.is_feed() && self.end.is_none() {
            let reason = InvalidReason::NotRead { by: "FeedEndQuery" };
            return Err(InvalidParameter::new("end", "", reason));
        }
        Ok(self.clone().opened()?.sql().into_bound())
    }

    /// Reads the end of a feed before the page, unless it is known.
    pub(super) async fn run(&self, conn: &mut AsyncPgConnection) -> Result<Page<R>, QueryError> {
        let mut paged = self.clone().check()?;
        if paged.order.is_feed() && paged.end.is_none() {
            paged.end = Some(FeedEndQuery::<R>::new().run(conn).await?);
        }
        if let Some(sql) = paged.nearest_sql() {
            let answer = paged.ask(sql, conn).await?;
            if paged.is_whole(&answer) {
                return Ok(paged.page_of(answer));
            }
        }
        let answer = paged.ask(paged.sql(), conn).await?;
        Ok(paged.page_of(answer))
    }

    async fn ask(&self, sql: Sql, conn: &mut AsyncPgConnection) -> Result<Answer<R>, QueryError> {
        match self.total {
            Total::Exact => {
                let Bounded { rows, is_cut } =
                    Statement::<Counted<R>>::new(sql).load_within_bound(conn, OPERATION).await?;
                let total = rows.first().and_then(|row| row.total);
                let records = rows.into_iter().filter_map(|row| row.record).collect();
                Ok(Answer { records, is_cut, total })
            }
            Total::None => {
                let Bounded { rows, is_cut } =
                    Statement::<Plain<R>>::new(sql).load_within_bound(conn, OPERATION).await?;
                let records = rows.into_iter().map(|Plain(record)| record).collect();
                Ok(Answer { records, is_cut, total: None })
            }
        }
    }

    /// Whether records of further months cannot change the page, and its total is known.
    fn is_whole(&self, answer: &Answer<R>) -> bool {
        let is_counted = self.total == Total::None || answer.total.is_some();
        is_counted && (answer.is_cut || answer.records.len() > self.limit())
    }

    /// The same with the place that its cursor leads to.
    fn opened(mut self) -> Result<Self, InvalidParameter> {
        let Some(cursor) = &self.cursor else { return Ok(self) };
        if self.page.offset() > 0 {
            let offset = self.page.offset().to_string();
            return Err(InvalidParameter::new("offset", offset, InvalidReason::WithCursor));
        }
        let (filter, boundary) = cursor.open(self.filter, self.order)?;
        self.filter = filter;
        self.boundary = Some(boundary);
        Ok(self)
    }

    /// Once opened.
    pub(super) fn sql(&self) -> Sql {
        let page = self.page_sql(Range::default());
        match self.total {
            Total::Exact => self.counted_sql(count::sql::<R>(&self.filter), page),
            Total::None => page,
        }
    }

    /// The statement that is asked first, of the nearest months and with the total of all. `None` when it would cost more
    /// than it may save: a total that is counted record by record takes all months anyway, and would be counted twice.
    pub(super) fn nearest_sql(&self) -> Option<Sql> {
        let page = self.page_sql(self.nearest_months()?);
        match self.total {
            Total::Exact => Some(self.counted_sql(counter_sum::total_of_counters::<R>(&self.filter)?, page)),
            Total::None => Some(page),
        }
    }

    fn nearest_months(&self) -> Option<Range<Timestamp>> {
        if self.page.offset() + self.page.limit() > MAX_IN_VAIN {
            return None;
        }
        let direction = self.order.sort().through_months(self.side())?;
        let place = self.boundary.and_then(|boundary| Timestamp::from_micros(boundary.position.value?));
        let (range, now) = (self.filter.times().own, self.filter.checked_at());
        Course { direction, range, place, now }.nearest_months()
    }

    /// PostgreSQL plans the page and the total each on its own. The total is on the left of the join: there it
    /// gives its row also when the page is empty.
    fn counted_sql(&self, total: Sql, page: Sql) -> Sql {
        let mut sql = Sql::new("SELECT page.*, counted.total FROM (");
        sql.append(total)
            .text(") AS counted LEFT JOIN (")
            .append(page)
            .text(") AS page ON true")
            .append(self.order.sort().order_by(self.side()));
        sql
    }

    fn page_sql(&self, range: Range<Timestamp>) -> Sql {
        let mut conditions = Conditions::of(&self.filter);
        conditions.range(R::TIME, range);
        self.push_window(&mut conditions);
        let mut sql = select::<R>(conditions);
        sql.append(self.window());
        sql
    }

    /// The conditions of the page beyond the filter.
    fn push_window(&self, conditions: &mut Conditions) {
        if let Some(end) = self.end {
            conditions.and("created_at < ").bind(Bind::Timestamptz(end.instant()));
        }
        if let Some(boundary) = self.boundary {
            self.order.sort().push_boundary(boundary, conditions);
        }
    }

    fn window(&self) -> Sql {
        let mut sql = self.order.sort().order_by(self.side());
        sql.text(" LIMIT ").bind(Bind::BigInt(self.page.limit() + 1));
        if self.boundary.is_none() {
            sql.text(" OFFSET ").bind(Bind::BigInt(self.page.offset()));
        }
        sql
    }

    fn limit(&self) -> usize {
        usize::try_from(self.page.limit()).unwrap_or(usize::MAX)
    }

    fn side(&self) -> Side {
        self.boundary.map_or(Side::After, |boundary| boundary.side)
    }

    /// A page of the records on one side of the place, the nearest first.
    fn page_of(&self, Answer { mut records, is_cut, total }: Answer<R>) -> Page<R> {
        let limit = self.limit();
        let are_left = is_cut || records.len() > limit;
        let is_cut = is_cut && records.len() < limit;
        records.truncate(limit);
        if self.side() == Side::Before {
            records.reverse();
        }
        let position = |record: Option<&R>| record.map(|record| self.order.sort().position_of(record));
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
        let next = end.filter(|_| has_more || self.order.is_feed()).map(Position::after);
        let previous = first.filter(|_| has_previous).map(Position::before);
        let cursor = |boundary| Cursor::new(&self.filter, self.order, boundary);
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

/// What a statement answered.
struct Answer<R> {
    /// At most one more than the page may have, the nearest first.
    records: Vec<R>,
    /// Whether records were left out because of their bytes.
    is_cut: bool,
    /// `None` also where only the table knows it.
    total: Option<i64>,
}

/// `SELECT` of the records under `conditions`.
fn select<R: Listed>(conditions: Conditions) -> Sql {
    let mut sql = Sql::new("SELECT ");
    sql.text(R::COLUMNS).text(" FROM ").text(R::TABLE).append(conditions.into_sql());
    sql
}
