//! Compares the stores with the records now and then, and repairs what differs.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use storage_dualwrite::reconcile::{Drift, Mode, ReconcileError, Reconciler, Report};
use storage_models::Timestamp;

use crate::health::{Compared, Health};
use crate::settings::ReconcileSection;
use crate::telemetry::{chain, metrics as names};

/// Runs until dropped.
pub(in crate::life) async fn keep(reconciler: Reconciler, settings: ReconcileSection, health: Arc<Health>) {
    loop {
        tokio::time::sleep(settings.interval).await;
        let outcome = reconciler.run(Mode::Repair { force: false }, &|_| {}).await;
        if let Ok(Report { drift, .. }) = &outcome {
            health.note_compared(Compared { drift: *drift, at: Timestamp::now() });
        }
        tell(&outcome);
    }
}

fn tell(outcome: &Result<Report, ReconcileError>) {
    match outcome {
        Ok(report) => {
            show(report.drift);
            set(names::RECONCILE_STOPPED, 0.0);
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            set(names::RECONCILE_LAST, now.as_secs_f64());
            if report.drift != Drift::default() {
                let Report { drift, enqueued, deleted, .. } = report;
                tracing::warn!(
                    missing = drift.missing,
                    phantom = drift.phantom,
                    stale = drift.stale,
                    enqueued,
                    deleted,
                    "the stores differed from the records; what differed is being repaired"
                );
            }
        }
        // One of the replicas does it for all.
        Err(ReconcileError::Busy) => tracing::debug!("another replica reconciles"),
        Err(error @ ReconcileError::TooManyDeletions(_)) => {
            set(names::RECONCILE_STOPPED, 1.0);
            tracing::error!(error = chain(error), "the repair of the vector index stopped");
        }
        Err(error) => {
            tracing::warn!(
                error = chain(error),
                "the stores could not be compared; the next run tries again"
            );
        }
    }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "counts of records, far below 2^53")]
fn show(drift: Drift) {
    for (kind, records) in [("missing", drift.missing), ("phantom", drift.phantom), ("stale", drift.stale)] {
        metrics::gauge!(names::VECTOR_DRIFT, "kind" => kind).set(records as f64);
    }
}

fn set(name: &'static str, value: f64) {
    metrics::gauge!(name).set(value);
}
