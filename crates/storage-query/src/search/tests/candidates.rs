//! Search through an outside index: what is asked of it, and what is made of its answers.

use std::convert::Infallible;
use std::sync::Mutex;

use storage_models::Embedding;

use super::remediation;
use crate::{
    Candidate, CandidateError, CandidateSource, CheckedFilter, Hit, Nearest, RemediationFilter, Scan,
    SearchRequest, candidates,
};

/// An index of the records 1, 2, 3, …, each a little less similar than the one before it.
struct Index {
    size: u32,
    asked: Mutex<Vec<usize>>,
}

impl Index {
    fn of(size: u32) -> Self {
        Self { size, asked: Mutex::default() }
    }

    fn asked(&self) -> Vec<usize> {
        self.asked.lock().unwrap().clone()
    }
}

impl CandidateSource for Index {
    type Error = Infallible;

    async fn nearest(
        &self,
        _: &Embedding,
        _: &CheckedFilter<RemediationFilter>,
        limit: usize,
    ) -> Result<Vec<Candidate>, Infallible> {
        self.asked.lock().unwrap().push(limit);
        let all =
            (1..=self.size).map(|id| Candidate { id: id.into(), similarity: 1.0 - f64::from(id) / 1_000.0 });
        Ok(all.take(limit).collect())
    }
}

/// Searches where the database has only those records that `is_there`, each with a vector of its own; gives their ids and
/// those that were read each time.
async fn search(
    index: &Index,
    limit: i64,
    min_similarity: f64,
    is_there: impl Fn(i64) -> bool,
) -> (Vec<i64>, Vec<Vec<i64>>) {
    let vector = Embedding::new(vec![0.5; Embedding::DIMENSION]).unwrap();
    let request = SearchRequest::new(limit, min_similarity).unwrap();
    let mut read_ids = Vec::new();
    let read = async |ids: Vec<i64>| -> Result<Nearest, Infallible> {
        read_ids.push(ids.clone());
        let there = ids.into_iter().filter(|id| is_there(*id)).take(limit.try_into().unwrap());
        let hit = |id| Hit { similarity: 0.5, record: remediation(id, "2026-01-01T00:00:00Z") };
        Ok(Nearest { hits: there.map(hit).collect(), is_cut: false, scan: Scan::Candidates })
    };
    let found = candidates(index, &vector, &CheckedFilter::default(), request, read).await.unwrap();
    (found.hits.into_iter().map(|hit| hit.record.id).collect(), read_ids)
}

fn up_to(last: i64) -> Vec<i64> {
    (1..=last).collect()
}

#[tokio::test]
async fn candidates_are_read_once_when_enough_of_them_are_there() {
    let index = Index::of(1_000);
    let (found, read) = search(&index, 10, 0.0, |_| true).await;
    assert_eq!((found, index.asked(), read), (up_to(10), vec![50], vec![up_to(50)]));
}

/// F22: what the database drops is made up for, as far as there is more.
#[tokio::test]
async fn too_few_left_are_refilled_by_doubling() {
    let index = Index::of(1_000);
    let (found, read) = search(&index, 10, 0.0, |id| id % 10 == 0).await;
    assert_eq!((found, index.asked()), ((10..=100).step_by(10).collect::<Vec<i64>>(), vec![50, 100]));
    assert_eq!(read, [up_to(50), up_to(100)]);

    let index = Index::of(1_000);
    let (found, _) = search(&index, 10, 0.0, |id| id == 399).await;
    assert_eq!((found, index.asked()), (vec![399], vec![50, 100, 200, 400]));
}

#[tokio::test]
async fn an_index_that_has_no_more_is_not_asked_again() {
    for size in [0, 7, 99] {
        let index = Index::of(size);
        let (found, _) = search(&index, 10, 0.0, |_| false).await;
        assert_eq!(found, [0_i64; 0]);
        assert_eq!(index.asked().len(), if size < 50 { 1 } else { 2 }, "{size}");
    }
}

#[tokio::test]
async fn candidates_that_are_not_near_enough_are_not_read_and_no_more_are_asked_for() {
    let index = Index::of(1_000);
    let (found, read) = search(&index, 10, 0.997, |_| true).await;
    assert_eq!((found, read, index.asked()), (up_to(3), vec![up_to(3)], vec![50]));
}

#[tokio::test]
async fn a_failure_says_which_side_failed() {
    let vector = Embedding::new(vec![0.5; Embedding::DIMENSION]).unwrap();
    let read = async |_: Vec<i64>| Err::<Nearest, _>("the database");
    let failed =
        candidates(&Index::of(9), &vector, &CheckedFilter::default(), SearchRequest::default(), read).await;
    assert!(matches!(failed, Err(CandidateError::Read("the database"))));
}
