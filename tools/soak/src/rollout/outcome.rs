//! What came of a rollout: the counts of each phase, and whether every acknowledged record is there and can be found.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;
use storage_models::RecordType;

use super::load::{Load, Phase, Seen, Tally};
use super::stand::Stand;
use crate::check::{self, Check, Database};
use crate::model::Difference;
use crate::progress::answer;

/// Acknowledged records that are searched for by name, spread over all.
const SEARCHED: usize = 20;

/// Prints everything; whether all is well.
pub(super) async fn print(stand: &Stand, load: &Load) -> Result<bool> {
    let rested = check::rest(&stand.database_url(), Some(&stand.qdrant)).await?;
    let seen = std::mem::take(&mut *load.seen());
    answer("what happened          writes    reads   failed       p50       p99");
    for (phase, tally) in &seen.phases {
        tell(*phase, tally);
    }
    answer(&format!(
        "{} records acknowledged; the outbox was empty after {:.1} s",
        seen.acknowledged.len(),
        rested.as_secs_f64()
    ));
    let checks = checks(stand, &seen).await?;
    answer("\ncheck                                                             looked at  result");
    for check in &checks {
        let result = if check.differences.is_empty() { "ok" } else { "WRONG" };
        answer(&format!("{:<64} {:>10}  {result}", check.name, check.looked_at));
        check.differences.iter().take(10).for_each(|it| answer(&format!("  {it}")));
    }
    Ok(checks.iter().all(|it| it.differences.is_empty()))
}

fn tell(phase: Phase, tally: &Tally) {
    let mut latencies = tally.latencies.clone();
    latencies.sort_unstable();
    let part = |percent: usize| {
        let place = (latencies.len() * percent / 100).min(latencies.len().saturating_sub(1));
        latencies.get(place).map_or(0.0, |it: &Duration| it.as_secs_f64() * 1e3)
    };
    answer(&format!(
        "{:<20} {:>8} {:>8} {:>8} {:>6.1} ms {:>6.1} ms",
        phase.name(),
        tally.writes,
        tally.reads,
        tally.failures.values().sum::<u64>(),
        part(50),
        part(99),
    ));
    for (failure, count) in &tally.failures {
        answer(&format!("  {count} × {failure}"));
    }
}

async fn checks(stand: &Stand, seen: &Seen) -> Result<Vec<Check>> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let url = stand.balancer.url();
    let mut database = Database::connect(&stand.database_url()).await?;
    Ok(vec![
        failed(seen),
        stored(&http, &url, seen).await?,
        found(&http, &url, seen).await?,
        database.outbox().await?,
        database.embedded().await?,
        check::check_index(&mut database, &stand.qdrant).await?,
        check::log_check(stand.replicas.iter()),
    ])
}

/// Only a kill may fail requests.
fn failed(seen: &Seen) -> Check {
    let phases = seen.phases.iter().filter(|(phase, _)| **phase != Phase::Kill);
    let mut check = Check {
        name: "no request failed but for the kill",
        looked_at: phases.clone().map(|(_, tally)| tally.writes + tally.reads).sum(),
        differences: Vec::new(),
    };
    for (phase, tally) in phases {
        let failures = tally.failures.iter();
        let failures = failures.map(|(failure, count)| format!("{}: {count} × {failure}", phase.name()));
        check.differences.extend(failures.map(Difference::Other));
    }
    check
}

/// Every acknowledged record is listed under its id, and no record twice.
async fn stored(http: &reqwest::Client, url: &str, seen: &Seen) -> Result<Check> {
    let mut listed = BTreeMap::new();
    let mut doubled = Vec::new();
    let mut names = BTreeSet::new();
    check::each(http, url, RecordType::Remediation, |record| {
        let id = record.get("id").and_then(Value::as_i64).unwrap_or_default();
        let name = record.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        if !names.insert(name.clone()) {
            doubled.push(Difference::Other(format!("{name} is stored twice")));
        }
        listed.insert(id, name);
    })
    .await?;
    let lost = seen.acknowledged.iter().filter(|(id, name)| listed.get(id) != Some(name));
    let lost =
        lost.map(|(id, name)| Difference::Other(format!("{id} ({name}) was acknowledged and is lost")));
    let strange = listed
        .iter()
        .filter(|(id, name)| !seen.acknowledged.contains_key(id) && !seen.given_up.contains(*name));
    let strange = strange.map(|(id, name)| Difference::Other(format!("{id} ({name}) was not acknowledged")));
    Ok(Check {
        name: "every acknowledged record is stored once, and no other",
        looked_at: u64::try_from(seen.acknowledged.len())?,
        differences: lost.chain(strange).chain(doubled).collect(),
    })
}

/// Records are found by their names.
async fn found(http: &reqwest::Client, url: &str, seen: &Seen) -> Result<Check> {
    let step = (seen.acknowledged.len() / SEARCHED).max(1);
    let mut check =
        Check { name: "acknowledged records are found by name", looked_at: 0, differences: Vec::new() };
    for (id, name) in seen.acknowledged.iter().step_by(step) {
        let path = format!("{url}/api/v1/audit/search?q={name}&mode=lexical&limit=5");
        let found: Value = http.get(path).send().await?.json().await?;
        let results = found.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
        check.looked_at += 1;
        if !results.iter().any(|it| it.to_string().contains(&format!("\"{name}\""))) {
            check.differences.push(Difference::Other(format!("{id} ({name}) is not found: {found}")));
        }
    }
    Ok(check)
}
