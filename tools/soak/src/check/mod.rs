//! After the faults: everything comes to rest, and is as the answers promised.

mod api;
mod database;
mod finding;
mod index;

pub(super) use api::each;
pub(super) use database::Database;
pub(super) use finding::Check;
pub(super) use index::check as check_index;

use std::time::Duration;

use anyhow::Result;
use storage_models::RecordType;
use storage_testkit::TestQdrant;
use tokio::time::Instant;

use super::arguments::Arguments;
use super::clients::Shared;
use super::logs;
use super::model::{Difference, Model};
use super::stand::{Process, Stand};

/// Longest until nothing waits any more.
const REST_BOUND: Duration = Duration::from_secs(180);
/// How often to look.
const PAUSE: Duration = Duration::from_millis(200);

/// Waits until nothing is left to project and both stores hold the same; how long that took. When it does not come to
/// that, the checks say what is left.
pub(super) async fn rest(database_url: &str, qdrant: Option<&TestQdrant>) -> Result<Duration> {
    let started = Instant::now();
    let mut database = Database::connect(database_url).await?;
    while started.elapsed() < REST_BOUND {
        let waits = database.waiting().await? > 0;
        let differs = match qdrant {
            Some(qdrant) if !waits => index::versions(qdrant).await? != database.versions().await?,
            _ => false,
        };
        if !waits && !differs {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(started.elapsed())
}

/// All checks.
pub(super) async fn all(stand: &Stand, shared: &Shared, arguments: &Arguments) -> Result<Vec<Check>> {
    let mut database = Database::connect(&stand.database_url()).await?;
    let url = stand.replicas.first().map(|it| it.process.url()).unwrap_or_default();
    let mut checks = Vec::new();
    {
        // All writers have ended: the model is done.
        let model = std::mem::take(&mut *shared.model());
        checks.extend(stored(&shared.http, &url, &mut database, &model).await?);
        *shared.model() = model;
    }
    checks.push(database.outbox().await?);
    checks.push(database.embedded().await?);
    if !arguments.without_qdrant {
        checks.push(index::check(&mut database, &stand.qdrant).await?);
    }
    // A crash of PostgreSQL resets its counters, and deadlocks cannot be distinguished from the effects of faults.
    if arguments.calm {
        checks.push(database.deadlocks().await?);
    }
    checks.push(log_check(stand.replicas.iter().map(|it| &it.process)));
    Ok(checks)
}

/// Compares acknowledged records with the API and the tables.
async fn stored(
    http: &reqwest::Client,
    url: &str,
    database: &mut Database,
    model: &Model,
) -> Result<Vec<Check>> {
    let mut comparison = model.compare();
    let (mut seen, mut totals) = (0, Vec::new());
    for kind in RecordType::ALL {
        let (read, total) = each(http, url, kind, |record| comparison.see(kind, record)).await?;
        let rows = database.count(kind).await?;
        if (read, total) != (rows, rows) {
            totals.push(Difference::Other(format!(
                "{kind}: the table has {rows} rows, the API lists {read} and gives the total {total}"
            )));
        }
        seen += read;
    }
    Ok(vec![
        Check {
            name: "acknowledged records, and no others, are stored once and as answered",
            looked_at: seen,
            differences: comparison.finish(),
        },
        Check { name: "lists and totals of the API match the tables", looked_at: seen, differences: totals },
    ])
}

/// Looks for what the logs must not have.
pub(super) fn log_check<'a>(processes: impl Iterator<Item = &'a Process>) -> Check {
    let mut check = Check {
        name: "the logs have no panic and no unexplained error",
        looked_at: 0,
        differences: Vec::new(),
    };
    for process in processes {
        let (path, log) = process.log();
        check.looked_at += u64::try_from(log.lines().count()).unwrap_or_default();
        let found = logs::suspicious(&log);
        check
            .differences
            .extend(found.into_iter().map(|line| Difference::Other(format!("{}: {line}", path.display()))));
    }
    check
}
