//! An example of a service that reads the audit store through the shared query crate: what has happened in a namespace
//! of late, as incidents, how often what was done about it succeeded, and what is new since it last looked.
//!
//! It uses nothing of the store but `storage-query`, `storage-schema` and the types they share, brings its own
//! connection, and looks at the schema before it relies on it. Its role may read the tables and do nothing else.

#[cfg(test)]
mod tests;

use chrono::TimeDelta;
use diesel_async::AsyncPgConnection;
use storage_models::{Remediation, Timestamp};
use storage_query::{
    AuditFilter as _, CheckedFilter, ConnectionFault, Cursor, Feed, Incident, InvalidParameters, ListQuery,
    PageRequest, QueryError, RemediationFilter, SuccessRate, SuccessRateQuery, TimeBound, Total,
};
use storage_schema::{SchemaError, verify};

/// What happened in a namespace.
#[derive(Debug)]
pub struct Overview {
    /// How many incidents there were, exactly.
    pub total: i64,
    /// The latest of them.
    pub latest: Vec<Incident>,
    /// How what was done about them ended.
    pub outcomes: SuccessRate,
}

/// Why there is no overview.
#[derive(Debug, thiserror::Error)]
pub enum OverviewError {
    /// The store has another schema than this service was built for.
    #[error("the audit store has another schema: {0}")]
    Schema(String),
    /// The catalogue cannot be read.
    #[error(transparent)]
    Catalogue(#[from] SchemaError),
    /// What was asked for is no filter; each fault names its parameter.
    #[error(transparent)]
    Filter(#[from] InvalidParameters),
    /// A read failed.
    #[error(transparent)]
    Read(#[from] QueryError),
}

/// Prepares a connection and verifies the schema. What comes back is for this service's log: an overview needs none of it.
///
/// # Errors
/// [`OverviewError::Schema`] names each difference that matters.
pub async fn prepare(connection: &mut AsyncPgConnection) -> Result<Vec<ConnectionFault>, OverviewError> {
    let faults = storage_query::prepare(connection).await?;
    let report = verify(connection).await?;
    let differences: Vec<String> = report.fatal().map(ToString::to_string).collect();
    if differences.is_empty() { Ok(faults) } else { Err(OverviewError::Schema(differences.join("; "))) }
}

/// What happened in `namespace` within `age` before `now`.
///
/// # Errors
/// [`OverviewError::Filter`] for a namespace that none can have; [`OverviewError::Read`].
pub async fn overview(
    connection: &mut AsyncPgConnection,
    namespace: &str,
    age: TimeDelta,
    now: Timestamp,
) -> Result<Overview, OverviewError> {
    let filter = RemediationFilter::default().namespace(namespace).since(TimeBound::Ago(age)).check(now)?;
    let outcomes = SuccessRateQuery::new(filter.clone()).run(connection).await?;
    let list = ListQuery::<Incident>::new(filter).page(PageRequest::new(10, 0)?).total(Total::Exact);
    let page = list.run(connection).await?;
    Ok(Overview { total: page.total.unwrap_or_default(), latest: page.records, outcomes })
}

/// What is new behind `place`, the oldest first, and the place to go on from. From the beginning without a place.
///
/// # Errors
/// [`OverviewError::Read`], also while another role writes whose transactions this role may not see.
pub async fn news(
    connection: &mut AsyncPgConnection,
    place: Option<Cursor>,
) -> Result<(Vec<Remediation>, Option<Cursor>), OverviewError> {
    let feed = Feed::<Remediation>::new(CheckedFilter::default()).total(Total::None);
    let page = match &place {
        Some(place) => feed.after(place).run(connection).await?,
        None => feed.run(connection).await?,
    };
    Ok((page.records, page.next_cursor.or(place)))
}
