//! The number of rows in the outbox for the active set. Each statement reads a bounded number of pages, so that dead
//! rows do not slow it down.

use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz};
use diesel::{QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_models::Timestamp;

use super::claim::row_id;

/// Pages counted by one statement, at most.
const PAGES: i64 = 2_048;

/// How many rows the outbox holds for the set that serves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Rows that wait or are being worked on.
    pub waiting: i64,
    /// Rows that are parked.
    pub parked: i64,
    /// Microseconds since the oldest waiting row was enqueued; 0 when none waits.
    pub oldest_micros: i64,
    /// The same for rows of which no attempt has ended, neither with success nor with a failure of the record.
    pub untried_micros: i64,
}

/// A count that goes through the outbox step by step.
#[derive(Debug)]
pub struct DepthCount {
    next: i64,
    pages: i64,
    found: Found,
}

/// The counts of the pages so far.
#[derive(Debug, Clone, Copy, Default)]
struct Found {
    waiting: i64,
    parked: i64,
    oldest: Option<Timestamp>,
    untried: Option<Timestamp>,
}

#[derive(QueryableByName)]
struct Part {
    #[diesel(sql_type = BigInt)]
    waiting: i64,
    #[diesel(sql_type = BigInt)]
    parked: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    oldest: Option<Timestamp>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    untried: Option<Timestamp>,
    #[diesel(sql_type = Timestamptz)]
    now: Timestamp,
    #[diesel(sql_type = BigInt)]
    pages: i64,
}

impl Default for DepthCount {
    fn default() -> Self {
        Self { next: 0, pages: PAGES, found: Found::default() }
    }
}

impl DepthCount {
    /// Whether the next step is the first of a count.
    #[must_use]
    pub const fn is_at_its_beginning(&self) -> bool {
        self.next == 0
    }

    /// Counts the next pages. Returns the depth when these were the last, and begins again.
    ///
    /// # Errors
    /// When the database does not answer; the next step is then half as long.
    pub async fn step(&mut self, connection: &mut AsyncPgConnection) -> QueryResult<Option<Depth>> {
        // True until the step has ended, also if the step is dropped.
        let (from, pages) = (self.next, self.pages);
        self.pages = (pages / 2).max(1);
        let part = count(connection, from, from.saturating_add(pages)).await?;
        self.pages = (pages * 2).min(PAGES);
        self.next = from.saturating_add(pages);
        self.found.add(&part);
        if self.next < part.pages {
            return Ok(None);
        }
        let depth = self.found.at(part.now);
        *self = Self { pages: self.pages, ..Self::default() };
        Ok(Some(depth))
    }
}

/// Not a prepared statement: it is planned for these pages, and reads no other.
async fn count(connection: &mut AsyncPgConnection, from: i64, to: i64) -> QueryResult<Part> {
    sql_query(
        "SELECT count(*) FILTER (WHERE parked_at IS NULL) AS waiting, \
                count(*) FILTER (WHERE parked_at IS NOT NULL) AS parked, \
                min(enqueued_at) FILTER (WHERE parked_at IS NULL) AS oldest, \
                min(enqueued_at) FILTER (WHERE parked_at IS NULL AND attempts = 0) AS untried, \
                clock_timestamp() AS now, \
                pg_relation_size('vector_outbox') / current_setting('block_size')::bigint AS pages \
         FROM vector_outbox WHERE ctid >= CAST($1 AS tid) AND ctid < CAST($2 AS tid) \
            AND (set_id = (SELECT id FROM embedding_set WHERE state = 'active')) IS TRUE",
    )
    .bind::<Text, _>(row_id(from))
    .bind::<Text, _>(row_id(to))
    .get_result(connection)
    .await
}

impl Found {
    fn add(&mut self, part: &Part) {
        self.waiting += part.waiting;
        self.parked += part.parked;
        self.oldest = earlier(self.oldest, part.oldest);
        self.untried = earlier(self.untried, part.untried);
    }

    fn at(&self, now: Timestamp) -> Depth {
        let age = |since: Option<Timestamp>| since.map_or(0, |since| (now.micros() - since.micros()).max(0));
        Depth {
            waiting: self.waiting,
            parked: self.parked,
            oldest_micros: age(self.oldest),
            untried_micros: age(self.untried),
        }
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}
