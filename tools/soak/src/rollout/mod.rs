//! Three replicas behind a balancer under a steady load: restarted one by one, upgraded and rolled back where there is an
//! earlier version, and one of them killed.

mod balancer;
mod load;
mod outcome;
mod stand;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::Instant;

use super::arguments::RolloutArguments;
use super::logs;
use crate::progress::say;
use load::{Load, Phase};
use stand::Stand;

/// How long the load goes on before, between and after the phases.
const CALM: Duration = Duration::from_secs(3);

/// Runs it; fails when a request failed that should not have, or when a record is lost.
pub(super) async fn run(arguments: &RolloutArguments) -> Result<ExitCode> {
    let logs = logs::directory("rollout")?;
    let started = Instant::now();
    let mut stand = Stand::set_up(arguments.previous.as_deref(), &logs).await?;
    say(&format!("three replicas after {:.1} s", started.elapsed().as_secs_f64()));
    let load = Load::new(&stand.balancer.url(), arguments)?;
    let phases = async {
        let outcome = go_through(&mut stand, arguments, &load).await;
        load.end();
        outcome
    };
    let ((), outcome) = tokio::join!(load.run(), phases);
    outcome?;
    let is_well = outcome::print(&stand, &load).await?;
    drop(stand);
    logs::finish(is_well, &logs)
}

/// Each phase, while the load runs.
async fn go_through(stand: &mut Stand, arguments: &RolloutArguments, load: &Load) -> Result<()> {
    begin(load, Phase::Calm).await;
    if let Some(previous) = &arguments.previous {
        load.begin(Phase::Upgrade);
        let current = stand.current.clone();
        stand.prepare_database(&current).await?;
        stand.replace_all(&current).await?;
        begin(load, Phase::Calm).await;
        load.begin(Phase::RollBack);
        stand.replace_all(previous).await?;
    } else {
        load.begin(Phase::Restart);
        let current = stand.current.clone();
        stand.replace_all(&current).await?;
    }
    begin(load, Phase::Calm).await;
    load.begin(Phase::Kill);
    let cut = stand.kill_the_busiest().await?;
    ensure!(cut > 0, "the replica that was killed had no connection");
    tokio::time::sleep(CALM).await;
    Ok(())
}

async fn begin(load: &Load, phase: Phase) {
    load.begin(phase);
    tokio::time::sleep(CALM).await;
}
