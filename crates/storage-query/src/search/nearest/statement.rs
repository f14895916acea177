//! The statements of a search by meaning.
//!
//! A record and its vector have the same time, which leaves one partition of each for the other.

use storage_models::Remediation;

use super::few::Few;
use super::query::NearestQuery;
use crate::filter::Conditions;
use crate::read::in_months_of;
use crate::record::sealed::Shape as _;
use crate::sql::{Bind, Sql};
use crate::{CheckedFilter, RemediationFilter, SearchRequest};

/// Where the vectors of the set that serves are, as of the statement's own snapshot.
pub(crate) const ACTIVE_SLOT: &str = "(SELECT slot FROM embedding_set WHERE state = 'active')";

/// The order of the rows. The vector index gives the order of distance alone; the records of a vector follow newest
/// first, and so do equal rows.
const NEWEST_FIRST: &str = "distance, start_time DESC, id DESC";

/// So many of the newest records of a vector tell which incidents have it. Almost always it is one, since equal vectors come
/// of equal texts.
const TELLING: i64 = 20;

/// Where the nearest are looked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Looked<'a> {
    /// Along the vector index: vectors in the order of their distance, each with its newest records.
    Index,
    /// Among few records: each with its vector.
    Few(Few),
    /// Among all records, as PostgreSQL likes.
    Everything,
    /// Among the records of the vectors that these records have.
    Candidates(&'a [i64]),
}

/// The columns of each row.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted {
    /// The record's columns.
    Records,
    /// The incident's key.
    Incidents,
}

impl Wanted {
    /// Of `placed` and its `record`.
    const fn held(self) -> &'static str {
        match self {
            Self::Records => "record.*",
            Self::Incidents => "placed.incident_key",
        }
    }

    const fn columns(self) -> &'static str {
        match self {
            Self::Records => Remediation::COLUMNS,
            Self::Incidents => "incident_key",
        }
    }
}

/// The record of a row of `placed`, if it matches the filter. `OFFSET 0` has records looked up one by one: PostgreSQL would
/// else gather all that match before it looks at the first vector.
pub(in crate::search) fn record_of_placed(filter: &CheckedFilter<RemediationFilter>) -> Sql {
    let mut own = Conditions::default();
    own.and("id = placed.record_id");
    own.and("start_time = placed.start_time");
    let mut sql = Sql::new("(SELECT ");
    sql.text(Remediation::COLUMNS).text(" FROM ").text(Remediation::TABLE);
    sql.append(own.with(filter).into_sql()).text(" OFFSET 0) AS record");
    sql
}

impl NearestQuery {
    pub(super) fn statement(&self, looked: Looked<'_>, wanted: Wanted) -> Sql {
        match looked {
            Looked::Index => {
                let mut of_slot = Conditions::default();
                of_slot.and("near.slot").text(" = ").text(ACTIVE_SLOT);
                self.by_vector(of_slot, self.distance(), wanted, "distance")
            }
            Looked::Candidates(ids) => {
                let mut held = Conditions::default();
                held.and("near.slot").text(" = ").text(ACTIVE_SLOT);
                held.and("near.embedding_id")
                    .text(" IN (SELECT embedding_id FROM remediation_vector WHERE slot = ")
                    .text(ACTIVE_SLOT)
                    .text(" AND record_id = ANY(")
                    .bind(Bind::BigIntArray(ids.to_vec()))
                    .text(") AND (")
                    .append(in_months_of("start_time", ids))
                    .text("))");
                self.by_vector(held, self.distance_of_no_index(), wanted, NEWEST_FIRST)
            }
            Looked::Few(few) => self.by_record(few, wanted),
            Looked::Everything => self.by_any(),
        }
    }

    /// Each vector with its newest records, as many as are wanted at most: a common text may have a hundred thousand.
    fn by_vector(&self, vectors: Conditions, distance: Sql, wanted: Wanted, order: &'static str) -> Sql {
        let mut placed = Conditions::default();
        placed.and("placed.slot = near.slot");
        placed.and("placed.embedding_id = near.embedding_id");
        placed.within(&self.filter, "placed.start_time");
        let mut sql = Sql::new("SELECT held.*, ");
        sql.append(distance)
            .text(" AS distance FROM embedding_vector AS near CROSS JOIN LATERAL (SELECT ")
            .text(wanted.held())
            .text(" FROM remediation_vector AS placed CROSS JOIN LATERAL ")
            .append(record_of_placed(&self.filter))
            .append(placed.into_sql())
            .text(" ORDER BY placed.start_time DESC, placed.record_id DESC LIMIT ")
            .bind(Bind::BigInt(self.of_one_vector(wanted)))
            .text(") AS held")
            .append(vectors.into_sql())
            .text(" ORDER BY ")
            .text(order)
            .text(" LIMIT ")
            .bind(Bind::BigInt(self.count));
        sql
    }

    /// Each record with its distance, if it has a vector, and how many match, counted as far as it matters. `OFFSET 0` has
    /// the vectors looked up one by one: PostgreSQL would else read all of them for a few hundred records.
    fn by_record(&self, few: Few, wanted: Wanted) -> Sql {
        let mut sql = Sql::new("SELECT ");
        sql.text(wanted.columns())
            .text(", distance, matching FROM (SELECT *, count(*) OVER () AS matching FROM (SELECT * FROM ")
            .text(Remediation::TABLE)
            .append(Conditions::of(&self.filter).into_sql())
            .text(" LIMIT ")
            .bind(Bind::BigInt(few.read()))
            .text(") AS first) AS few LEFT JOIN LATERAL (SELECT embedding_id, incident_key FROM remediation_vector AS v WHERE slot = ")
            .text(ACTIVE_SLOT)
            .text(" AND record_id = few.id AND v.start_time = few.start_time OFFSET 0) AS placed ON true LEFT JOIN LATERAL (SELECT ")
            .append(self.distance())
            .text(" AS distance FROM embedding_vector AS near WHERE slot = ")
            .text(ACTIVE_SLOT)
            .text(" AND near.embedding_id = placed.embedding_id OFFSET 0) AS near ON true")
            .text(" ORDER BY ")
            .text(NEWEST_FIRST)
            .text(" LIMIT ")
            .bind(Bind::BigInt(self.count));
        sql
    }

    /// The times are compared as a range of one instant: PostgreSQL takes two equal columns of a join to be independent of
    /// each other, and would expect one row of the whole.
    fn by_any(&self) -> Sql {
        let mut of_slot = Conditions::default();
        of_slot.and("slot").text(" = ").text(ACTIVE_SLOT);
        of_slot.within(&self.filter, "start_time");
        let mut sql = Sql::new("SELECT ");
        sql.text(Remediation::COLUMNS)
            .text(", ")
            .append(self.distance_of_no_index())
            .text(" AS distance FROM ")
            .text(Remediation::TABLE)
            .text(
                " JOIN (SELECT record_id, start_time AS record_time, slot, embedding_id FROM remediation_vector",
            )
            .append(of_slot.into_sql())
            .text(
                ") AS placed ON record_id = id AND start_time BETWEEN record_time AND record_time \
                 JOIN embedding_vector USING (slot, embedding_id)",
            )
            .append(Conditions::of(&self.filter).into_sql())
            .text(" ORDER BY ")
            .text(NEWEST_FIRST)
            .text(" LIMIT ")
            .bind(Bind::BigInt(self.count));
        sql
    }

    /// How many records of one vector may be wanted.
    fn of_one_vector(&self, wanted: Wanted) -> i64 {
        match wanted {
            Wanted::Records => self.count.min(SearchRequest::MAX_CANDIDATES),
            Wanted::Incidents => self.count.min(TELLING),
        }
    }

    /// The one place that knows the expression the vector index is built on.
    fn distance(&self) -> Sql {
        let mut sql = Sql::new("(vector <=> ");
        sql.bind(Bind::Vector(self.vector.clone())).text(")");
        sql
    }

    /// A sum is none that the index could serve.
    fn distance_of_no_index(&self) -> Sql {
        let mut sql = self.distance();
        sql.text(" + 0");
        sql
    }
}
