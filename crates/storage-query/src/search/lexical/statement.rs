//! The statements of a search by words.

use storage_models::Remediation;

use super::words::{Counted, QueryWords, Weighed};
use crate::filter::Conditions;
use crate::record::sealed::Shape as _;
use crate::sql::{Bind, Sql};
use crate::{CheckedFilter, RemediationFilter};

/// Records that are ranked of each kind.
pub(super) const MAX_RANKED: i64 = 500;

/// Records without words that are looked at.
pub(super) const MAX_WAITING: i64 = 500;

/// Sets of shared words that are weighed, the newest ones: common words have more.
const MAX_TEXTS: i64 = 5_000;

/// The most sets of shared words, and records, that are counted for a word. A word with that many is common.
const MAX_COUNTED_TEXTS: i64 = 10_000;
const MAX_COUNTED_RECORDS: i64 = 1_000;

/// Characters at both ends of the error of a record whose words are made on the spot: 500 whole ones of 64 KiB would take
/// seconds.
const ENDS_OF_ERROR: &str = "CASE WHEN length(error_message) <= 8000 THEN error_message \
    ELSE left(error_message, 4000) || ' ' || right(error_message, 4000) END";

/// The rows of the outbox whose records have no words yet, as of the statement's own snapshot: neither those that wait for
/// the embedder alone, nor those whose words PostgreSQL refused to make.
const WORDLESS: &str = "FROM vector_outbox \
    WHERE set_id = (SELECT id FROM embedding_set WHERE state = 'active') AND stage = 0 AND attempts = 0";

/// The months that have records, the newest first.
const MONTHS: &str = "(SELECT to_date(right(relid::text, 7), 'YYYY_MM')::timestamp AT TIME ZONE 'UTC' AS month \
    FROM pg_partition_tree('remediation_words') WHERE isleaf ORDER BY 1 DESC OFFSET 0) AS months";

/// The words of a record's set. `OFFSET 0` has them looked up by their key, and not read whole for each record.
const SHARED: &str =
    "SELECT words AS shared FROM remediation_text AS of WHERE of.text_key = newest.text_key OFFSET 0";

/// Half of the weight is enough; words that no stored record has cannot be demanded. Sums of the same numbers in another
/// order may differ by a little.
const ENOUGH: &str = "(rank >= 1 OR held > 0 AND held >= 0.4999999 * known)";

/// Cuts a text into its words.
pub(super) fn words(text: &str) -> Sql {
    let mut sql = Sql::new("SELECT identifier, word, whole FROM audit_whole(");
    sql.bind(Bind::Text(text.to_owned())).text(") AS identifier LEFT JOIN audit_query_words(");
    sql.bind(Bind::Text(text.to_owned())).text(") ON true");
    sql
}

/// How rare each term is, then the exact identifier and the begun one: BM25's inverse document frequency over the sets of
/// shared words, 1 for a word that none has. A record's own words count beside them, for what is in a thousand names is
/// not rare.
pub(super) fn rarities(asked: &QueryWords) -> Sql {
    let terms = asked.terms.iter().map(|term| (term.wanted.clone(), term.may_be_own));
    let wholes = asked.exact.iter().chain(&asked.begun).map(|whole| (whole.clone(), true));
    let (wanted, own) = terms.chain(wholes).unzip();
    let mut sql = Sql::new(
        "SELECT ln(1 + (known - holders + 0.5) / (holders + 0.5)) / ln(1 + (known + 0.5) / 0.5) AS weight, \
            texts > 0 AS is_shared, own > 0 AS is_own \
         FROM unnest(",
    );
    sql.bind(Bind::TextArray(wanted)).text("::tsquery[], ").bind(Bind::BoolArray(own));
    sql.text(
        ") WITH ORDINALITY AS asked (wanted, may_be_own, place) CROSS JOIN (SELECT greatest(count(*), \
            (SELECT reltuples FROM pg_class WHERE oid = 'remediation_text'::regclass))::float8 AS known \
            FROM (SELECT FROM remediation_text LIMIT ",
    );
    sql.bind(Bind::BigInt(MAX_COUNTED_TEXTS)).text(
        ") AS counted) AS every CROSS JOIN LATERAL (\
            SELECT count(*) AS texts FROM (SELECT FROM remediation_text WHERE words @@ wanted LIMIT ",
    );
    sql.bind(Bind::BigInt(MAX_COUNTED_TEXTS)).text(") AS counted) AS shared CROSS JOIN LATERAL (\
            SELECT count(*) AS own FROM (SELECT FROM remediation_words WHERE may_be_own AND words @@ wanted LIMIT ");
    sql.bind(Bind::BigInt(MAX_COUNTED_RECORDS)).text(
        ") AS counted) AS of_records CROSS JOIN LATERAL (\
            SELECT least(texts + own, known) AS holders) AS either ORDER BY place",
    );
    sql
}

/// How many records have no words yet, counted as far as it matters.
pub(super) fn waiting() -> Sql {
    let mut sql = Sql::new("SELECT count(*) AS number FROM (SELECT ");
    sql.text(WORDLESS).text(" LIMIT ").bind(Bind::BigInt(MAX_WAITING + 1)).text(") AS waiting");
    sql
}

/// The weight of a record's `words`: of the searched words that it has, of the literal ones among them, of those that
/// stored records have, and of all.
const HELD: &str = "SELECT coalesce(sum(weight) FILTER (WHERE words @@ wanted), 0) AS held, \
    coalesce(sum(weight) FILTER (WHERE is_literal AND words @@ wanted), 0) AS literal, \
    coalesce(sum(weight) FILTER (WHERE is_known), 0) AS known, coalesce(sum(weight), 0) AS total FROM term";

/// One search.
pub(super) struct Search<'a> {
    pub(super) weighed: &'a Weighed,
    pub(super) filter: &'a CheckedFilter<RemediationFilter>,
    /// How many hits are wanted.
    pub(super) count: i64,
}

impl Search<'_> {
    /// The record's columns and `rank`, the best first.
    pub(super) fn sql(&self) -> Sql {
        let terms = &self.weighed.terms;
        let mut sql = Sql::new("WITH term AS MATERIALIZED (SELECT * FROM unnest(");
        sql.bind(Bind::TextArray(terms.iter().map(|term| term.wanted.clone()).collect()))
            .text("::tsquery[], ");
        sql.bind(Bind::DoubleArray(terms.iter().map(|term| term.weight).collect())).text(", ");
        sql.bind(Bind::BoolArray(terms.iter().map(|term| term.is_literal).collect())).text(", ");
        sql.bind(Bind::BoolArray(terms.iter().map(Counted::is_known).collect()));
        sql.text(") AS asked (wanted, weight, is_literal, is_known)), ").append(self.best());
        sql.text("found AS (").append(self.found()).text(") SELECT ").text(Remediation::COLUMNS);
        sql.text(", rank, held, literal FROM (SELECT DISTINCT ON (id) found.*, ").append(self.rank());
        sql.text(" AS rank, held, literal, known FROM found CROSS JOIN LATERAL (").text(HELD);
        sql.text(") AS weighed ORDER BY id) AS ranked WHERE ").text(ENOUGH);
        sql.text(" ORDER BY rank DESC, start_time DESC, id DESC LIMIT ").bind(Bind::BigInt(self.count));
        sql
    }

    /// The sets of shared words, those with the most weight first.
    fn best(&self) -> Sql {
        let Some(shared) = &self.weighed.shared else { return Sql::default() };
        let mut sql = Sql::new(
            "best AS MATERIALIZED (SELECT text_key, shared FROM (\
             SELECT text_key, words AS shared, first_seen FROM remediation_text WHERE words @@ ",
        );
        sql.bind(Bind::Text(shared.clone())).text("::tsquery ORDER BY first_seen DESC LIMIT ");
        sql.bind(Bind::BigInt(MAX_TEXTS)).text(
            ") AS holding CROSS JOIN LATERAL (SELECT sum(weight) AS held FROM term WHERE shared @@ wanted) AS weighed \
             ORDER BY held DESC, first_seen DESC, text_key), ",
        );
        sql
    }

    /// Records with their words, some of them more than once.
    fn found(&self) -> Sql {
        let by_shared_words = self.weighed.shared.as_ref().map(|_| self.by_shared_words());
        // An identifier that is the text has a search of its own: many newer ones may only begin so.
        let exact = self.weighed.exact.as_ref().filter(|_| self.weighed.is_exact_known);
        let exact = exact.map(|wanted| self.by_own_words(wanted, self.count));
        let own = self.weighed.own.as_ref().map(|wanted| self.by_own_words(wanted, MAX_RANKED));
        let mut sql = Sql::new("(");
        sql.append(self.waiting()).text(")");
        for part in by_shared_words.into_iter().chain(exact).chain(own) {
            sql.text(" UNION ALL (").append(part).text(")");
        }
        sql
    }

    /// The newest records of each set, as many as hits are wanted: all of them may be of one.
    fn by_shared_words(&self) -> Sql {
        let mut stored = Conditions::default();
        stored.and("text_key = best.text_key");
        let mut sql = columns("shared || own AS words FROM best CROSS JOIN LATERAL (");
        sql.append(self.stored(stored)).text(" LIMIT ").bind(Bind::BigInt(self.count));
        sql.text(") AS newest LIMIT ").bind(Bind::BigInt(MAX_RANKED));
        sql
    }

    /// The newest records, `most` of them, that have these words for their own, month by month, so that older ones are not
    /// read for nothing.
    fn by_own_words(&self, wanted: &str, most: i64) -> Sql {
        let mut stored = Conditions::default();
        stored.and("words @@ ").bind(Bind::Text(wanted.to_owned())).text("::tsquery");
        stored.and("start_time >= month AND start_time < month + interval '1 month'");
        let mut sql = columns("shared || own AS words FROM ");
        sql.text(MONTHS).text(" CROSS JOIN LATERAL (").append(self.stored(stored));
        sql.text(") AS newest CROSS JOIN LATERAL (").text(SHARED).text(") AS of_set LIMIT ");
        sql.bind(Bind::BigInt(most));
        sql
    }

    /// Stored words count where they are of the record's version. `OFFSET 0` keeps their order: PostgreSQL would look up all
    /// before it sorts them.
    fn stored(&self, mut stored: Conditions) -> Sql {
        stored.within(self.filter, "start_time");
        let mut sql = Sql::new(
            "SELECT record.*, own, text_key FROM (SELECT record_id, start_time, version, words AS own, text_key \
             FROM remediation_words",
        );
        sql.append(stored.into_sql())
            .text(" ORDER BY start_time DESC, record_id DESC OFFSET 0) AS named ")
            .append(self.record());
        sql
    }

    /// The records that have no words yet, with words made on the spot.
    fn waiting(&self) -> Sql {
        let mut sql =
            Sql::new("SELECT record.*, shared || own AS words FROM (SELECT record_id, start_time, version ");
        sql.text(WORDLESS)
            .text(" ORDER BY enqueued_at DESC, record_id DESC LIMIT ")
            .bind(Bind::BigInt(MAX_WAITING))
            .text(") AS named ")
            .append(self.record())
            .text(" CROSS JOIN LATERAL audit_words(name, target_name, alert_name, action_type, ")
            .text(ENDS_OF_ERROR)
            .text(", alterations) AS made");
        sql
    }

    /// The record that a row of `named` names, if it still has that version and matches the filter. `OFFSET 0` has records
    /// looked up one by one: among plans that the settings of a search make dear, PostgreSQL takes one that reads all
    /// records in the order of their ids to cost the same.
    fn record(&self) -> Sql {
        let mut own = Conditions::default();
        own.and("id = named.record_id");
        own.and("start_time = named.start_time");
        own.and("updated_at = named.version");
        let mut sql = Sql::new("CROSS JOIN LATERAL (SELECT ");
        sql.text(Remediation::COLUMNS).text(" FROM ").text(Remediation::TABLE);
        sql.append(own.with(self.filter).into_sql()).text(" OFFSET 0) AS record");
        sql
    }

    /// How well a record matches, in this order: 3 where an identifier is the text, 2 where it holds all the words, 1 where
    /// the last of them is only begun, or an identifier begins so. Else the share of the weight that it holds, less in a
    /// longer record, as in BM25 with k1 = 1.2, b = 0.75, and 30 words on average.
    fn rank(&self) -> Sql {
        let Weighed { exact, begun, ending, .. } = self.weighed;
        let mut sql = Sql::new("(CASE ");
        let holds = |wanted: &Option<String>, rank: &'static str| {
            let mut sql = Sql::default();
            if let Some(wanted) = wanted {
                sql.text("WHEN words @@ ")
                    .bind(Bind::Text(wanted.clone()))
                    .text("::tsquery THEN ")
                    .text(rank);
            }
            sql
        };
        sql.append(holds(exact, "3 ")).text("WHEN total > 0 AND held >= 0.9999999 * total THEN CASE ");
        sql.append(holds(ending, "2 ELSE 1 END "));
        if ending.is_none() {
            sql.text("WHEN true THEN 2 END ");
        }
        sql.append(holds(begun, "1 ")).text(
            "WHEN total > 0 THEN held / total * 1.3 / (1 + 1.2 * (0.25 + 0.75 * length(words) / 30)) ELSE 0 END)::float8",
        );
        sql
    }
}

/// Begins to select a record's columns and `rest`.
fn columns(rest: &'static str) -> Sql {
    let mut sql = Sql::new("SELECT ");
    sql.text(Remediation::COLUMNS).text(", ").text(rest);
    sql
}
