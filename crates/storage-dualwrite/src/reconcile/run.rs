//! One run: two passes over both stores, and the repair of what both have seen.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::records::Records;
use super::stream::{Streams, compare};
use super::{Difference, Drift, DriftKind, Pass, ReconcileError, Report, Suspects, check_deletions};
use crate::index::{Point, VectorIndex};
use crate::{Commits, Connector};

/// The most differences of a pass that a run remembers and repairs; the next run continues. Further differences are
/// counted, and a run that has any deletes nothing.
const MAX_DIFFERENCES: usize = 200_000;

/// Differences that are confirmed and repaired together.
const CHUNK: usize = 1_000;

/// How the reconciler works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReconcileSettings {
    /// The time between the two passes of a run: at least twice the longest write deadline, so that a write on its way
    /// is not taken for drift.
    pub gap: Duration,
    /// Records and points read at once.
    pub page: usize,
}

/// The actions of a run on the differences that it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nothing.
    DryRun,
    /// It repairs.
    Repair {
        /// Also when that deletes more points than a run may delete by itself.
        force: bool,
    },
}

/// Where a run is: the last id that was compared or copied, and how many records that were.
pub type OnProgress<'a> = &'a (dyn Fn(u64) + Sync);

/// Compares the records with the stores derived from them, and repairs.
#[derive(Debug, Clone)]
pub struct Reconciler {
    connector: Connector,
    index: Option<Arc<dyn VectorIndex>>,
    settings: ReconcileSettings,
    committed: Arc<Commits>,
    /// Differences of one pass that are remembered.
    remembered: usize,
}

/// The findings of one pass.
#[derive(Debug, Default)]
struct Found {
    /// Those that are remembered.
    differences: Vec<Difference>,
    /// How many points a repair of all would delete.
    deletions: u64,
    report: Report,
}

impl Found {
    /// Remembers a difference if there is room, and counts it in any case.
    fn add(&mut self, difference: Difference, room: usize) {
        self.deletions += u64::from(is_deleted(&difference));
        if self.differences.len() < room {
            self.differences.push(difference);
        } else {
            self.report.unremembered += 1;
        }
    }
}

impl Reconciler {
    /// A reconciler of this database and this index; without one, of the vectors in PostgreSQL. `committed` is what wakes the
    /// projector of this process, if it has one.
    #[must_use]
    pub fn new(
        connector: Connector,
        index: Option<Arc<dyn VectorIndex>>,
        settings: ReconcileSettings,
        committed: Arc<Commits>,
    ) -> Self {
        Self { connector, index, settings, committed, remembered: MAX_DIFFERENCES }
    }

    /// The same, with room for this number of differences.
    #[cfg(test)]
    pub(crate) const fn remembering(mut self, differences: usize) -> Self {
        self.remembered = differences;
        self
    }

    /// One run, on one connection that holds the lock.
    ///
    /// # Errors
    /// See [`ReconcileError`].
    pub async fn run(&self, mode: Mode, on_progress: OnProgress<'_>) -> Result<Report, ReconcileError> {
        let mut records = self.locked().await?;
        let outcome = self.run_locked(&mut records, mode, on_progress).await;
        unlocked(records, outcome).await
    }

    async fn run_locked(
        &self,
        records: &mut Records,
        mode: Mode,
        on_progress: OnProgress<'_>,
    ) -> Result<Report, ReconcileError> {
        let mut suspects = Suspects::new(self.settings.gap);
        let (pass, first) = self.pass(records, on_progress).await?;
        suspects.observe(pass, &first.differences);
        if first.differences.is_empty() {
            return Ok(first.report);
        }
        tokio::time::sleep(self.settings.gap).await;
        let (pass, second) = self.pass(records, on_progress).await?;
        let agreed = suspects.observe(pass, &second.differences);
        let mut report = Report { drift: Drift::of(&agreed), ..second.report };
        if let Mode::Repair { force } = mode {
            if !force {
                // Those that only one pass has seen count where not all could be remembered.
                let seen_twice = agreed.iter().filter(|it| is_deleted(it)).count();
                let seen_twice = u64::try_from(seen_twice).unwrap_or(u64::MAX);
                let deletions = if report.unremembered > 0 { second.deletions } else { seen_twice };
                check_deletions(deletions, report.points, report.unremembered)?;
            }
            for chunk in agreed.chunks(CHUNK) {
                self.repair(records, chunk, &mut report).await?;
            }
        }
        Ok(report)
    }

    async fn locked(&self) -> Result<Records, ReconcileError> {
        Records::lock(&self.connector).await?.ok_or(ReconcileError::Busy)
    }

    async fn pass(
        &self,
        records: &mut Records,
        on_progress: OnProgress<'_>,
    ) -> Result<(Pass, Found), ReconcileError> {
        let began = Instant::now();
        let mut streams = Streams::default();
        let mut found = Found::default();
        while let Some(range) = streams.next(records, self.index.as_deref(), self.settings.page).await? {
            found.report.records += range.records;
            found.report.points += range.points;
            let ids = range.differences.iter().map(|it| it.record_id).collect();
            let waiting = records.waiting(ids).await?;
            found.report.parked += waiting.values().filter(|is_parked| **is_parked).map(|_| 1).sum::<u64>();
            for difference in range.differences {
                if !waiting.contains_key(&difference.record_id) {
                    found.add(difference, self.remembered);
                }
            }
            on_progress(found.report.records);
        }
        Ok((Pass { began, ended: Instant::now() }, found))
    }

    /// Acts on the differences that a last look confirms.
    async fn repair(
        &self,
        records: &mut Records,
        agreed: &[Difference],
        report: &mut Report,
    ) -> Result<(), ReconcileError> {
        let ids: Vec<i64> = agreed.iter().map(|it| it.record_id).collect();
        let mut points = match &self.index {
            Some(index) => index.versions(&ids).await?,
            None => Vec::new(),
        };
        points.sort_unstable();
        let states = records.these(ids.clone()).await?;
        let waiting = records.waiting(ids).await?;
        let mut now = compare(&states, points, self.index.is_some());
        now.retain(|it| agreed.contains(it) && !waiting.contains_key(&it.record_id));
        let doomed: Vec<i64> = now.iter().filter(|it| is_deleted(it)).map(|it| it.record_id).collect();
        if let (Some(index), false) = (&self.index, doomed.is_empty()) {
            index.delete(&doomed).await?;
            report.deleted += u64::try_from(doomed.len()).unwrap_or(u64::MAX);
        }
        let missing = now.iter().filter(|it| it.record.is_some()).map(|it| it.record_id).collect();
        report.enqueued += records.enqueue(missing).await?;
        self.committed.notify();
        Ok(())
    }

    /// Fills the index from PostgreSQL: copies the vectors that are there, and puts the records without one into the
    /// outbox. May be interrupted and run again: what the index holds in this version or a newer one it keeps.
    ///
    /// # Errors
    /// See [`ReconcileError`].
    pub async fn rebuild(&self, on_progress: OnProgress<'_>) -> Result<Report, ReconcileError> {
        let index = self.index.as_deref().ok_or(ReconcileError::NoIndex)?;
        let mut records = self.locked().await?;
        let outcome = self.rebuild_locked(&mut records, index, on_progress).await;
        unlocked(records, outcome).await
    }

    async fn rebuild_locked(
        &self,
        records: &mut Records,
        index: &dyn VectorIndex,
        on_progress: OnProgress<'_>,
    ) -> Result<Report, ReconcileError> {
        let limit = i64::try_from(self.settings.page).unwrap_or(i64::MAX);
        let mut report = Report::default();
        let mut after = i64::MIN;
        loop {
            let page = records.vectors(after, limit).await?;
            let Some((last, ..)) = page.last() else { return Ok(report) };
            after = last.id;
            report.records += u64::try_from(page.len()).unwrap_or(u64::MAX);
            let (mut points, mut without) = (Vec::with_capacity(page.len()), Vec::new());
            for (record, embedding, incident_key) in page {
                match embedding.zip(incident_key) {
                    Some((embedding, incident_key)) => {
                        points.push(Point { record, embedding, incident_key });
                    }
                    None => without.push(record.id),
                }
            }
            index.upsert(&points).await?;
            report.points += u64::try_from(points.len()).unwrap_or(u64::MAX);
            report.enqueued += records.enqueue(without).await?;
            self.committed.notify();
            on_progress(report.records);
        }
    }
}

/// The outcome of a run, whose lock is free by then. A connection that failed is left to its end, which frees it as well.
async fn unlocked(
    records: Records,
    outcome: Result<Report, ReconcileError>,
) -> Result<Report, ReconcileError> {
    if !matches!(outcome, Err(ReconcileError::Database(_))) {
        records.unlock().await;
    }
    outcome
}

/// Whether the repair removes a point.
fn is_deleted(difference: &Difference) -> bool {
    difference.kind() == Some(DriftKind::Phantom) || difference.is_ahead()
}
