//! Both stores side by side, range by range, so that memory does not grow with them.

use std::collections::VecDeque;

use super::records::{RecordState, Records};
use super::{Difference, ReconcileError, merge};
use crate::index::{PointVersion, VectorIndex};

/// One side: what was read of it and not compared yet, in ascending order of id.
#[derive(Debug)]
struct Side<T> {
    read: VecDeque<T>,
    last: Option<i64>,
    is_over: bool,
}

impl<T> Default for Side<T> {
    fn default() -> Self {
        Self { read: VecDeque::new(), last: None, is_over: false }
    }
}

impl<T> Side<T> {
    fn needs_more(&self) -> bool {
        self.read.is_empty() && !self.is_over
    }

    /// Takes a page; one that is not full is the last.
    fn take(&mut self, page: Vec<T>, limit: usize, id: impl Fn(&T) -> i64) {
        self.is_over = page.len() < limit;
        self.last = page.last().map(&id).or(self.last);
        self.read.extend(page);
    }

    /// Up to which id everything was read; none when that is all there is.
    fn horizon(&self) -> Option<i64> {
        if self.is_over { None } else { self.last }
    }

    /// Takes what lies at or below the cut out.
    fn up_to(&mut self, cut: Option<i64>, id: impl Fn(&T) -> i64) -> Vec<T> {
        let Some(cut) = cut else { return self.read.drain(..).collect() };
        let end = self.read.partition_point(|one| id(one) <= cut);
        self.read.drain(..end).collect()
    }
}

/// One range of ids of both stores.
#[derive(Debug, Default)]
pub(super) struct Range {
    pub(super) differences: Vec<Difference>,
    pub(super) records: u64,
    pub(super) points: u64,
}

/// A walk over both stores.
#[derive(Debug, Default)]
pub(super) struct Streams {
    records: Side<RecordState>,
    points: Side<PointVersion>,
}

impl Streams {
    /// The next range; `None` at the end. Without an index PostgreSQL is the index.
    pub(super) async fn next(
        &mut self,
        records: &mut Records,
        index: Option<&dyn VectorIndex>,
        page: usize,
    ) -> Result<Option<Range>, ReconcileError> {
        if self.points.needs_more() {
            match index {
                Some(index) => self.points.take(index.page(self.points.last, page).await?, page, point_id),
                None => self.points.is_over = true,
            }
        }
        if self.records.needs_more() {
            let limit = i64::try_from(page).unwrap_or(i64::MAX);
            let after = self.records.last.unwrap_or(i64::MIN);
            self.records.take(records.page(after, limit).await?, page, record_id);
        }
        if self.records.read.is_empty() && self.points.read.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.cut(index.is_some())))
    }

    /// Compares what was read of both sides: up to where the one that was read less far has come.
    fn cut(&mut self, has_index: bool) -> Range {
        let horizons = [self.records.horizon(), self.points.horizon()];
        let cut = horizons.into_iter().flatten().min();
        let records = self.records.up_to(cut, record_id);
        let points = self.points.up_to(cut, point_id);
        Range {
            records: count(records.len()),
            points: count(points.len()),
            differences: compare(&records, points, has_index),
        }
    }
}

/// The differences of records and points. A record whose words or vector PostgreSQL does not hold is held by no store
/// fully, also if the index has it (F09).
pub(super) fn compare(
    records: &[RecordState],
    points: Vec<PointVersion>,
    has_index: bool,
) -> Vec<Difference> {
    let versions: Vec<PointVersion> = records.iter().map(|record| record.version).collect();
    let is_behind = |point: &PointVersion| {
        let found = records.binary_search_by_key(&point.record_id, record_id);
        let record = found.ok().and_then(|place| records.get(place));
        record.is_some_and(|record| !record.is_projected && record.version == *point)
    };
    let held: Vec<PointVersion> = if has_index {
        points.into_iter().filter(|point| !is_behind(point)).collect()
    } else {
        records.iter().filter(|record| record.is_projected).map(|record| record.version).collect()
    };
    merge(&versions, &held)
}

const fn record_id(record: &RecordState) -> i64 {
    record.version.record_id
}

const fn point_id(point: &PointVersion) -> i64 {
    point.record_id
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{RecordState, Streams, compare};
    use crate::index::PointVersion;
    use crate::reconcile::merge;
    use crate::tests::index_support::instant;

    fn version((record_id, version): (&i64, &i64)) -> PointVersion {
        PointVersion { record_id: *record_id, version: instant(*version) }
    }

    /// Feeds both sides page by page, as the stores would.
    fn in_pages(records: &[RecordState], points: &[PointVersion], page: usize) -> Vec<super::Difference> {
        let (mut streams, mut found) = (Streams::default(), Vec::new());
        let (mut unread_records, mut unread_points) = (records, points);
        loop {
            if streams.points.needs_more() {
                let (next, rest) = unread_points.split_at(page.min(unread_points.len()));
                unread_points = rest;
                streams.points.take(next.to_vec(), page, super::point_id);
            }
            if streams.records.needs_more() {
                let (next, rest) = unread_records.split_at(page.min(unread_records.len()));
                unread_records = rest;
                streams.records.take(next.to_vec(), page, super::record_id);
            }
            if streams.records.read.is_empty() && streams.points.read.is_empty() {
                return found;
            }
            found.extend(streams.cut(true).differences);
        }
    }

    proptest! {
        /// However the pages fall, the differences are those of the whole.
        #[test]
        fn pages_change_nothing(
            records in prop::collection::btree_map(0..60_i64, 0..3_i64, 0..40),
            points in prop::collection::btree_map(0..60_i64, 0..3_i64, 0..40),
            page in 1..12_usize,
        ) {
            let states: Vec<RecordState> =
                records.iter().map(|it| RecordState { version: version(it), is_projected: true }).collect();
            let versions: Vec<PointVersion> = records.iter().map(version).collect();
            let points: Vec<PointVersion> = points.iter().map(version).collect();
            prop_assert_eq!(in_pages(&states, &points, page), merge(&versions, &points));
        }
    }

    /// F09: a record without its vector is missing, whether the index has it or there is none.
    #[test]
    fn a_record_without_its_vector_is_missing() {
        let state = |id, is_projected| RecordState { version: version((&id, &1)), is_projected };
        let records = [state(1, true), state(2, false)];
        let points = vec![version((&1, &1)), version((&2, &1))];
        for (points, has_index) in [(points, true), (Vec::new(), false)] {
            let found = compare(&records, points, has_index);
            assert_eq!(found.iter().map(|it| (it.record_id, it.point)).collect::<Vec<_>>(), [(2, None)]);
        }
    }
}
