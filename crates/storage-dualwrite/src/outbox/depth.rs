//! The number of rows in the outbox for the active set. Each statement reads a bounded number of pages, so that dead
//! rows do not slow it down.

use diesel::QueryResult;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_models::Timestamp;
use storage_postgres::statement;

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

statement! {
    /// Counts the rows in a range of pages. Planned for these pages, so that PostgreSQL reads no other.
    CountPages("outbox/count_pages.sql" planned anew)
        -> (BigInt, BigInt, Nullable<Timestamptz>, Nullable<Timestamptz>, Timestamptz, BigInt) {
        from: String => Text,
        to: String => Text,
    }
}

#[derive(diesel::Queryable)]
struct Part {
    waiting: i64,
    parked: i64,
    oldest: Option<Timestamp>,
    untried: Option<Timestamp>,
    now: Timestamp,
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
        let (from, to) = (row_id(from), row_id(from.saturating_add(pages)));
        let part: Part = CountPages { from, to }.get_result(connection).await?;
        self.pages = (pages * 2).min(PAGES);
        self.next = self.next.saturating_add(pages);
        self.found.add(&part);
        if self.next < part.pages {
            return Ok(None);
        }
        let depth = self.found.at(part.now);
        *self = Self { pages: self.pages, ..Self::default() };
        Ok(Some(depth))
    }
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
