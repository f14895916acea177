//! Search by meaning over 5,000 vectors.

use diesel::sql_query;
use diesel::sql_types::{Array, BigInt};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_models::{Embedding, Severity, Timestamp, VectorSql};
use storage_query::{
    AuditFilter as _, CheckedFilter, Hit, IncidentsQuery, Nearest, NearestQuery, RemediationFilter, Scan,
    SearchRequest,
};
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

/// Every selection at several limits; gives how many searches went along the index, over few records, and over all.
async fn search_every_selection(conn: &mut AsyncPgConnection, query: &Embedding) -> [usize; 3] {
    let ordered = by_distance(query);
    let mut scans = [0; 3];
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
            if found.scan != Scan::Index {
                assert_eq!(found_numbers, expected, "{name}, limit {limit}: an exact search is exact");
            }
            let scan = [Scan::Index, Scan::Few, Scan::Everything].iter().position(|it| *it == found.scan);
            scans[scan.unwrap()] += 1;
        }
    }
    scans
}

/// F22, BR-STORAGE-016: few are looked at one by one, many are met along the vector index; and a scan of it that gives up
/// early is made up for.
#[tokio::test]
async fn as_many_come_back_as_were_asked_for_whenever_as_many_match() {
    let (_database, mut conn) = seeded().await;
    // Few are the 50 of 1 % and none of all; the 5 of 0.1 % too, unless one or five of them are wanted: a hundred records
    // without vectors match as well.
    assert_eq!(search_every_selection(&mut conn, &vector(COUNT + 1)).await, [14, 10, 0]);

    execute(&mut conn, "SET hnsw.max_scan_tuples = 1").await;
    // Whether a scan that stops meets all that match is luck; in each of several searches it is not.
    let mut repeated = 0;
    for n in 1..=6 {
        repeated += search_every_selection(&mut conn, &vector(COUNT + n)).await[2];
    }
    assert!(repeated > 0, "a scan that gives up early must fall short");
}

/// A filter of several columns lets more through than PostgreSQL expects, which takes columns to be independent.
#[tokio::test]
async fn more_matches_than_were_estimated_are_looked_for_along_the_index() {
    let (_database, mut conn) = seeded().await;
    // Each lets the same half through.
    execute(&mut conn, "ALTER TABLE remediation_audit DISABLE TRIGGER USER").await;
    execute(
        &mut conn,
        "UPDATE remediation_audit SET alert_name = target_name, cluster = target_name, environment = target_name,
             remediation_request_id = target_name, alert_fingerprint = target_name",
    )
    .await;
    settle(&mut conn).await;
    let filter =
        RemediationFilter::default().alert_name("t1").cluster("t1").environment("t1").target_name("t1");
    let filter = filter.remediation_request_id("t1").alert_fingerprint("t1");
    let found = search(&mut conn, vector(17), filter, 5, 0.0).await;
    assert_eq!((number_of(&found.hits[0]), found.hits.len(), found.scan), (17, 5, Scan::Index));
}

/// F47: of records whose texts are the same, the newest are found, whatever the filter and the way.
#[tokio::test]
async fn the_newest_of_a_thousand_equals_are_found_along_the_index_and_among_candidates() {
    let (_database, mut conn) = database().await;
    execute(&mut conn, SET).await;
    sql_query(format!(
        "WITH stored AS (INSERT INTO embedding_vector (slot, vector) SELECT 1, UNNEST($1) RETURNING embedding_id),
             recorded AS (
                 INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time)
                 SELECT 'n', 'ns' || n % 2, 'pending', 'scale', '2026-01-01'::timestamptz + n * interval '2 hours'
                 FROM generate_series(1, 1000) AS n ORDER BY n RETURNING id, start_time, updated_at)
         INSERT INTO remediation_vector (slot, record_id, start_time, version, embedding_id, incident_key)
         SELECT 1, id, start_time, updated_at, embedding_id, {INCIDENT} FROM recorded, stored",
    ))
    .bind::<Array<VectorSql>, _>(vec![vector(1)])
    .execute(&mut conn)
    .await
    .unwrap();
    settle(&mut conn).await;
    let any = RemediationFilter::default;
    for (filter, expected) in [(any(), [1000, 999, 998]), (any().namespace("ns1"), [999, 997, 995])] {
        let found = search(&mut conn, vector(1), filter.clone(), 3, 0.0).await;
        assert_eq!((numbers(&found), found.scan), (expected.to_vec(), Scan::Index));
        let request = SearchRequest::new(3, 0.0).unwrap();
        let query = NearestQuery::new(vector(1), filter.check(now()).unwrap(), request);
        let named = found.hits.last().unwrap().record.id;
        assert_eq!(numbers(&query.run_among(&[named], &mut conn).await.unwrap()), expected);
    }
}

/// F47: each incident once, with how many records there are and which are the newest.
#[tokio::test]
async fn a_search_for_incidents_gives_each_once() {
    let (_database, mut conn) = database().await;
    execute(&mut conn, SET).await;
    // Seven incidents, each with two vectors (two actions): 1, 8, 15, … are of the first.
    sql_query(
        "WITH given AS (SELECT n, vector FROM UNNEST($1, $2) AS u(n, vector)),
             stored AS (INSERT INTO embedding_vector (slot, vector) SELECT 1, vector FROM given RETURNING embedding_id, digest),
             recorded AS (
                 INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time, severity)
                 SELECT 'n', 'ns', 'pending', 'scale', '2026-01-01'::timestamptz + n * interval '1 hour',
                     CASE WHEN n > 140 THEN 'critical' END
                 FROM generate_series(1, 700) AS n ORDER BY n RETURNING id, start_time, updated_at)
         INSERT INTO remediation_vector (slot, record_id, start_time, version, embedding_id, incident_key)
         SELECT 1, id, start_time, updated_at, embedding_id, substr(sha256(((id / 8192 - 1) % 7)::text::bytea), 1, 16)
         FROM recorded JOIN given ON n = 1 + (id / 8192 - 1) % 14 JOIN stored ON digest = sha256(vector_send(vector))",
    )
    .bind::<Array<BigInt>, _>((1..=14).collect::<Vec<i64>>())
    .bind::<Array<VectorSql>, _>((1..=14).map(vector).collect::<Vec<_>>())
    .execute(&mut conn)
    .await
    .unwrap();
    settle(&mut conn).await;
    let any = RemediationFilter::default;
    for (filter, count) in [(any(), 100), (any().severity(Severity::Critical), 80), (any().until(day(2)), 4)]
    {
        let filter = filter.check(now()).unwrap();
        let request = SearchRequest::new(5, 0.0).unwrap();
        let found = NearestQuery::new(vector(9), filter.clone(), request).incidents(&mut conn).await.unwrap();
        let keys: Vec<_> = found.iter().map(|hit| hit.key).collect();
        let mut distinct = keys.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!((keys.len(), distinct.len()), (5, 5));
        assert!((found[0].similarity - 1.0).abs() < 1e-6, "{found:?}");
        assert!(found.is_sorted_by(|a, b| a.similarity >= b.similarity));
        let summaries = IncidentsQuery::new(keys.clone(), filter.clone()).run(&mut conn).await.unwrap();
        // The ninth record and every seventh before and after it.
        let summary = &summaries[&keys[0]];
        let newest: Vec<_> = summary.newest.iter().map(|id| id / 8192 % 7).collect();
        assert_eq!(newest, vec![2; newest.len()]);
        assert!(summary.newest.is_sorted_by(|a, b| a > b));
        assert_eq!(summary.record.id, summary.newest[0]);
        assert!((summary.count - count).abs() <= 1 && !summary.is_count_at_least(), "{}", summary.count);
    }
}

#[tokio::test]
async fn a_stored_vector_is_its_own_nearest_and_dissimilar_ones_are_cut_off() {
    let (_database, mut conn) = seeded().await;
    let found = search(&mut conn, vector(17), RemediationFilter::default(), 100, 0.9).await;
    assert_eq!((numbers(&found), found.scan), (vec![17], Scan::Index));
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
async fn equally_near_records_come_newest_first() {
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
    assert_eq!(numbers(&found), [7, 6, 5, 4, 3, 2, 1]);
}

/// The vector of a record's older version serves until there is a newer one, and vectors of another slot never do.
#[tokio::test]
async fn the_older_vector_of_the_slot_that_serves_is_found() {
    let (_database, mut conn) = seeded().await;
    execute(&mut conn, "UPDATE remediation_audit SET error_message = 'changed' WHERE id / 8192 = 17").await;
    let found = search(&mut conn, vector(17), RemediationFilter::default(), 1, 0.9).await;
    assert_eq!((numbers(&found), found.scan), (vec![17], Scan::Index));
    execute(&mut conn, "UPDATE embedding_set SET slot = 2").await;
    let found = search(&mut conn, vector(17), RemediationFilter::default(), 1, 0.9).await;
    assert_eq!((numbers(&found), found.scan), (Vec::new(), Scan::Everything));
}

/// The settings of a search end with it, and no list or search stays in the cache of prepared statements.
#[tokio::test]
async fn a_search_leaves_nothing_behind_on_its_connection() {
    let (_database, mut conn) = database().await;
    let query = NearestQuery::new(vector(1), CheckedFilter::default(), SearchRequest::default());
    for _ in 0..3 {
        query.run(&mut conn).await.unwrap();
        storage_query::CountQuery::<storage_models::Remediation>::new(CheckedFilter::default())
            .run(&mut conn)
            .await
            .unwrap();
    }
    let lists = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%remediation_audit%'
                 AND statement NOT LIKE '%pg_prepared_statements%'";
    assert_eq!(number(&mut conn, lists).await, 0);
    let set = "SELECT count(*) FROM pg_settings
               WHERE name IN ('hnsw.iterative_scan', 'hnsw.ef_search', 'enable_sort', 'jit', 'plan_cache_mode') AND setting <> boot_val";
    assert_eq!(number(&mut conn, set).await, 0);
}
