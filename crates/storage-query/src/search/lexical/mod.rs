//! The remediations that hold given words, through PostgreSQL's full text.

mod statement;
#[cfg(test)]
mod tests;
mod words;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};
use storage_models::Remediation;

use self::statement::Search;
use self::words::{QueryWords, Weighed};
use super::order;
use crate::filter::check_text;
use crate::read::rows::{Number, Ranked, Rarity, Word};
use crate::sql::{BoundSql, Bounded, Statement};
use crate::{
    CheckedFilter, InvalidParameter, InvalidParameters, InvalidReason, QueryError, RemediationFilter,
    SearchRequest,
};

const OPERATION: &str = "search by words";

/// A remediation that a search by words found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LexicalHit {
    /// How well it matches: 3 when one of its identifiers is the text, 2 when it holds all the words, 1 when it does with the
    /// last one only begun, or has an identifier that begins like the text. Else it holds at least half of the words' weight,
    /// and this is a score above 0 and below 1 (BM25, as a share of the greatest one possible).
    pub rank: f64,
    /// The score of its words, to add to its similarity, from 0 on: comparable with similarities. Words that are meant
    /// literally count from the first one on, others when they weigh more than the rarest word alone.
    pub evidence: f64,
    /// The record.
    pub record: Remediation,
}

impl LexicalHit {
    /// Weights beyond this add nothing.
    const MAX_WEIGHT: f64 = 3.0;

    /// `held` and `literal` are the weights of the words that it holds, and of the literal ones among them, 1 being the most
    /// of a word. docs/decisions/words.md has the figures behind the numbers.
    fn of(Ranked { record, rank, held, literal }: Ranked<Remediation>) -> Self {
        let plain = (held - literal).min(Self::MAX_WEIGHT);
        let evidence = 0.3 * literal.min(Self::MAX_WEIGHT) + 0.2 * (plain - 1.0).max(0.0);
        Self { rank, evidence, record }
    }

    /// The same hit with a record that stands for it: an incident's newest one for all of them.
    #[must_use]
    pub fn shown_as(self, record: Remediation) -> Self {
        Self { record, ..self }
    }

    /// Whether one of its identifiers is the text that was searched for.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.rank >= 3.0
    }
}

/// The result of a search by words.
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

/// A search for the remediations that hold the words of a text, among those that match a filter, whether they have a vector
/// or not, and whether their words are stored yet or not.
///
/// Words are looked for in name, target, alert, action and error message, whatever their case. Identifiers are found as they
/// are and by the words in them (`KubePodCrashLooping`, `restart-pod`); the last word may be only the beginning of one, from
/// three letters on.
///
/// A record need not have all words. Rare words weigh more, common words of the language (`the`, `after`) weigh
/// nothing, and a record needs half of the weight. Records with more weight come first; records with an identifier that
/// equals the text come before all others.
///
/// ```no_run
/// use diesel_async::AsyncPgConnection;
/// use storage_query::{LexicalQuery, QueryError, SearchRequest, CheckedFilter};
///
/// # async fn example(conn: &mut AsyncPgConnection) -> Result<(), QueryError> {
/// let query = LexicalQuery::new("checkout-api-7d9f8b6c5-x2x4z", CheckedFilter::default(), SearchRequest::default())?;
/// for hit in query.run(conn).await?.hits {
///     println!("{} {}", hit.rank, hit.record.name);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct LexicalQuery {
    words: String,
    filter: CheckedFilter<RemediationFilter>,
    request: SearchRequest,
    /// How many are looked for.
    count: i64,
    /// What its words weigh, once the database was asked.
    weighed: Option<Weighed>,
}

impl LexicalQuery {
    /// Characters of the text at most.
    pub const MAX_WORDS: usize = 1_000;

    /// The most records that are ranked of those found by shared words, and of those found by their own words. This
    /// bounds the cost of common words.
    pub const MAX_RANKED: i64 = statement::MAX_RANKED;

    /// How many of those whose words are not stored yet are looked at: the newest.
    pub const MAX_WAITING: i64 = statement::MAX_WAITING;

    /// The settings of the transaction that runs a search.
    ///
    /// Some words often occur together, which PostgreSQL's statistics do not show. So the search finds words first,
    /// through their index, and then looks up the records of each set one by one along the index, the newest first,
    /// until there are enough. Any other join, and any sort in the place of the index, would read records from end to
    /// end. `constraint_exclusion` has nothing to find in partitions, and takes a third of the planning.
    pub const SETTINGS: &str = "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; \
                                SET LOCAL enable_mergejoin = off; SET LOCAL enable_sort = off; SET LOCAL jit = off; \
                                SET LOCAL work_mem = '64MB'; SET LOCAL plan_cache_mode = force_custom_plan; \
                                SET LOCAL constraint_exclusion = off";

    /// The search for `words`; of `request` only the limit counts.
    ///
    /// # Errors
    /// When the text is longer than [`Self::MAX_WORDS`] or holds NUL; the parameter is called `q`.
    pub fn new(
        words: impl Into<String>,
        filter: CheckedFilter<RemediationFilter>,
        request: SearchRequest,
    ) -> Result<Self, InvalidParameters> {
        let words = words.into();
        check_text(&words, Self::MAX_WORDS)
            .map_err(|reason| InvalidParameter::new("q", words.clone(), reason))?;
        Ok(Self { words, filter, request, count: request.limit(), weighed: None })
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

    /// The same search with what its words weigh now: how rare each is among the stored records.
    ///
    /// # Errors
    /// [`QueryError::Database`].
    pub async fn weigh(mut self, conn: &mut AsyncPgConnection) -> Result<Self, QueryError> {
        self.weighed = Some(self.weighed_now(conn).await?);
        Ok(self)
    }

    /// The statement, for a service that reads rows of its own: a record's columns and `rank`. Run it in the transaction
    /// that [`Self::weigh`] ran in, with [`Self::SETTINGS`] and one snapshot: it would miss a record whose words are stored
    /// in between.
    ///
    /// # Errors
    /// When the words have not been weighed.
    pub fn to_sql(&self) -> Result<BoundSql, InvalidParameter> {
        let not_read = || {
            let reason = InvalidReason::NotRead { by: "LexicalQuery::weigh" };
            InvalidParameter::new("weights", "", reason)
        };
        let weighed = self.weighed.as_ref().ok_or_else(not_read)?;
        Ok(self.search(weighed).sql().into_bound())
    }

    /// Weighs the words and runs it, in a transaction of its own, so not inside an open one: the best first, equally good
    /// ones newest first. All its statements see one snapshot: a record whose words are stored between two of them would
    /// be missed by both.
    ///
    /// # Errors
    /// [`QueryError::Database`].
    #[expect(clippy::disallowed_methods, reason = "the connection's owner decides about limits and retries")]
    pub async fn run(&self, conn: &mut AsyncPgConnection) -> Result<Lexical, QueryError> {
        let (found, waiting): (Bounded<Ranked<Remediation>>, Vec<Number>) = conn
            .build_transaction()
            .repeatable_read()
            .run(async |conn| {
                conn.batch_execute(Self::SETTINGS).await.map_err(QueryError::database(OPERATION))?;
                let weighed = self.weighed_now(conn).await?;
                let waiting = Statement::new(statement::waiting()).load(conn, OPERATION).await?;
                let found = self.search(&weighed).sql();
                let found = Statement::new(found).load_within_bound(conn, OPERATION).await?;
                Ok::<_, QueryError>((found, waiting))
            })
            .await?;
        let mut hits: Vec<_> = found.rows.into_iter().map(LexicalHit::of).collect();
        order::sort(&mut hits, |hit| -hit.rank, |hit| &hit.record);
        let is_behind = waiting.iter().any(|Number(records)| *records > Self::MAX_WAITING);
        Ok(Lexical { hits, is_cut: found.is_cut, is_behind })
    }

    /// Cuts the text into its words, and asks how rare each is.
    async fn weighed_now(&self, conn: &mut AsyncPgConnection) -> Result<Weighed, QueryError> {
        let words: Vec<Word> = Statement::new(statement::words(&self.words)).load(conn, OPERATION).await?;
        let asked = QueryWords::of(&self.words, &words);
        let rarities: Vec<Rarity> = Statement::new(statement::rarities(&asked)).load(conn, OPERATION).await?;
        Ok(Weighed::of(asked, &rarities))
    }

    const fn search<'a>(&'a self, weighed: &'a Weighed) -> Search<'a> {
        Search { weighed, filter: &self.filter, count: self.count }
    }
}
