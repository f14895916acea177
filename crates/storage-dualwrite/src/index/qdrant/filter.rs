//! Conditions in Qdrant's words.

use std::collections::BTreeMap;

use qdrant_client::qdrant::{self, Filter, Range};

use super::payload::{DURATION_MS, START_TIME, VERSION};
use crate::index::{Condition, Point};

/// The filter of a search; `None` when nothing narrows it.
pub(super) fn of_search(conditions: &[Condition]) -> Option<Filter> {
    let mut filter = Filter::default();
    for condition in conditions {
        match condition {
            Condition::AnyOf { field, values } => {
                filter.must.push(qdrant::Condition::matches(field.name, values.clone()));
            }
            Condition::NoneOf { field, values } => {
                filter.must_not.push(qdrant::Condition::matches(field.name, values.clone()));
            }
            Condition::Absent { field, is_absent: true } => {
                filter.must.push(qdrant::Condition::is_empty(field.name));
            }
            Condition::Absent { field, is_absent: false } => {
                filter.must_not.push(qdrant::Condition::is_empty(field.name));
            }
            Condition::StartTime { since: None, until: None } => {}
            Condition::StartTime { since, until } => {
                let range = Range {
                    gte: since.map(|since| number(since.micros())),
                    lt: until.map(|until| number(until.micros())),
                    ..Range::default()
                };
                filter.must.push(qdrant::Condition::range(START_TIME, range));
            }
            Condition::DurationMs { min: None, max: None } => {
                filter.must_not.push(qdrant::Condition::is_empty(DURATION_MS));
            }
            Condition::DurationMs { min, max } => {
                let range = Range { gte: min.map(number), lte: max.map(number), ..Range::default() };
                filter.must.push(qdrant::Condition::range(DURATION_MS, range));
            }
        }
    }
    (filter != Filter::default()).then_some(filter)
}

/// The stored points that a batch may overwrite: those of an older version, and those without a version. Qdrant inserts
/// absent points in any case.
pub(super) fn of_update(points: &[&Point], id: impl Fn(&Point) -> u64) -> Filter {
    let mut versions: BTreeMap<i64, Vec<u64>> = BTreeMap::new();
    for point in points {
        versions.entry(point.record.updated_at.micros()).or_default().push(id(point));
    }
    Filter::must_not(versions.into_iter().map(|(version, ids)| {
        let not_older = Range { gte: Some(number(version)), ..Range::default() };
        Filter::must([qdrant::Condition::has_id(ids), qdrant::Condition::range(VERSION, not_older)]).into()
    }))
}

/// Qdrant compares in f64, which holds microseconds up to the year 2255 and any duration between stored times
/// exactly; a bound beyond that is rounded and stays beyond every stored value.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "exact below 2^53, see above")]
const fn number(value: i64) -> f64 {
    value as f64
}
