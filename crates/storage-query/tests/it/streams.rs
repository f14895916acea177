//! Streams of all that matches.

use std::pin::pin;

use chrono::TimeDelta;
use diesel_async::AsyncPgConnection;
use futures_util::TryStreamExt as _;
use storage_models::{Remediation, Timestamp};
use storage_query::{
    AuditFilter as _, CheckedFilter, ListQuery, PageRequest, QueryError, RemediationFilter, Sort,
    StreamQuery, TimeBound, Total,
};

use crate::support::{database, execute, now, number};

/// 2,500 records, hence three chunks; of every five, four tie in `start_time` and two are of `prod`, and every
/// third has no end.
const SEED: &str = "
    INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time, end_time, created_at)
    SELECT 'r' || n, CASE WHEN n % 5 < 2 THEN 'prod' ELSE 'dev' END, 'pending', 'scale', t,
        CASE WHEN n % 3 > 0 THEN t + n % 7 * interval '1 second' END, '2026-01-20T00:00:00Z'
    FROM generate_series(1, 2500) AS n,
        LATERAL (SELECT '2026-01-05T00:00:00Z'::timestamptz + n / 5 * interval '1 minute') AS at(t)";

async fn ids(
    conn: &mut AsyncPgConnection,
    filter: CheckedFilter<RemediationFilter>,
    sort: Sort<Remediation>,
) -> Vec<i64> {
    let records: Vec<Remediation> =
        StreamQuery::new(filter).sort(sort).run(conn).try_collect().await.unwrap();
    records.iter().map(|record| record.id).collect()
}

/// F01, BR-STORAGE-014: every match once, in order, over the ends of the chunks; by offsets it is the same list.
#[tokio::test]
async fn a_stream_gives_each_match_once_in_every_order() {
    let (_database, mut conn) = database().await;
    execute(&mut conn, SEED).await;
    for sort in Sort::<Remediation>::all() {
        let filter = RemediationFilter::default().updated_since(TimeBound::Ago(TimeDelta::days(1)));
        let filter = filter.check(Timestamp::now()).unwrap();
        let mut expected = Vec::new();
        for offset in [0, 1_000, 2_000] {
            let page = PageRequest::new(1_000, offset).unwrap();
            let query =
                ListQuery::<Remediation>::new(filter.clone()).sort(sort).total(Total::None).page(page);
            expected.extend(query.run(&mut conn).await.unwrap().records.iter().map(|record| record.id));
        }
        assert_eq!(expected.len(), 2_500, "sort={sort}");
        assert_eq!(ids(&mut conn, filter, sort).await, expected, "sort={sort}");
    }
    let prod = RemediationFilter::default().namespace("prod").check(now()).unwrap();
    assert_eq!(ids(&mut conn, prod, Sort::default()).await.len(), 1_000);
}

/// A statement that fails midway is an error, never an end that looks like the end of what matches.
#[tokio::test]
async fn a_stream_that_fails_midway_says_so_and_ends() {
    let (database, mut conn) = database().await;
    execute(&mut conn, SEED).await;
    let mut other = database.connect().await.unwrap();
    let pid = number(&mut conn, "SELECT pg_backend_pid()").await;
    let mut records = pin!(StreamQuery::<Remediation>::new(CheckedFilter::default()).run(&mut conn));
    let mut seen = 0;
    let failure = loop {
        match records.try_next().await {
            Ok(Some(_)) => seen += 1,
            Ok(None) => panic!("the stream ended as if it were whole, after {seen}"),
            Err(error) => break error,
        }
        if seen == 1 {
            execute(&mut other, &format!("SELECT pg_terminate_backend({pid}, 10000)")).await;
        }
    };
    assert!(matches!(failure, QueryError::Database { .. }), "{failure:?}");
    assert_eq!(seen, 1_000);
    assert!(records.try_next().await.unwrap().is_none());
}
