//! The remediations that hold given words, through PostgreSQL's full text.

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection as _};
use storage_models::Remediation;

use super::order;
use crate::filter::{Conditions, check_text};
use crate::read::rows::{Number, Ranked};
use crate::record::sealed::Shape as _;
use crate::sql::{Bind, BoundSql, Bounded, Sql, Statement};
use crate::{InvalidParameter, InvalidParameters, QueryError, RemediationFilter, SearchRequest, Valid};

const OPERATION: &str = "search by words";

/// The words of a record, as the projector stores them.
const WORDS: &str = "audit_words(name, target_name, alert_name, action_type, error_message)";

/// The rows of the outbox whose records have no words yet, as of the statement's own snapshot: neither those that wait for
/// the embedder alone, nor those whose words PostgreSQL refused to make.
const WORDLESS: &str = "FROM vector_outbox \
    WHERE set_id = (SELECT id FROM embedding_set WHERE state = 'active') AND stage = 0 AND attempts = 0";

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

impl LexicalHit {
    /// The same hit with a record that stands for it: an incident's newest one for all of them.
    #[must_use]
    pub fn shown_as(self, record: Remediation) -> Self {
        Self { record, ..self }
    }
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
    /// Whether more records waited for their words than [`LexicalQuery::MAX_WAITING`], so that some of them were not looked
    /// at.
    pub is_behind: bool,
}

/// A search for the remediations that hold all the words of a text, among those that match a filter, whether
/// they have a vector or not, and whether their words are stored yet or not.
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

    /// How many of those whose words are not stored yet are looked at: the newest.
    pub const MAX_WAITING: i64 = 500;

    /// What must hold in the transaction that runs [`Self::to_sql`].
    ///
    /// Words are common together or not at all, which statistics do not know. So the words come first, through their index,
    /// and the records are looked up one by one, the newest first, until there are enough. Any other join would read
    /// records from end to end for a pair of common words that never meet.
    pub const SETTINGS: &str = "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; \
                                SET LOCAL enable_mergejoin = off; SET LOCAL jit = off; SET LOCAL work_mem = '64MB'; \
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

    /// For a search for incidents: gives all that are ranked, since many of them may be of one incident.
    #[must_use]
    pub const fn for_incidents(mut self) -> Self {
        self.count = Self::MAX_RANKED;
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
        let (found, waiting): (Bounded<Ranked<Remediation>>, Vec<Number>) = conn
            .transaction(async |conn| {
                conn.batch_execute(Self::SETTINGS).await.map_err(QueryError::database(OPERATION))?;
                let waiting = Statement::new(Self::waiting()).load(conn, OPERATION).await?;
                let found = Statement::new(self.sql()).load_within_bound(conn, OPERATION).await?;
                Ok::<_, QueryError>((found, waiting))
            })
            .await?;
        let hit = |row: Ranked<Remediation>| LexicalHit { rank: row.rank, record: row.record };
        let mut hits: Vec<_> = found.rows.into_iter().map(hit).collect();
        order::sort(&mut hits, |hit| -hit.rank, |hit| &hit.record);
        let is_behind = waiting.iter().any(|Number(records)| *records > Self::MAX_WAITING);
        Ok(Lexical { hits, is_cut: found.is_cut, is_behind })
    }

    /// Stored words count where they are of the record's version. The filter stands in the statement once, behind both
    /// sources; what it says of time narrows the stored words as well, so that only their months are read. `OFFSET 0` keeps
    /// their order: PostgreSQL expects one record of a join on three columns, and would look up all before it sorts them.
    fn sql(&self) -> Sql {
        let mut stored = Conditions::default();
        stored.and("words").text(" @@ ").append(self.wanted(", true)"));
        stored.within(&self.filter, "start_time");
        let mut sql = Sql::new("WITH newest AS (SELECT ");
        sql.text(Remediation::COLUMNS)
            .text(" FROM ((SELECT record_id AS id, start_time, version AS updated_at FROM remediation_words")
            .append(stored.into_sql())
            .text(") UNION ALL (SELECT id, start_time, updated_at FROM (SELECT record_id AS id, start_time, version AS updated_at ")
            .text(WORDLESS)
            .text(" ORDER BY enqueued_at DESC, record_id DESC LIMIT ")
            .bind(Bind::BigInt(Self::MAX_WAITING))
            .text(") AS waiting JOIN ")
            .text(Remediation::TABLE)
            .text(" USING (id, start_time, updated_at) WHERE ")
            .text(WORDS)
            .text(" @@ ")
            .append(self.wanted(", true)"))
            .text(
                " AND NOT EXISTS (SELECT FROM remediation_words w WHERE w.record_id = id \
                 AND w.start_time = waiting.start_time AND w.version = updated_at)) \
                 ORDER BY start_time DESC, id DESC OFFSET 0) AS holding JOIN ",
            )
            .text(Remediation::TABLE)
            .text(" USING (id, start_time, updated_at)")
            .append(Conditions::of(&self.filter).into_sql())
            .text(" ORDER BY start_time DESC, id DESC LIMIT ")
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

    /// How many records have no words yet, counted as far as it matters.
    fn waiting() -> Sql {
        let mut sql = Sql::new("SELECT count(*) AS number FROM (SELECT ");
        sql.text(WORDLESS).text(" LIMIT ").bind(Bind::BigInt(Self::MAX_WAITING + 1)).text(") AS waiting");
        sql
    }

    /// What is searched for; `ending` says whether its last word may be only begun.
    fn wanted(&self, ending: &'static str) -> Sql {
        let mut sql = Sql::new("audit_word_query(");
        sql.bind(Bind::Text(self.words.clone())).text(ending);
        sql
    }
}
