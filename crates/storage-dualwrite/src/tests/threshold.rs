//! How alike incidents are, measured over the set that serves.

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use storage_testkit::TestDatabase;

use crate::embedding_set::{EmbeddingSet, activate};
use crate::measure_threshold;

/// Stores incidents with these numbers, each with two records. The vector of incident `n` lies `n` degrees from the first.
async fn store(connection: &mut AsyncPgConnection, from: u32, to: u32) {
    let statement = format!(
        "WITH vectors AS (
             INSERT INTO embedding_vector (slot, embedding_id, vector)
             SELECT 1, n, (ARRAY[cos(radians(n)), sin(radians(n))]::real[] || array_fill(0::real, ARRAY[382]))::vector
             FROM generate_series({from}, {to}) AS n)
         INSERT INTO remediation_vector (slot, record_id, start_time, version, embedding_id, incident_key)
         SELECT 1, 2 * n + copy, now(), now(), n, decode(md5(n::text), 'hex')
         FROM generate_series({from}, {to}) AS n, generate_series(0, 1) AS copy"
    );
    connection.batch_execute(&statement).await.unwrap();
}

/// Ninety-nine of a hundred pairs of different incidents are less alike than the threshold; there is none of few incidents.
#[tokio::test]
async fn a_threshold_is_what_different_incidents_stay_below() {
    let database = TestDatabase::create().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    assert_eq!(measure_threshold(&mut connection).await.unwrap(), None);
    let set = EmbeddingSet { composition: "1".to_owned(), model: "m".to_owned(), dimension: 384 };
    activate(&mut connection, &set).await.unwrap();
    store(&mut connection, 1, 19).await;
    assert_eq!(measure_threshold(&mut connection).await.unwrap(), None);

    store(&mut connection, 20, 100).await;
    let threshold = measure_threshold(&mut connection).await.unwrap().unwrap();
    // Of the 4,950 pairs, 99 are one degree apart: all but one in a hundred are no nearer than these.
    let one_degree = 1.0_f64.to_radians().cos();
    assert!((threshold - one_degree).abs() < 1e-4, "{threshold} against {one_degree}");
}
