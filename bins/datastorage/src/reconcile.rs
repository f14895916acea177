//! `datastorage reconcile`: compares the vector index with the records, repairs it, or fills it anew.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use storage_breaker::BreakerSettings;
use storage_dualwrite::index::{GuardedIndex, IndexError, IndexIdentity, QdrantIndex, VectorIndex};
use storage_dualwrite::reconcile::{Mode, ReconcileError, ReconcileSettings, Reconciler, Report};
use storage_dualwrite::{Commits, Connector, embedding_set};
use storage_server::{Settings, telemetry};

use crate::command_line::{ReconcileArguments, SettingsArguments};
use crate::failure::Failure;

/// The run would have deleted too many points.
const TOO_MANY_DELETIONS: u8 = 3;

const TICK: Duration = Duration::from_millis(100);

pub(crate) async fn run(
    arguments: &SettingsArguments,
    action: ReconcileArguments,
) -> Result<ExitCode, Failure> {
    let settings = Settings::load_for_maintenance(&arguments.sources())?;
    telemetry::log::init(settings.log.format, &settings.log.level).context("cannot start the log")?;
    let connectors = settings.database.connectors().map_err(|error| Failure::unusable(&error))?;
    let index = index(&settings, &connectors.maintenance).await?;
    let given = settings.reconcile.to_reconciler();
    let given = ReconcileSettings { gap: action.gap.unwrap_or(given.gap), ..given };
    // The service's projector finds by polling what is enqueued here.
    let reconciler = Reconciler::new(connectors.maintenance, index, given, Arc::new(Commits::default()));
    let bar = bar();
    let on_progress = |records| bar.set_position(records);
    let outcome = if action.rebuild {
        reconciler.rebuild(&on_progress).await
    } else {
        let mode = if action.dry_run { Mode::DryRun } else { Mode::Repair { force: action.force } };
        reconciler.run(mode, &on_progress).await
    };
    bar.finish_and_clear();
    let report = outcome.map_err(|error| failure(&error))?;
    let text = if action.json { json(&report)? } else { table(&report) };
    std::io::stdout().lock().write_all(text.as_bytes()).context("cannot write")?;
    Ok(ExitCode::SUCCESS)
}

/// The outside index, which must be there and ours; `None` when none is configured.
async fn index(settings: &Settings, connector: &Connector) -> Result<Option<Arc<dyn VectorIndex>>, Failure> {
    let mut connection = connector.connect().await.map_err(|error| Failure::unreachable(&error))?;
    let Some(qdrant) = settings.qdrant.to_index().map_err(|error| Failure::unusable(&error))? else {
        return Ok(None);
    };
    let set = embedding_set::current(&mut connection).await.context("cannot read the embedding set")?;
    let set = set.context("nothing was ever embedded here: start the service once, then reconcile")?;
    let installation =
        embedding_set::installation(&mut connection).await.context("cannot read the installation's id")?;
    let index = QdrantIndex::new(&qdrant).map_err(|error| Failure::unusable(&error))?;
    let identity = IndexIdentity { installation, set };
    let guarded = GuardedIndex::new(Arc::new(index), identity, BreakerSettings::default());
    match guarded.check().await {
        Ok(()) => Ok(Some(Arc::new(guarded))),
        Err(error @ IndexError::Mismatch(_)) => Err(Failure::unusable(&error)),
        Err(error) => Err(Failure::unreachable(&error)),
    }
}

fn failure(error: &ReconcileError) -> Failure {
    match error {
        ReconcileError::TooManyDeletions(_) => Failure::with_code(error, TOO_MANY_DELETIONS),
        ReconcileError::Connect(_) => Failure::unreachable(error),
        ReconcileError::Index(index) if index.is_outage() => Failure::unreachable(error),
        ReconcileError::NoIndex | ReconcileError::Index(IndexError::Mismatch(_)) => Failure::unusable(error),
        _ => Failure::with_code(error, 1),
    }
}

/// On a terminal only.
fn bar() -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template("{spinner} {pos} records, {per_sec}, {elapsed}");
    let bar = ProgressBar::with_draw_target(None, target);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(TICK);
    bar
}

fn json(report: &Report) -> anyhow::Result<String> {
    Ok(serde_json::to_string(report)? + "\n")
}

fn table(report: &Report) -> String {
    let Report { records, points, drift, unremembered, parked, enqueued, deleted } = report;
    let rows = [
        ("records", records),
        ("points", points),
        ("missing", &drift.missing),
        ("phantom", &drift.phantom),
        ("stale", &drift.stale),
        ("beyond", unremembered),
        ("parked", parked),
        ("enqueued", enqueued),
        ("deleted", deleted),
    ];
    rows.map(|(name, count)| format!("{name:<10} {count:>12}\n")).concat()
}
