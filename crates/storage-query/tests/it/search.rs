//! Search by meaning over 5,000 vectors.

use diesel::sql_query;
use diesel::sql_types::{Array, BigInt};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_models::{Embedding, Timestamp, VectorSql};
use storage_query::{AuditFilter as _, Hit, Nearest, NearestQuery, RemediationFilter, SearchRequest, Valid};
use storage_testkit::TestDatabase;

use crate::support::{INCIDENT, SET, database, execute, now, number, settle};

const COUNT: u64 = 5_000;

/// The `n`th vector: pseudo-random, the same in every run (SplitMix64, Steele et al. 2014).
fn vector(n: u64) -> Embedding {
    let mut state = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let top = u16::try_from((z ^ (z >> 31)) >> 48).unwrap();
        f32::from(top) / 65_536.0 - 0.5
    };
    Embedding::new((0..Embedding::DIMENSION).map(|_| next()).collect()).unwrap()
}

fn distance(a: &Embedding, b: &Embedding) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let (a, b) = (a.as_slice(), b.as_slice());
    1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// 5,000 remediations with vectors, numbered by their ids; of their columns `cluster` is shared by one in a
/// thousand, `alert_name` by one in a hundred, `environment` by one in ten, `target_name` by one in two. And
/// 100 without vectors.
async fn seeded() -> (TestDatabase, AsyncPgConnection) {
    let (database, mut conn) = database().await;
    execute(&mut conn, SET).await;
    for first in (1..=COUNT).step_by(500) {
        let numbers: Vec<i64> = (first..first + 500).map(|n| n.try_into().unwrap()).collect();
        let vectors: Vec<_> = (first..first + 500).map(vector).collect();
        sql_query(format!(
            "WITH given AS (
                     SELECT n, vector, '2026-01-01'::timestamptz + n * interval '10 min' AS start_time
                     FROM UNNEST($1, $2) AS u(n, vector)),
                 stored AS (INSERT INTO embedding_vector (slot, vector) SELECT 1, vector FROM given
                            RETURNING embedding_id, digest),
                 recorded AS (
                     INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time, cluster, alert_name,
                         environment, target_name)
                     SELECT 'n', 'ns', 'pending', 'scale', start_time,
                         'c' || n % 1000, 'a' || n % 100, 'e' || n % 10, 't' || n % 2
                     FROM given ORDER BY n RETURNING id, start_time, updated_at)
             INSERT INTO remediation_vector (slot, record_id, start_time, version, embedding_id, incident_key)
             SELECT 1, id, start_time, updated_at, embedding_id, {INCIDENT}
             FROM recorded JOIN given USING (start_time) JOIN stored ON digest = sha256(vector_send(vector))",
        ))
        .bind::<Array<BigInt>, _>(numbers)
        .bind::<Array<VectorSql>, _>(vectors)
        .execute(&mut conn)
        .await
        .unwrap();
    }
    execute(
        &mut conn,
        "INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time, cluster, target_name)
         SELECT 'n', 'ns', 'pending', 'scale', '2026-01-01', 'c7', 't1' FROM generate_series(1, 100)",
    )
    .await;
    settle(&mut conn).await;
    (database, conn)
}

/// A name, a filter, and which numbers it lets through.
type Selection = (&'static str, RemediationFilter, fn(u64) -> bool);

fn selections() -> Vec<Selection> {
    let any = RemediationFilter::default;
    vec![
        ("0.1 %", any().cluster("c7"), |n| n % 1000 == 7),
        ("1 %", any().alert_name("a7"), |n| n % 100 == 7),
        ("10 %", any().environment("e7"), |n| n % 10 == 7),
        ("50 %", any().target_name("t1"), |n| n % 2 == 1),
        ("100 %", any(), |_| true),
        ("none", any().cluster("nowhere"), |_| false),
    ]
}

async fn search(
    conn: &mut AsyncPgConnection,
    vector: Embedding,
    filter: RemediationFilter,
    limit: i64,
    min_similarity: f64,
) -> Nearest {
    let request = SearchRequest::new(limit, min_similarity).unwrap();
    NearestQuery::new(vector, filter.check(now()).unwrap(), request).run(conn).await.unwrap()
}

/// The number in a record's id.
fn number_of(hit: &Hit) -> u64 {
    (hit.record.id / 8192).try_into().unwrap()
}

fn numbers(found: &Nearest) -> Vec<u64> {
    found.hits.iter().map(number_of).collect()
}

/// All numbers, the nearest first.
fn by_distance(query: &Embedding) -> Vec<u64> {
    let mut all: Vec<_> = (1..=COUNT).map(|n| (distance(query, &vector(n)), n)).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all.into_iter().map(|(_, n)| n).collect()
}

/// Every selection at several limits; gives how many searches had to go without the index.
async fn search_every_selection(conn: &mut AsyncPgConnection, query: &Embedding) -> usize {
    let ordered = by_distance(query);
    let mut exact = 0;
    for (name, filter, lets_through) in selections() {
        for limit in [1, 5, 10, 100] {
            let found = search(conn, query.clone(), filter.clone(), limit, 0.0).await;
            let expected = ordered.iter().copied().filter(|n| lets_through(*n));
            let expected: Vec<u64> = expected.take(limit.try_into().unwrap()).collect();
            let found_numbers = numbers(&found);
            assert_eq!(found_numbers.len(), expected.len(), "{name}, limit {limit}");
            assert!(found_numbers.iter().all(|n| lets_through(*n)), "{name}, limit {limit}");
            for hit in &found.hits {
                let similarity = 1.0 - distance(query, &vector(number_of(hit)));
                assert!((hit.similarity - similarity.max(0.0)).abs() < 1e-5, "{name}: {}", hit.similarity);
            }
            if found.exact {
                assert_eq!(found_numbers, expected, "{name}, limit {limit}: an exact search is exact");
                exact += 1;
            }
        }
    }
    exact
}

/// F22, BR-STORAGE-016: with the plans that PostgreSQL chooses, and with none but the vector index and a scan
/// of it that gives up early.
#[tokio::test]
async fn as_many_come_back_as_were_asked_for_whenever_as_many_match() {
    let (_database, mut conn) = seeded().await;
    let exact = search_every_selection(&mut conn, &vector(COUNT + 1)).await;
    // At least the searches that nothing or too little matches: none at four limits, 0.1 % at two, 1 % at
    // one.
    assert!((7..24).contains(&exact), "{exact} of 24 went without the index");

    execute(
        &mut conn,
        "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off; SET hnsw.max_scan_tuples = 1",
    )
    .await;
    // Whether a scan that stops meets all that match is luck; in each of several searches it is not.
    let mut forced = 0;
    for n in 1..=6 {
        forced += search_every_selection(&mut conn, &vector(COUNT + n)).await;
    }
    assert!(forced > 6 * 7, "a scan that gives up early must fall short more often: {forced}");
}

#[tokio::test]
async fn a_stored_vector_is_its_own_nearest_and_dissimilar_ones_are_cut_off() {
    let (_database, mut conn) = seeded().await;
    let found = search(&mut conn, vector(17), RemediationFilter::default(), 100, 0.9).await;
    assert_eq!((numbers(&found), found.exact), (vec![17], false));
    assert!((found.hits[0].similarity - 1.0).abs() < 1e-6);

    let opposite = Embedding::new(vector(17).as_slice().iter().map(|value| -value).collect()).unwrap();
    let one = RemediationFilter::default().cluster("c17");
    let found = search(&mut conn, opposite, one.until(day(2)), 1, 0.0).await;
    assert_eq!((numbers(&found), found.hits[0].similarity), (vec![17], 0.0));
}

fn day(n: u32) -> Timestamp {
    format!("2026-01-{n:02}T00:00:00Z").parse().unwrap()
}

/// The order of ties, over rows whose texts are the same.
#[tokio::test]
async fn equally_near_records_come_newest_first_then_by_id() {
    let (_database, mut conn) = database().await;
    execute(&mut conn, SET).await;
    sql_query(format!(
        "WITH stored AS (INSERT INTO embedding_vector (slot, vector) SELECT 1, UNNEST($1) RETURNING embedding_id),
             recorded AS (
                 INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time)
                 SELECT 'n', 'ns', 'pending', 'scale', '2026-01-01'::timestamptz + (n / 2) * interval '1 day'
                 FROM generate_series(1, 7) AS n ORDER BY n RETURNING id, start_time, updated_at)
         INSERT INTO remediation_vector (slot, record_id, start_time, version, embedding_id, incident_key)
         SELECT 1, id, start_time, updated_at, embedding_id, {INCIDENT} FROM recorded, stored",
    ))
    .bind::<Array<VectorSql>, _>(vec![vector(1)])
    .execute(&mut conn)
    .await
    .unwrap();
    let found = search(&mut conn, vector(1), RemediationFilter::default(), 10, 0.0).await;
    assert_eq!(numbers(&found), [6, 7, 4, 5, 2, 3, 1]);
}

/// The vector of a record's older version serves until there is a newer one, and vectors of another slot never do.
#[tokio::test]
async fn the_older_vector_of_the_slot_that_serves_is_found() {
    let (_database, mut conn) = seeded().await;
    execute(&mut conn, "UPDATE remediation_audit SET error_message = 'changed' WHERE id / 8192 = 17").await;
    let found = search(&mut conn, vector(17), RemediationFilter::default(), 1, 0.9).await;
    assert_eq!((numbers(&found), found.exact), (vec![17], false));
    execute(&mut conn, "UPDATE embedding_set SET slot = 2").await;
    let found = search(&mut conn, vector(17), RemediationFilter::default(), 1, 0.9).await;
    assert_eq!((numbers(&found), found.exact), (Vec::new(), true));
}

/// The settings of a search end with it, and no list or search stays in the cache of prepared statements.
#[tokio::test]
async fn a_search_leaves_nothing_behind_on_its_connection() {
    let (_database, mut conn) = database().await;
    let query = NearestQuery::new(vector(1), Valid::default(), SearchRequest::default());
    for _ in 0..3 {
        query.run(&mut conn).await.unwrap();
        storage_query::count::<storage_models::Remediation>(&mut conn, &Valid::default()).await.unwrap();
    }
    let lists = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%remediation_audit%'
                 AND statement NOT LIKE '%pg_prepared_statements%'";
    assert_eq!(number(&mut conn, lists).await, 0);
    let set = "SELECT count(*) FROM pg_settings
               WHERE name IN ('hnsw.iterative_scan', 'hnsw.ef_search', 'enable_material', 'plan_cache_mode') AND setting <> boot_val";
    assert_eq!(number(&mut conn, set).await, 0);
}
