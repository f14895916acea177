//! One page of what matches a filter, and how many match in all.

use diesel_async::AsyncPgConnection;

use super::rows::{Counted, Plain};
use crate::filter::Conditions;
use crate::sql::{Bind, BoundSql, Sql, Statement};
use crate::{AuditRecord, Page, PageRequest, QueryError, Sort, Total, Valid};

const OPERATION: &str = "list records";

/// A list: filter, order and page. By default the 100 newest records, with the exact total.
///
/// ```no_run
/// use diesel_async::AsyncPgConnection;
/// use storage_models::{Remediation, Status, Timestamp};
/// use storage_query::{AuditFilter, ListQuery, PageRequest, QueryError, RemediationFilter};
///
/// # async fn example(conn: &mut AsyncPgConnection) -> Result<(), QueryError> {
/// let filter = RemediationFilter::default().namespace("prod").status(Status::Failed);
/// let filter = filter.check(Timestamp::now())?;
/// let query = ListQuery::<Remediation>::new(filter).page(PageRequest::new(20, 40)?);
/// let page = query.run(conn).await?;
/// let shown = page.records.len();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ListQuery<R: AuditRecord> {
    filter: Valid<R::Filter>,
    sort: Sort<R>,
    page: PageRequest,
    total: Total,
}

impl<R: AuditRecord> ListQuery<R> {
    /// The first page of what matches, newest first.
    #[must_use]
    pub fn new(filter: Valid<R::Filter>) -> Self {
        Self { filter, sort: Sort::default(), page: PageRequest::default(), total: Total::default() }
    }

    /// In this order.
    #[must_use]
    pub fn sort(mut self, sort: Sort<R>) -> Self {
        self.sort = sort;
        self
    }

    /// This part of it.
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

    /// The statement, for a service with another driver.
    ///
    /// With the total, each row is a record's columns and `total`; a page past the end is one row whose other
    /// columns are null. Without it, each row is a record's columns, and one row more than the limit says
    /// that more follow.
    #[must_use]
    pub fn to_sql(&self) -> BoundSql {
        self.sql().into_bound()
    }

    /// Runs it: one statement, hence one snapshot of records and total.
    ///
    /// # Errors
    /// [`QueryError::Database`].
    pub async fn run(&self, conn: &mut AsyncPgConnection) -> Result<Page<R>, QueryError> {
        match self.total {
            Total::Exact => {
                let rows = Statement::<Counted<R>>::new(self.sql()).load(conn, OPERATION).await?;
                Ok(self.counted_page(rows))
            }
            Total::None => {
                let rows = Statement::<Plain<R>>::new(self.sql()).load(conn, OPERATION).await?;
                Ok(self.uncounted_page(rows))
            }
        }
    }

    fn sql(&self) -> Sql {
        match self.total {
            Total::Exact => self.counted_sql(),
            Total::None => {
                let mut sql = matching::<R>(&self.filter);
                sql.append(self.window(self.page.limit() + 1));
                sql
            }
        }
    }

    /// The filter stands in the statement once, and PostgreSQL plans the page and the count each on its own.
    /// The count is on the left of the join: there it gives its row also when the page is empty.
    fn counted_sql(&self) -> Sql {
        let mut sql = Sql::new("WITH matching AS NOT MATERIALIZED (");
        sql.append(matching::<R>(&self.filter))
            .text(") SELECT page.*, counted.total FROM (SELECT count(*) AS total FROM matching) AS counted")
            .text(" LEFT JOIN (SELECT * FROM matching")
            .append(self.window(self.page.limit()))
            .text(") AS page ON true")
            .append(self.sort.order_by());
        sql
    }

    fn window(&self, limit: i64) -> Sql {
        let mut sql = self.sort.order_by();
        sql.text(" LIMIT ").bind(Bind::BigInt(limit)).text(" OFFSET ").bind(Bind::BigInt(self.page.offset()));
        sql
    }

    fn counted_page(&self, rows: Vec<Counted<R>>) -> Page<R> {
        let total = rows.first().map_or(0, |row| row.total);
        let records: Vec<R> = rows.into_iter().filter_map(|row| row.record).collect();
        let has_more = !records.is_empty() && self.page.offset() + length(&records) < total;
        Page { records, total: Some(total), request: self.page, has_more }
    }

    fn uncounted_page(&self, rows: Vec<Plain<R>>) -> Page<R> {
        let mut records: Vec<R> = rows.into_iter().map(|Plain(record)| record).collect();
        let has_more = length(&records) > self.page.limit();
        if has_more {
            records.pop();
        }
        Page { records, total: None, request: self.page, has_more }
    }
}

/// `SELECT` of every record that `filter` lets through.
fn matching<R: AuditRecord>(filter: &Valid<R::Filter>) -> Sql {
    let mut sql = Sql::new("SELECT ");
    sql.text(R::COLUMNS).text(" FROM ").text(R::TYPE.table()).append(Conditions::of(filter).into_sql());
    sql
}

fn length<T>(records: &[T]) -> i64 {
    i64::try_from(records.len()).unwrap_or(i64::MAX)
}
