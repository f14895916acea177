//! Each vector is stored once, however many writers bring it.

use std::sync::Arc;

use storage_models::{Embedding, Remediation};
use storage_testkit::TestDatabase;

use super::index_support::embedding;
use super::projector::{OUTBOX, Scripted, quick, start};
use super::support::{Bench, count, remediation, until};
use crate::vectors;

const STORED: &str = "SELECT count(*) AS n FROM embedding_vector";

/// A known text costs the vector index nothing: fifty records of two texts have two vectors.
#[tokio::test]
async fn records_of_one_text_share_one_vector() {
    let bench = Bench::new().await;
    let by_namespace = |record: &Remediation| Ok(embedding(u64::from(record.name.ends_with('7'))));
    let _projector = start(&bench, Arc::new(Scripted(by_namespace)), &quick()).await;
    let names: Vec<String> = (0..50).map(|n| format!("record-{n}")).collect();
    futures_util::future::join_all(names.iter().map(|name| bench.write(remediation(name)))).await;
    until(&bench, OUTBOX, 0).await;
    assert_eq!(bench.count(STORED).await, 2);
    let with_the_right_one = "SELECT count(*) AS n FROM ( \
        SELECT embedding_id FROM remediation_audit JOIN remediation_vector ON record_id = id GROUP BY embedding_id \
        HAVING count(DISTINCT name LIKE '%7') = 1) AS shared";
    assert_eq!(bench.count(with_the_right_one).await, 2);
}

/// F13: two that store overlapping sets at the same time, in opposite orders, do not wait for ever and get the same
/// ids.
#[tokio::test]
async fn overlapping_sets_are_stored_once_by_several_at_once() {
    let database = TestDatabase::create().await.unwrap();
    let mut vectors: Vec<Embedding> = (0..40).map(embedding).collect();
    let ids = futures_util::future::join_all((0..8).map(|turn| {
        vectors.reverse();
        vectors.rotate_left(turn);
        let (database, own) = (&database, vectors.clone());
        async move {
            let mut connection = database.connect().await.unwrap();
            let ids = vectors::ids(&mut connection, 1, &own).await.unwrap();
            own.into_iter().zip(ids).collect::<Vec<_>>()
        }
    }))
    .await;
    assert_eq!(count(&mut database.connect().await.unwrap(), STORED).await, 40);
    let of_the_first = |vector: &Embedding| ids[0].iter().find(|(own, _)| own == vector).map(|(_, id)| *id);
    for (vector, id) in ids.iter().flatten() {
        assert_eq!(Some(*id), of_the_first(vector));
    }
}

/// In order, and each as often as it was asked for.
#[tokio::test]
async fn ids_come_in_the_order_of_the_vectors() {
    let database = TestDatabase::create().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    let [one, other] = [1, 2].map(embedding);
    let first = vectors::ids(&mut connection, 1, [&one, &other, &one]).await.unwrap();
    assert_eq!(first[0], first[2]);
    assert_ne!(first[0], first[1]);
    assert_eq!(vectors::ids(&mut connection, 1, [&other]).await.unwrap(), [first[1]]);
}
