//! The query builder of the audit store, shared by its own server and by other services that read its tables.
//!
//! Everything that can be asked is a value, built from a filter, an order and a page without any I/O, in any order. Its `run`
//! takes a connection, refuses what contradicts, and gives typed rows. Its `to_sql` takes nothing and gives SQL text and
//! values for another driver. The crate owns no pool and knows no transport.
//!
//! Two statements depend on something that is read first: where a feed ends, and what the words of a search weigh. `run`
//! reads it. For `to_sql` it becomes a part of the value, by [`Feed::up_to`] and [`LexicalQuery::weigh`]; without that part
//! `to_sql` refuses.
//!
//! ```
//! use chrono::TimeDelta;
//! use storage_models::{Phase, Remediation, Timestamp};
//! use storage_query::{AuditFilter, ListQuery, RemediationFilter, TimeBound};
//!
//! # storage_testkit::example(async |conn| {
//! let filter = RemediationFilter::default()
//!     .namespace("prod")
//!     .phase(Phase::Failed)
//!     .since(TimeBound::Ago(TimeDelta::days(7)))
//!     .check(Timestamp::now())?;
//! let page = ListQuery::<Remediation>::new(filter).run(conn).await?;
//! assert_eq!((page.records.len(), page.total), (4, Some(4)));
//! # Ok(())
//! # });
//! ```
//!
//! | to | take |
//! |---|---|
//! | set a connection up | [`prepare()`]; gives each [`ConnectionFault`] |
//! | say which records | a filter such as [`RemediationFilter`]; [`AuditFilter::check`] makes it [`CheckedFilter`] |
//! | read a page, with the total | [`ListQuery`] with [`Sort`], [`PageRequest`], [`Total`]; gives a [`Page`] |
//! | read on from a page | [`ListQuery::after`] with the page's [`Cursor`] |
//! | follow what is written | [`Feed`], which misses nothing; [`FeedEndQuery`] says how far it goes |
//! | read all that matches, in constant memory | [`StreamQuery`] |
//! | read by id | [`GetQuery`], [`GetManyQuery`] |
//! | read all that belongs to a remediation | [`TimelineQuery`]; gives a [`Timeline`] |
//! | read remediations as incidents | [`Incident`] in the place of the record |
//! | count | [`CountQuery`], [`SuccessRateQuery`], [`GroupCountsQuery`], [`TrendQuery`] |
//! | see which values there are to filter by | [`FacetsQuery`]; gives a [`Facet`] for each column |
//! | see what came of what was done | [`OutcomesQuery`]; gives [`Outcomes`] |
//! | the same of some incidents, by action | [`ActionsQuery`]; gives an [`ActionOutcome`] each |
//! | see what worked in cases like one | [`Advice::ask`] over [`ActionsQuery`]; [`ThresholdQuery`] says what is like it |
//! | see how often an alert came | [`HistoryQuery`]; gives a [`History`] |
//! | search by meaning | [`NearestQuery`] with [`SearchRequest`]; gives [`Nearest`] |
//! | the same through an index outside the database | [`candidates()`] with a [`CandidateSource`] |
//! | see what incidents are made of | [`IncidentsQuery`]; gives an [`IncidentSummary`] each |
//! | search by words | [`LexicalQuery`]; gives a [`LexicalHit`] each |
//! | search by both | [`fuse()`] |
//!
//! # What holds
//!
//! - One function turns a filter into SQL; lists, totals, counts and searches all use it.
//! - SQL text is fixed when this crate is compiled. Values are bound, always.
//! - A page and its total are one statement, hence one snapshot. The total of remediations comes from counters where
//!   the filter allows it, and is exact either way. A row that cannot be read fails the whole.
//! - A cursor works with the filter, sort and record type it was made for, and with no other.
//! - Every list of values, page and result has a bound, and the bound is a named constant.
//! - No statement whose text depends on what is asked enters diesel's cache of prepared statements, which has no bound.
//!
//! # What the owner of the connection must provide
//!
//! - The right to read the tables (`GRANT SELECT`).
//! - [`prepare()`], once for each connection, before anything else: it sets limits and the language of errors
//!   ([`DatabaseFault`] is told by the server's messages), and names what it could not set.
//! - pgvector 0.8 or later on the search path, for [`NearestQuery`].
//! - For feeds, a role that sees when the writers' transactions began: theirs, a member of it, or one that has
//!   `pg_read_all_stats`; on the primary, outside of repeatable read. Else the feed says so: [`FeedFault`].
//! - Cancellation: a dropped future does not stop its statement. Cancel it and discard the connection.

mod aggregate;
mod counter_sum;
mod cursor;
mod error;
mod filter;
#[cfg(doctest)]
mod guide;
mod incident;
mod number;
mod outcomes;
mod page;
mod prepare;
mod read;
mod record;
mod search;
mod sort;
mod sort_key;
mod span;
mod sql;
mod time_bound;

pub use aggregate::{
    AUTO_BUCKETS, Bucket, Facet, FacetValue, FacetsQuery, Group, GroupCountsQuery, Grouping, Groups,
    Interval, MAX_BUCKETS, MAX_GROUPS, SuccessRate, SuccessRateQuery, Trend, TrendQuery,
};
pub use cursor::Cursor;
pub use error::{DatabaseFault, FeedFault, InvalidParameter, InvalidParameters, InvalidReason, QueryError};
pub use filter::{
    AiAnalysisFilter, AuditFilter, CheckedFilter, DurationRange, ExecutionFilter, FilterNote,
    MAX_METADATA_KEYS, MAX_VALUES, MAX_WRITTEN_DAYS, MetadataValues, RemediationFilter, WorkflowFilter,
};
pub use incident::Incident;
pub use outcomes::{
    ADVICE_WITHIN, ActionOutcome, ActionsQuery, Advice, Held, History, HistoryQuery, MAX_JUDGED,
    MAX_OUTCOME_COLUMNS, MIN_EVIDENCE, Occurrence, Outcome, OutcomeCounts, OutcomeGroup, Outcomes,
    OutcomesQuery, Settle, ThresholdQuery,
};
pub use page::{Page, PageRequest, Total};
pub use prepare::{ConnectionFault, prepare};
pub use read::{
    CountQuery, Feed, FeedEnd, FeedEndQuery, GetManyQuery, GetQuery, ListQuery, MAX_EVENTS, Records,
    StreamQuery, Timeline, TimelineQuery,
};
pub use record::{AuditRecord, Listed};
pub use search::{
    Candidate, CandidateError, CandidateSource, FusedHit, Hit, IncidentHit, IncidentSummary, IncidentsQuery,
    Lexical, LexicalHit, LexicalQuery, MAX_COUNTED, MAX_REFILLS, NEWEST, Nearest, NearestQuery, Scan,
    SearchRequest, candidates, fuse,
};
pub use sort::{Direction, Sort};
pub use sql::{Bind, BoundSql, MAX_ANSWER_BYTES};
/// The records, words and times that queries take and return, in the version that this crate was built with.
pub use storage_models as models;
pub use time_bound::TimeBound;
