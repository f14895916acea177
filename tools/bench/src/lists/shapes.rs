//! The measured queries, and the statements to compare them with.

use anyhow::Result;
use diesel_async::AsyncPgConnection;
use storage_models::{Remediation, Timestamp};
use storage_query::{
    AuditFilter as _, BoundSql, CheckedFilter, CountQuery, GroupCountsQuery, Grouping, Incident, Interval,
    ListQuery, Listed, RemediationFilter, SuccessRateQuery, Total, TrendQuery,
};

use crate::statement::typed;

/// One thing to be read in two ways.
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) ours: Read,
    /// The statements that a person would type for it.
    pub(super) typed: Vec<String>,
}

/// A read of the query crate.
pub(super) enum Read {
    List(ListQuery<Remediation>),
    Incidents(ListQuery<Incident>),
    Total(CountQuery<Remediation>),
    SuccessRate(SuccessRateQuery),
    Groups(GroupCountsQuery),
    Trend(TrendQuery),
}

impl Read {
    pub(super) async fn run(&self, connection: &mut AsyncPgConnection) -> Result<()> {
        match self {
            Self::List(query) => query.run(connection).await.map(drop)?,
            Self::Incidents(query) => query.run(connection).await.map(drop)?,
            Self::Total(query) => query.run(connection).await.map(drop)?,
            Self::SuccessRate(query) => query.run(connection).await.map(drop)?,
            Self::Groups(query) => query.run(connection).await.map(drop)?,
            Self::Trend(query) => query.run(connection).await.map(drop)?,
        }
        Ok(())
    }

    pub(super) fn sql(&self) -> Result<BoundSql> {
        Ok(match self {
            Self::List(query) => query.to_sql()?,
            Self::Incidents(query) => query.to_sql()?,
            Self::Total(query) => query.to_sql(),
            Self::SuccessRate(query) => query.to_sql(),
            Self::Groups(query) => query.to_sql(),
            Self::Trend(query) => query.to_sql(),
        })
    }
}

/// All of them, as of `now`.
pub(super) fn all(now: Timestamp) -> Result<Vec<Shape>> {
    let filter = |pairs: &[(&str, &str)]| -> Result<CheckedFilter<RemediationFilter>> {
        Ok(RemediationFilter::from_pairs(pairs.iter().copied())?.check(now)?)
    };
    let both = [("namespace", "ns-1"), ("status", "success")];
    let where_both = "namespace = 'ns-1' AND status = 'success'";
    let month = filter(&[("since", "30d")])?;
    let by = |grouping: Grouping| {
        let column = grouping.column();
        let counted = format!(
            "SELECT {column}, count(*) FROM remediation_audit GROUP BY {column} ORDER BY count(*) DESC LIMIT 1001"
        );
        (Read::Groups(GroupCountsQuery::new(CheckedFilter::default(), grouping)), vec![counted])
    };
    let rate = "SELECT count(*), count(*) FILTER (WHERE status = 'success'), count(*) FILTER (WHERE status = 'failed') \
                FROM remediation_audit WHERE phase IN ('completed', 'failed')";
    let all_of = |condition: &str| format!("SELECT count(*) FROM remediation_audit WHERE {condition}");
    let (by_namespace, by_severity, by_action) =
        (by(Grouping::Namespace), by(Grouping::Severity), by(Grouping::ActionType));
    let trend = TrendQuery::new(month, Interval::Day, now);
    let over_time = vec![typed(&trend.to_sql())?];
    let total = |filter| Read::Total(CountQuery::new(filter));
    let incidents = ListQuery::<Incident>::new(filter(&[("namespace", "ns-1")])?);
    let of_incidents = page_and_count(&incidents, "namespace = 'ns-1'")?;
    let shapes = [
        ("page and total, namespace and status", list(filter(&both)?, where_both)?),
        ("page and total, everything", list(CheckedFilter::default(), "true")?),
        ("page and total, incidents of a namespace", (Read::Incidents(incidents), of_incidents)),
        ("total, namespace and status", (total(filter(&both)?), vec![all_of(where_both)])),
        ("total, everything", (total(CheckedFilter::default()), vec![all_of("true")])),
        (
            "total, cluster: no counters",
            (total(filter(&[("cluster", "eu-1")])?), vec![all_of("cluster = 'eu-1'")]),
        ),
        (
            "success rate",
            (Read::SuccessRate(SuccessRateQuery::new(CheckedFilter::default())), vec![rate.to_owned()]),
        ),
        ("by namespace", by_namespace),
        ("by severity", by_severity),
        ("by action", by_action),
        ("trend of 30 days: no counters", (Read::Trend(trend), over_time)),
    ];
    Ok(shapes.into_iter().map(|(name, (ours, typed))| Shape { name, ours, typed }).collect())
}

fn list(filter: CheckedFilter<RemediationFilter>, condition: &str) -> Result<(Read, Vec<String>)> {
    let query = ListQuery::<Remediation>::new(filter);
    let typed = page_and_count(&query, condition)?;
    Ok((Read::List(query), typed))
}

/// The same page, and the records counted.
fn page_and_count<R: Listed>(query: &ListQuery<R>, condition: &str) -> Result<Vec<String>> {
    let page = typed(&query.clone().total(Total::None).to_sql()?)?;
    Ok(vec![page, format!("SELECT count(*) FROM remediation_audit WHERE {condition}")])
}
