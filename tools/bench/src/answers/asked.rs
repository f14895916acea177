//! What is asked, as the service asks it.

use anyhow::{Context as _, Result};
use diesel::sql_types::Text;
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use storage_models::{Embedding, Timestamp, VectorSql};
use storage_query::{
    ActionsQuery, Advice, AuditFilter as _, BoundSql, CheckedFilter, FacetsQuery, Grouping, HistoryQuery,
    IncidentHit, IncidentsQuery, Interval, NearestQuery, OutcomesQuery, RemediationFilter, SearchRequest,
    ThresholdQuery, TrendQuery,
};

use super::seed::{BARE, BUSY, FIRST, KNOWN, NOISY, PLAIN};

/// Goal for what is of at most 10,000 records, and for facets that the counters know, in milliseconds.
const OF_FEW: f64 = 50.0;
/// Goal for everything else.
const OF_MANY: f64 = 400.0;

/// One thing to be asked.
pub(super) struct Asked {
    pub(super) name: String,
    /// What 95 % of the answers must be faster than, in milliseconds.
    pub(super) goal: f64,
    pub(super) answer: Answer,
}

/// An answer.
pub(super) enum Answer {
    Outcomes(OutcomesQuery),
    History(HistoryQuery),
    Facets(FacetsQuery),
    Trend(TrendQuery),
    /// Incidents near a vector, each with its records and what was done.
    Similar {
        near: Box<NearestQuery>,
        filter: CheckedFilter<RemediationFilter>,
    },
    /// What was done about incidents near a vector, all taken together.
    Advice {
        vector: Embedding,
        filter: CheckedFilter<RemediationFilter>,
    },
    /// The same of the records of an alert, where no vector could be made.
    AdviceOfRecords(CheckedFilter<RemediationFilter>),
}

impl Answer {
    pub(super) async fn run(&self, connection: &mut AsyncPgConnection) -> Result<()> {
        let now = Timestamp::now();
        match self {
            Self::Outcomes(query) => query.run(connection).await.map(drop)?,
            Self::History(query) => query.run(connection).await.map(drop)?,
            Self::Facets(query) => query.run(connection).await.map(drop)?,
            Self::Trend(query) => query.run(connection).await.map(drop)?,
            Self::Similar { near, filter } => {
                let hits = near.incidents(connection).await?;
                let keys = hits.iter().map(|hit| hit.key).collect();
                IncidentsQuery::new(keys, filter.clone()).run(connection).await?;
                ActionsQuery::new(hits, filter.clone(), now).run(connection).await?;
            }
            Self::Advice { vector, filter } => {
                let hits = alike(connection, vector, filter).await?;
                Advice::ask(ActionsQuery::new(hits, filter.clone(), now), connection).await?;
            }
            Self::AdviceOfRecords(filter) => {
                Advice::ask(ActionsQuery::of_records(filter.clone(), now), connection).await?;
            }
        }
        Ok(())
    }

    /// The statements that look at records, without those that find incidents by their vectors.
    pub(super) async fn statements(&self, connection: &mut AsyncPgConnection) -> Result<Vec<BoundSql>> {
        let now = Timestamp::now();
        Ok(match self {
            Self::Outcomes(query) => vec![query.to_sql()?],
            Self::History(query) => vec![query.to_sql()?],
            Self::Facets(query) => vec![query.to_sql()?],
            Self::Trend(query) => vec![query.to_sql()],
            Self::Similar { near, filter } => {
                let hits = near.incidents(connection).await?;
                let keys = hits.iter().map(|hit| hit.key).collect();
                vec![
                    IncidentsQuery::new(keys, filter.clone()).to_sql(),
                    ActionsQuery::new(hits, filter.clone(), now).to_sql(),
                ]
            }
            Self::Advice { vector, filter } => {
                let hits = alike(connection, vector, filter).await?;
                vec![ActionsQuery::new(hits, filter.clone(), now).together().to_sql()]
            }
            Self::AdviceOfRecords(filter) => vec![ActionsQuery::of_records(filter.clone(), now).to_sql()],
        })
    }
}

/// The incidents above the set's threshold.
async fn alike(
    connection: &mut AsyncPgConnection,
    vector: &Embedding,
    filter: &CheckedFilter<RemediationFilter>,
) -> Result<Vec<IncidentHit>> {
    let threshold = ThresholdQuery.run(connection).await?.context("the set has no threshold")?;
    let request = SearchRequest::new(SearchRequest::MAX_LIMIT, threshold)?;
    Ok(NearestQuery::new(vector.clone(), filter.clone(), request).incidents(connection).await?)
}

/// Each answer, with filters that leave few records, and without one.
pub(super) async fn all(connection: &mut AsyncPgConnection) -> Result<Vec<Asked>> {
    let now = Timestamp::now();
    let fingerprint = |alert: &str| format!("f-{alert}{FIRST}");
    let (of_busy, of_plain) = (fingerprint(BUSY), fingerprint(PLAIN));
    let few: [(&str, Vec<(&str, &str)>); 7] = [
        ("an alert of 1,000 records", vec![("alert_name", PLAIN)]),
        ("an alert of 2,700 records", vec![("alert_name", KNOWN)]),
        ("an alert of 2,700 without fingerprints", vec![("alert_name", BARE)]),
        ("an alert of 10,000 records", vec![("alert_name", BUSY)]),
        ("a fingerprint of 50 records", vec![("alert_fingerprint", &of_plain)]),
        ("a fingerprint of 2,500 records", vec![("alert_fingerprint", &of_busy)]),
        ("a request", vec![("remediation_request_id", "req-200000")]),
    ];
    let hour = vec![("since", "1h")];
    let noisy = vec![("alert_name", NOISY)];
    let everything = Vec::new();
    let mut all = Vec::new();
    let mut add = |name: String, goal, answer| all.push(Asked { name, goal, answer });
    let of_few = |goal| few.iter().map(move |(name, pairs)| (*name, pairs.clone(), goal));
    let others = [
        ("an hour", hour.clone(), OF_FEW),
        ("an alert of 200,000 records", noisy.clone(), OF_MANY),
        ("everything", everything.clone(), OF_MANY),
    ];
    for (name, pairs, goal) in of_few(OF_FEW).chain(others.clone()) {
        let query = OutcomesQuery::new(filter(&pairs)?, vec![Grouping::ActionType], now);
        add(format!("outcomes, {name}"), goal, Answer::Outcomes(query));
    }
    let by = vec![Grouping::AlertName, Grouping::ActionType, Grouping::Cluster];
    let by_three = OutcomesQuery::new(filter(&[])?, by, now);
    add("outcomes by three columns, everything".to_owned(), OF_MANY, Answer::Outcomes(by_three));
    let noisy = [("an alert of 200,000 records", noisy, OF_MANY)];
    for (name, pairs, goal) in of_few(OF_FEW).filter(|(name, ..)| *name != "a request").chain(noisy) {
        add(format!("history, {name}"), goal, Answer::History(HistoryQuery::new(filter(&pairs)?, now)));
    }
    let counted = FacetsQuery::DEFAULT_FIELDS.to_vec();
    for (name, pairs) in [
        ("everything", everything.clone()),
        ("a namespace", vec![("namespace", "ns-7")]),
        ("two severities", vec![("severity", "critical,high")]),
        ("30 days", vec![("since", "30d")]),
    ] {
        let facets = FacetsQuery::new(filter(&pairs)?, counted.clone());
        add(format!("facets of the counters, {name}"), OF_FEW, Answer::Facets(facets));
    }
    for (name, pairs, goal) in of_few(OF_FEW).chain(others) {
        let facets = FacetsQuery::new(filter(&pairs)?, vec![Grouping::Cluster, Grouping::AlertName]);
        add(format!("facets of others, {name}"), goal, Answer::Facets(facets));
    }
    for (name, pairs, interval, has_durations, goal) in [
        ("by hour, a week", vec![("since", "7d")], Some(Interval::Hour), false, OF_MANY),
        ("by minute, an hour", hour, Some(Interval::Minute), false, OF_FEW),
        ("by day, everything", everything.clone(), Some(Interval::Day), false, OF_MANY),
        ("auto, everything", everything.clone(), None, false, OF_MANY),
        ("auto, an alert of 10,000", vec![("alert_name", BUSY)], None, false, OF_FEW),
        (
            "by day with durations, an alert of 10,000",
            vec![("alert_name", BUSY)],
            Some(Interval::Day),
            true,
            OF_FEW,
        ),
        ("by day with durations, everything", everything.clone(), Some(Interval::Day), true, OF_MANY),
    ] {
        let filter = filter(&pairs)?;
        let trend = match interval {
            Some(interval) => TrendQuery::new(filter, interval, now),
            None => TrendQuery::auto(filter, now),
        };
        let trend = if has_durations { trend.with_durations() } else { trend };
        add(format!("trend {name}"), goal, Answer::Trend(trend));
    }
    let cluster = vec![("cluster", "cluster-1"), ("since", "180d")];
    for (name, alert, goal) in [
        ("of 1,000", PLAIN, OF_FEW),
        ("of 2,700", KNOWN, OF_FEW),
        ("of 10,000", BUSY, OF_MANY),
        ("of ten noisy texts", NOISY, OF_MANY),
    ] {
        let vector = vector_of(connection, alert).await?;
        for (which, pairs) in [("", everything.clone()), (" of a cluster", cluster.clone())] {
            let filter = filter(&pairs)?;
            let near = Box::new(NearestQuery::new(vector.clone(), filter.clone(), SearchRequest::default()));
            add(
                format!("similar{which}, an alert {name}"),
                OF_MANY,
                Answer::Similar { near, filter: filter.clone() },
            );
            add(
                format!("advice{which}, an alert {name}"),
                goal,
                Answer::Advice { vector: vector.clone(), filter },
            );
        }
        let pairs = [("alert_name", alert), ("since", "180d")];
        add(
            format!("advice without a model, an alert {name}"),
            if alert == NOISY { OF_MANY } else { OF_FEW },
            Answer::AdviceOfRecords(filter(&pairs)?),
        );
    }
    Ok(all)
}

fn filter(pairs: &[(&str, &str)]) -> Result<CheckedFilter<RemediationFilter>> {
    Ok(RemediationFilter::from_pairs(pairs.iter().copied())?.check(Timestamp::now())?)
}

/// The vector of a text of the alert.
async fn vector_of(connection: &mut AsyncPgConnection, alert: &str) -> Result<Embedding> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = VectorSql)]
        vector: Embedding,
    }
    let query = "SELECT vector FROM embedding_vector WHERE (slot, embedding_id) = \
                 (SELECT slot, embedding_id FROM remediation_vector WHERE (record_id, start_time) = \
                  (SELECT id, start_time FROM remediation_audit WHERE alert_name = $1 ORDER BY start_time DESC LIMIT 1))";
    let row: Row = sql_query(query).bind::<Text, _>(alert).get_result(connection).await?;
    Ok(row.vector)
}
