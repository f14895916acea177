//! All that matches a filter, a chunk at a time.

use diesel_async::AsyncPgConnection;
use futures_util::stream::{self, Stream, TryStreamExt as _};

use super::paged::Paged;
use crate::cursor::Order;
use crate::sql::BoundSql;
use crate::{CheckedFilter, Listed, Page, PageRequest, QueryError, Sort};

/// Everything that matches a filter, in the order of a sort, with at most
/// [`PageRequest::MAX_LIMIT`] records and [`MAX_ANSWER_BYTES`](crate::MAX_ANSWER_BYTES) in memory however many there
/// are.
///
/// Records are read in chunks, each from where the one before ended. Between chunks no transaction is open: a
/// slow consumer holds a connection, but no snapshot, which would keep VACUUM from every table of the
/// database for as long as the stream lasts. The price is that the stream is not one snapshot:
///
/// - a record that does not change meanwhile comes exactly once;
/// - one that is written meanwhile comes if its place in the order is still ahead;
/// - one whose sort value changes meanwhile may come twice, or not at all.
///
/// A statement begins only when the consumer polls for its chunk, so nothing is read ahead. The first error is the
/// stream's last item. A stream that ends without an error is complete.
///
/// ```
/// use std::pin::pin;
///
/// use futures_util::TryStreamExt as _;
/// use storage_models::{Remediation, Timestamp};
/// use storage_query::{AuditFilter, RemediationFilter, StreamQuery};
///
/// # storage_testkit::example(async |conn| {
/// let filter = RemediationFilter::default().namespace("prod").check(Timestamp::now())?;
/// let mut records = pin!(StreamQuery::<Remediation>::new(filter).run(conn));
/// let mut count = 0;
/// while let Some(record) = records.try_next().await? {
///     assert_eq!(record.namespace, "prod");
///     count += 1;
/// }
/// assert_eq!(count, 20);
/// # Ok(())
/// # });
/// ```
#[derive(Debug, Clone)]
pub struct StreamQuery<R: Listed> {
    filter: CheckedFilter<R::Filter>,
    sort: Sort<R>,
}

impl<R: Listed> StreamQuery<R> {
    /// Everything that matches `filter`, newest first.
    #[must_use]
    pub fn new(filter: CheckedFilter<R::Filter>) -> Self {
        Self { filter, sort: Sort::default() }
    }

    /// In this order.
    #[must_use]
    pub fn sort(mut self, sort: Sort<R>) -> Self {
        self.sort = sort;
        self
    }

    /// The statement of the first chunk, as that of a [`ListQuery`](crate::ListQuery) without a total; a list reads on
    /// from there.
    #[must_use]
    pub fn to_sql(&self) -> BoundSql {
        self.first().sql().into_bound()
    }

    /// Runs it, a chunk at a time.
    ///
    /// # Errors
    /// As items: those of [`ListQuery::run`](crate::ListQuery::run).
    pub fn run<'c>(
        &self,
        conn: &'c mut AsyncPgConnection,
    ) -> impl Stream<Item = Result<R, QueryError>> + use<'c, R> {
        chunks(self.first(), conn)
    }

    fn first(&self) -> Paged<R> {
        Paged::new(self.filter.clone(), Order::By(self.sort)).in_chunks()
    }
}

/// The records from `first` on, chunk after chunk.
pub(super) fn chunks<R: Listed>(
    first: Paged<R>,
    conn: &mut AsyncPgConnection,
) -> impl Stream<Item = Result<R, QueryError>> + use<'_, R> {
    stream::try_unfold((conn, Some(first)), |(conn, query)| async move {
        let Some(query) = query else { return Ok(None) };
        let page = query.run(conn).await?;
        let size = next_chunk(&page);
        let cursor = page.next_cursor.filter(|_| page.has_more);
        let next = cursor.map(|cursor| Paged { page: size, cursor: Some(cursor), ..query });
        Ok::<_, QueryError>(Some((page.records, (conn, next))))
    })
    .map_ok(|records| stream::iter(records.into_iter().map(Ok)))
    .try_flatten()
}

/// Records beyond the bound of bytes were read in vain. So the next chunk asks for as many records as the last one
/// returned, and later chunks ask for more again.
fn next_chunk<R>(page: &Page<R>) -> PageRequest {
    let came = i64::try_from(page.records.len()).unwrap_or(PageRequest::MAX_LIMIT);
    PageRequest::at_most(if page.is_cut { came } else { page.request.limit().saturating_mul(2) })
}
