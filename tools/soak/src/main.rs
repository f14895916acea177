//! Random writes under random faults, against a reference model.
//!
//! It starts its own PostgreSQL, Redis, Qdrant and replicas of the service, runs clients against them while it kills,
//! freezes and cuts off one after the other, then ends all faults, and compares the stored records with the answers.
//! The seed decides requests and faults, but not how they coincide.

mod arguments;
mod calm;
mod chaos;
mod check;
mod clients;
mod logs;
mod model;
mod progress;
mod records;
mod rollout;
mod stand;
mod summary;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use crate::progress::say;
use arguments::{Arguments, Run};
use chaos::Faults;
use clients::{Client, Shared};
use stand::Stand;

/// How long unknown requests may take to be settled once all is well.
const SETTLE_BOUND: Duration = Duration::from_secs(60);
/// How long clients may take to end, beyond the end of the run: their longest patience.
const CLIENTS_BOUND: Duration = Duration::from_secs(60);
#[tokio::main]
async fn main() -> ExitCode {
    match Box::pin(run(&Arguments::parse())).await {
        Ok(code) => code,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs it; fails when a check does.
async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut terminated = signal(SignalKind::terminate())?;
    // Whichever comes first, what was started is ended by dropping it.
    let work = async {
        choose_tls();
        match &arguments.run {
            Some(Run::Rollout(arguments)) => rollout::run(arguments).await,
            None => soak(arguments).await,
        }
    };
    tokio::select! {
        outcome = work => outcome,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        _ = terminated.recv() => bail!("terminated"),
    }
}

async fn soak(arguments: &Arguments) -> Result<ExitCode> {
    let seed = arguments.seed.unwrap_or_else(|| rand::rng().random_range(0..1_000_000));
    say(&format!("seed {seed}"));
    let logs = logs::directory(&seed.to_string())?;
    let mut stand = Stand::set_up(arguments, &logs).await?;
    let lasts = Duration::try_from_secs_f64(arguments.minutes * 60.0)?;
    let (started, faults) = (Instant::now(), Faults::default());
    let until = started + lasts;
    let urls = stand.replicas.iter().map(|it| it.process.url()).collect();
    let shared = Shared::new(urls, until, !arguments.without_qdrant)?;

    load(&mut stand, &shared, &faults, arguments, seed).await?;
    let lasted = started.elapsed();
    say("healing");
    chaos::heal(&mut stand).await?;
    let mut rng = StdRng::seed_from_u64(seed);
    let settled = shared.settle_all(&mut rng, Instant::now() + SETTLE_BOUND).await;
    let qdrant = (!arguments.without_qdrant).then_some(&stand.qdrant);
    let rested = check::rest(&stand.database_url(), qdrant).await?;
    let checks = check::all(&stand, &shared, arguments).await?;
    let facts = summary::Facts {
        seed,
        replicas: arguments.replicas.into(),
        lasted,
        requests: &shared.counts(),
        faults: &faults,
        records: shared.model().counts(),
        settled,
        rested,
    };
    let is_well = summary::print(&facts, &checks);
    drop(stand);
    logs::finish(is_well, &logs)
}

/// Clients and faults, side by side.
async fn load(
    stand: &mut Stand,
    shared: &Shared,
    faults: &Faults,
    arguments: &Arguments,
    seed: u64,
) -> Result<()> {
    let pause = Duration::from_millis(arguments.pause);
    let clients = (0..arguments.clients).map(|number| Client::new(shared, seed, number, pause).run());
    let clients = futures_util::future::join_all(clients);
    let events = async {
        if arguments.calm {
            calm::run(stand, shared.until, faults).await
        } else {
            chaos::run(stand, seed, shared.until, faults).await
        }
    };
    let work = async {
        let clients = tokio::time::timeout_at(shared.until + CLIENTS_BOUND, clients);
        let (clients, events) = tokio::join!(clients, events);
        clients.context("the clients did not end in time")?;
        events
    };
    tokio::select! {
        outcome = work => outcome,
        never = show_progress(shared, faults) => never,
    }
}

/// Moves a bar along; never ends.
async fn show_progress(shared: &Shared, faults: &Faults) -> Result<()> {
    let whole = shared.until.saturating_duration_since(Instant::now());
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} s, {msg}")?;
    let bar = ProgressBar::new(whole.as_secs()).with_style(style);
    let mut second = tokio::time::interval(Duration::from_secs(1));
    loop {
        second.tick().await;
        let left = shared.until.saturating_duration_since(Instant::now());
        bar.set_position(whole.saturating_sub(left).as_secs());
        bar.set_message(format!("{} records, {} faults", shared.model().len(), faults.total()));
    }
}

/// The HTTP client wants a provider even for addresses without TLS.
fn choose_tls() {
    // Somebody else may have been first, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
