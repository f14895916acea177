//! A worker that panics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use storage_models::Remediation;

use crate::tests::projector::{EMBEDDED, OUTBOX, Scripted, quick, start, vector_of};
use crate::tests::support::{Bench, until};

/// Counts panics of tasks, and panics itself when it is first told how long a record has waited for its vector.
struct Trap {
    is_set: AtomicBool,
    panics: Arc<AtomicU64>,
}

impl Recorder for Trap {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match key.name() {
            "datastorage_task_panics_total" => Counter::from_arc(Arc::clone(&self.panics)),
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        let is_lag = key.name() == "datastorage_projection_lag_seconds";
        assert!(!(is_lag && self.is_set.swap(false, Ordering::Relaxed)), "asked for");
        Histogram::noop()
    }
}

/// F62: a worker that panics is counted, comes back, and projects what is written afterwards.
#[tokio::test]
async fn a_worker_that_panicked_comes_back_and_projects() {
    let panics = Arc::new(AtomicU64::new(0));
    let trap = Trap { is_set: AtomicBool::new(true), panics: Arc::clone(&panics) };
    let _guard = metrics::set_default_local_recorder(&trap);
    let bench = Bench::new().await;
    let _projector = start(&bench, Arc::new(Scripted(|r: &Remediation| Ok(vector_of(r)))), &quick()).await;
    bench.remediation("before").await;
    until(&bench, OUTBOX, 0).await;
    bench.remediation("after").await;
    until(&bench, EMBEDDED, 2).await;
    assert_eq!(panics.load(Ordering::Relaxed), 1);
}
