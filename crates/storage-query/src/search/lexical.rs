//! The remediations that hold given words, through PostgreSQL's full text.

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection as _};
use storage_models::Remediation;

use super::order;
use crate::filter::{Conditions, check_text};
use crate::read::rows::Ranked;
use crate::record::sealed::Shape as _;
use crate::sql::{Bind, BoundSql, Bounded, Sql, Statement};
use crate::{InvalidParameter, InvalidParameters, QueryError, RemediationFilter, SearchRequest, Valid};

const OPERATION: &str = "search by words";

/// What is searched, word for word as migration 0005 indexes it: any other expression would be served by no index.
const WORDS: &str = "audit_words(name, target_name, alert_name, action_type, error_message)";

/// A remediation that a search by words found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LexicalHit {
    /// How well it matches, above 0: comparable within one search only. Words of identifiers count more than those
    /// of the error message, whole identifiers more than their words, and whole words more than begun ones.
    pub rank: f64,
    /// The record.
    pub record: Remediation,
}

/// What a search by words found.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Lexical {
    /// The best first.
    pub hits: Vec<LexicalHit>,
    /// Whether the last ones were left out because all together would have had more than
    /// [`MAX_ANSWER_BYTES`](crate::MAX_ANSWER_BYTES).
    pub is_cut: bool,
}

/// A search for the remediations that hold all the words of a text, among those that match a filter, whether
/// they have a vector or not.
///
/// Words are looked for in name, target, alert, action, and the first 1,000 characters of the error message,
/// whatever their case. Identifiers are found as they are and by the words in them (`KubePodCrashLooping`,
/// `restart-pod`); the last word may be only the beginning of one.
///
/// ```no_run
/// use diesel_async::AsyncPgConnection;
/// use storage_query::{LexicalQuery, QueryError, SearchRequest, Valid};
///
/// # async fn example(conn: &mut AsyncPgConnection) -> Result<(), QueryError> {
/// let query = LexicalQuery::new("checkout-api-7d9f8b6c5-x2x4z", Valid::default(), SearchRequest::default())?;
/// for hit in query.run(conn).await?.hits {
///     println!("{} {}", hit.rank, hit.record.name);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct LexicalQuery {
    words: String,
    filter: Valid<RemediationFilter>,
    request: SearchRequest,
    /// How many are looked for.
    count: i64,
}

impl LexicalQuery {
    /// Characters of the text at most.
    pub const MAX_WORDS: usize = 1_000;

    /// How many of those that hold the words are ranked: the newest. So common words cost no more than that.
    pub const MAX_RANKED: i64 = 500;

    /// What must hold in the transaction that runs [`Self::to_sql`].
    ///
    /// Words are common together or not at all, which statistics do not know: read in the order of time, a table
    /// may have to be read from end to end for a pair of common words that never meet. Without plain scans what is
    /// left is the index of words. What it finds is kept as places of rows and not of pages, which would have the
    /// words of every row on them worked out anew; that takes the memory.
    pub const SETTINGS: &str = "SET LOCAL enable_indexscan = off; SET LOCAL enable_seqscan = off; \
                                SET LOCAL jit = off; SET LOCAL work_mem = '64MB'; \
                                SET LOCAL plan_cache_mode = force_custom_plan";

    /// The search for `words`; of `request` only the limit counts.
    ///
    /// # Errors
    /// When the text is longer than [`Self::MAX_WORDS`] or holds NUL; the parameter is called `q`.
    pub fn new(
        words: impl Into<String>,
        filter: Valid<RemediationFilter>,
        request: SearchRequest,
    ) -> Result<Self, InvalidParameters> {
        let words = words.into();
        check_text(&words, Self::MAX_WORDS)
            .map_err(|reason| InvalidParameter::new("q", words.clone(), reason))?;
        Ok(Self { words, filter, request, count: request.limit() })
    }

    /// For [`fuse`](crate::fuse()): looks for [`SearchRequest::candidates`] hits instead of the limit.
    #[must_use]
    pub const fn for_fusion(mut self) -> Self {
        self.count = self.request.candidates();
        self
    }

    /// The statement, for a service with another driver: a record's columns and `rank`.
    #[must_use]
    pub fn to_sql(&self) -> BoundSql {
        self.sql().into_bound()
    }

    /// Runs it in a transaction of its own (a savepoint inside an open one, which keeps [`Self::SETTINGS`] until
    /// it ends): the best first, equally good ones newest first, then by id.
    ///
    /// # Errors
    /// [`QueryError::Database`].
    pub async fn run(&self, conn: &mut AsyncPgConnection) -> Result<Lexical, QueryError> {
        let found: Bounded<Ranked<Remediation>> = conn
            .transaction(async |conn| {
                conn.batch_execute(Self::SETTINGS).await.map_err(QueryError::database(OPERATION))?;
                Statement::new(self.sql()).load_within_bound(conn, OPERATION).await
            })
            .await?;
        let hit = |row: Ranked<Remediation>| LexicalHit { rank: row.rank, record: row.record };
        let mut hits: Vec<_> = found.rows.into_iter().map(hit).collect();
        order::sort(&mut hits, |hit| -hit.rank, |hit| &hit.record);
        Ok(Lexical { hits, is_cut: found.is_cut })
    }

    /// The filter stands in the statement once. Records with a vector come from the index of words; of the few
    /// without one, which are not in it, the words are compared one by one.
    fn sql(&self) -> Sql {
        let mut conditions = Conditions::of(&self.filter);
        conditions.and(WORDS).text(" @@ ").append(self.wanted(", true)"));
        let mut sql = Sql::new("WITH matching AS NOT MATERIALIZED (SELECT ");
        sql.text(Remediation::COLUMNS)
            .text(", embedding_id FROM ")
            .text(Remediation::TABLE)
            .append(conditions.into_sql())
            .text("), newest AS (SELECT * FROM (")
            .append(newest_of("embedding_id IS NOT NULL"))
            .text(" UNION ALL ")
            .append(newest_of("embedding_id IS NULL"))
            .text(") AS either ORDER BY start_time DESC, id DESC LIMIT ")
            .bind(Bind::BigInt(Self::MAX_RANKED))
            .text(") SELECT ")
            .text(Remediation::COLUMNS)
            .text(", (ts_rank(words, ")
            .append(self.wanted(", true)"))
            .text(") + ts_rank(words, ")
            .append(self.wanted(", false)"))
            .text("))::float8 AS rank FROM newest CROSS JOIN LATERAL (SELECT ")
            .text(WORDS)
            .text(" AS words OFFSET 0) AS of_record ORDER BY rank DESC, start_time DESC, id LIMIT ")
            .bind(Bind::BigInt(self.count));
        sql
    }

    /// What is searched for; `ending` says whether its last word may be only begun.
    fn wanted(&self, ending: &'static str) -> Sql {
        let mut sql = Sql::new("audit_word_query(");
        sql.bind(Bind::Text(self.words.clone())).text(ending);
        sql
    }
}

fn newest_of(part: &'static str) -> Sql {
    let mut sql = Sql::new("(SELECT * FROM matching WHERE ");
    sql.text(part)
        .text(" ORDER BY start_time DESC, id DESC LIMIT ")
        .bind(Bind::BigInt(LexicalQuery::MAX_RANKED))
        .text(")");
    sql
}
