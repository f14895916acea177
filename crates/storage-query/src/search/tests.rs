//! Tests for the order of hits, and the SQL of a search as a golden file.

mod candidates;
mod fuse;

use proptest::prelude::*;
use storage_models::fields::{Members as _, Value};
use storage_models::{Embedding, Remediation, Timestamp};

use super::hits::{ranked, similarity};
use super::{LexicalQuery, NearestQuery, SearchRequest};
use crate::read::rows::Distant;
use crate::{AuditFilter as _, CheckedFilter, RemediationFilter};

pub(super) fn remediation(id: i64, start_time: &str) -> Remediation {
    let start_time: Timestamp = start_time.parse().unwrap();
    let made = Remediation::of_values(|name| match name {
        "id" => Value::Integer(id),
        "name" | "namespace" | "action_type" | "recorded_by" => Value::Text("".into()),
        "phase" | "status" => Value::Text("pending".into()),
        "start_time" | "created_at" | "updated_at" => Value::Time(start_time),
        _ => Value::Null,
    });
    made.unwrap()
}

fn found(id: i64, day: u32, distance: f64) -> Distant<Remediation> {
    Distant { record: remediation(id, &format!("2026-01-{day:02}T00:00:00Z")), distance }
}

fn ids(rows: Vec<Distant<Remediation>>, min_similarity: f64) -> Vec<i64> {
    ranked(rows, min_similarity).into_iter().map(|hit| hit.record.id).collect()
}

#[test]
fn ties_are_ordered_newest_first() {
    let rows = vec![
        found(1, 1, 0.3),
        found(2, 2, 0.300_000_9),
        found(3, 3, 0.300_002),
        found(9, 5, 0.1),
        found(8, 5, 0.1),
        found(7, 6, 0.100_000_5),
        found(4, 4, f64::NAN),
    ];
    assert_eq!(ids(rows, 0.0), [7, 9, 8, 2, 1, 3, 4]);
}

#[test]
fn hits_below_the_wanted_similarity_are_left_out() {
    let rows = || vec![found(1, 1, 0.2), found(2, 1, 0.5), found(3, 1, 0.500_001_1), found(4, 1, f64::NAN)];
    assert_eq!(ids(rows(), 0.5), [1, 2]);
    assert_eq!(ids(rows(), 0.0), [1, 2, 3, 4]);
    assert_eq!(ids(rows(), 1.0), [0_i64; 0]);
    assert_eq!(ids(vec![], 0.0), [0_i64; 0]);
}

#[test]
fn similarity_is_one_minus_distance_within_its_range() {
    for (distance, expected) in
        [(0.0, 1.0), (0.25, 0.75), (1.0, 0.0), (2.0, 0.0), (-1e-9, 1.0), (f64::NAN, 0.0)]
    {
        assert_eq!(similarity(distance).to_bits(), f64::to_bits(expected), "{distance}");
    }
}

proptest! {
    #[test]
    fn ranking_loses_nothing_and_never_puts_a_farther_group_first(
        distances in prop::collection::vec((0_u32..50, 1_u32..28), 0..40)
    ) {
        let rows: Vec<_> = distances.iter().zip(1..)
            .map(|((steps, day), id)| found(id, *day, f64::from(*steps) * 4e-7)).collect();
        let hits = ranked(rows, 0.0);
        prop_assert_eq!(hits.len(), distances.len());
        for pair in hits.windows(2) {
            prop_assert!(pair[1].similarity - pair[0].similarity <= 1e-6 + 1e-12);
        }
    }
}

#[test]
fn golden_sql_of_a_search() {
    let mut values = vec![0.0; Embedding::DIMENSION];
    values[0] = 1.0;
    let vector = Embedding::new(values).unwrap();
    let filter = RemediationFilter::default().namespace("prod").check(Timestamp::now()).unwrap();
    let query = NearestQuery::new(vector, filter, SearchRequest::default());
    let (index, exact) = (query.to_sql(), query.to_exact_sql());
    assert_eq!((index.binds.len(), exact.binds.len()), (4, 3));
    insta::assert_snapshot!(
        "nearest",
        format!(
            "-- settings\n{}\n\n-- along the index\n{}\n\n-- exact\n{}\n",
            NearestQuery::SETTINGS,
            index.text,
            exact.text
        )
    );
}

/// F19: what PostgreSQL could not take is refused by name.
#[test]
fn a_text_that_cannot_be_searched_for_is_refused() {
    let refused = |words: &str| {
        let query = LexicalQuery::new(words, CheckedFilter::default(), SearchRequest::default());
        query.err().map(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    };
    assert_eq!(refused(&"ä".repeat(1_000)), None);
    assert_eq!(refused(&"a".repeat(1_001)).as_deref(), Some("q has a value of more than 1000 characters"));
    assert_eq!(refused("a\0b").as_deref(), Some("q contains the character NUL"));
}

/// The side of the meaning looks for more than the limit; that of the words does too (`lexical::tests`).
#[test]
fn a_fusion_wants_four_times_the_limit_and_at_least_fifty() {
    for (limit, candidates) in [(1, 50), (12, 50), (13, 52), (100, 400)] {
        assert_eq!(SearchRequest::new(limit, 0.0).unwrap().candidates(), candidates);
    }
    let request = SearchRequest::new(20, 0.0).unwrap();
    let vector = Embedding::new(vec![0.5; Embedding::DIMENSION]).unwrap();
    let by_meaning = NearestQuery::new(vector, CheckedFilter::default(), request).for_fusion();
    assert_eq!(by_meaning.to_sql().binds.last(), Some(&crate::Bind::BigInt(80)));
}
