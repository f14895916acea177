//! F39: vectors of two models never mix.

use diesel_async::SimpleAsyncConnection;
use storage_testkit::TestDatabase;

use crate::embedding_set::{EmbeddingSet, EmbeddingSetError, activate};

fn set(model: &str) -> EmbeddingSet {
    EmbeddingSet { composition: "1".to_owned(), model: model.to_owned(), dimension: 384 }
}

const A_VECTOR: &str = "INSERT INTO remediation_vector (slot, record_id, start_time, version, embedding_id, incident_key) \
                        VALUES (1, 1, now(), now(), 1, decode(repeat('07', 16), 'hex'))";

/// F39: another embedder is refused once a vector exists, with a sentence that says what to do.
#[tokio::test]
async fn another_embedder_is_refused_once_vectors_exist() {
    let database = TestDatabase::create().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    let first = activate(&mut connection, &set("one")).await.unwrap();
    assert_eq!(activate(&mut connection, &set("one")).await.unwrap(), first);
    let second = activate(&mut connection, &set("two")).await.unwrap();
    assert_ne!(second, first);

    connection.batch_execute(A_VECTOR).await.unwrap();
    let error = activate(&mut connection, &set("three")).await.unwrap_err();
    assert!(matches!(error, EmbeddingSetError::Mismatch { .. }));
    assert!(error.to_string().contains("datastorage reembed"), "{error}");
    assert_eq!(activate(&mut connection, &set("two")).await.unwrap(), second);
}

/// F39: replicas that start at once with different embedders agree on one set.
#[tokio::test]
async fn concurrent_starters_leave_one_active_set() {
    let database = TestDatabase::create().await.unwrap();
    let starters = (0..6).map(|n| {
        let database = &database;
        async move {
            let mut connection = database.connect().await.unwrap();
            activate(&mut connection, &set(&n.to_string())).await.unwrap()
        }
    });
    futures_util::future::join_all(starters).await;
    let active = "SELECT count(*) AS n FROM embedding_set WHERE state = 'active'";
    assert_eq!(super::support::count(&mut database.connect().await.unwrap(), active).await, 1);
}
