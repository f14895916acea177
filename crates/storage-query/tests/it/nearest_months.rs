//! Lists over many months, which are asked first of the nearest ones.

use std::cell::RefCell;

use diesel::sql_query;
use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, TestRunner};
use storage_models::{AiAnalysis, Month, Remediation};
use storage_query::{
    AuditFilter as _, Direction, ListQuery, Listed, Page, PageRequest, RemediationFilter, Sort, Total,
};
use storage_testkit::TestDatabase;

use crate::model::{Modelled, Row, Wanted};
use crate::support::{database, execute, now};
use crate::{cursors, lists};

/// 400 records a table from December 2024 to June 2026, hence also after [`now`]: most in February and March 2026, some in
/// a few other months, one of twenty in the namespace `rare`. Many tie.
const SPREAD: &str = "
    SELECT ensure_audit_partition(parent, month::date)
    FROM unnest(ARRAY['remediation_audit', 'ai_analysis_audit']) AS parent,
        generate_series('2024-12-01'::timestamptz, '2026-06-01', '1 month') AS month;
    CREATE FUNCTION pg_temp.time_of(n int) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
        SELECT (ARRAY['2026-03-01', '2026-03-01', '2026-03-01', '2026-02-01', '2026-02-01', '2026-01-01', '2025-12-01',
                '2025-12-01', '2025-09-01', '2025-05-01', '2025-02-01', '2024-12-01', '2026-04-01', '2026-06-01'
            ]::timestamptz[])[1 + (hashint8extended(n, 1) & 1073741823) % 14]
            + (hashint8extended(n, 2) & 1073741823) % 6 * interval '5 days' $$;
    INSERT INTO remediation_audit (name, namespace, cluster, phase, action_type, start_time)
    SELECT 'n', CASE WHEN n % 20 = 0 THEN 'rare' ELSE 'common' END, CASE WHEN n % 2 = 0 THEN 'east' END, 'pending',
        'scale', pg_temp.time_of(n)
    FROM generate_series(1, 400) AS n;
    INSERT INTO ai_analysis_audit (remediation_id, analysis_type, confidence, recommendation, timestamp, model)
    SELECT 1, CASE WHEN n % 20 = 0 THEN 'rare' ELSE 'common' END, 0.5, 'r', pg_temp.time_of(n), 'm'
    FROM generate_series(1, 400) AS n;
";

async fn spread() -> (TestDatabase, AsyncPgConnection) {
    let (database, mut conn) = database().await;
    execute(&mut conn, SPREAD).await;
    (database, conn)
}

/// Any filter by some of the `values` of a field, if by any, and by a range of time, if by any.
fn any_wanted(
    fields: &'static [(&'static str, &'static [&'static str])],
) -> impl Strategy<Value = Wanted> + use<> {
    const DAYS: [&str; 7] =
        ["2024-11-01", "2025-02-11", "2025-09-01", "2025-12-16", "2026-02-21", "2026-04-01", "2026-07-01"];
    let day = |day: &str| format!("{day}T00:00:00.000000Z");
    let of_field = |(field, values): &(&'static str, &'static [&'static str])| {
        let some = subsequence(values.iter().map(ToString::to_string).collect::<Vec<_>>(), 1..=values.len());
        prop::option::of((Just(*field), some))
    };
    let ends = subsequence(DAYS.map(day).to_vec(), 2).prop_flat_map(|ends| {
        let [since, until] = ["since", "until"].map(|name| prop::option::of(Just(name)));
        (since, until).prop_map(move |(since, until)| {
            [since, until]
                .into_iter()
                .zip(&ends)
                .filter_map(|(name, end)| Some((name?, vec![end.clone()])))
                .collect::<Vec<_>>()
        })
    });
    (fields.iter().map(of_field).collect::<Vec<_>>(), ends)
        .prop_map(|(fields, ends)| fields.into_iter().flatten().chain(ends).collect())
}

fn every_list<R: Modelled>(fields: &'static [(&'static str, &'static [&'static str])]) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (_database, mut conn, rows) = runtime.block_on(async {
        let (database, mut conn) = spread().await;
        let rows = Row::<R>::every(&mut conn).await;
        (database, conn, rows)
    });
    assert_eq!(rows.len(), 400);
    let conn = RefCell::new(&mut conn);
    let sorts = select(vec![Sort::time(Direction::Descending), Sort::time(Direction::Ascending)]);
    let limit = prop_oneof![4 => 8_i64..=60, 1 => Just(300)];
    let offset = prop_oneof![Just(0_i64), 0_i64..420];
    let page = (limit, offset).prop_map(|(limit, offset)| PageRequest::new(limit, offset).unwrap());
    TestRunner::new(Config::with_cases(60))
        .run(&(any_wanted(fields), sorts, page, any::<bool>()), |(wanted, sort, page, counts)| {
            let conn = &mut conn.borrow_mut();
            runtime.block_on(async {
                lists::check(conn, &rows, &wanted, sort, page).await?;
                cursors::check(conn, &rows, &wanted, sort, page, counts).await
            })
        })
        .unwrap();
}

/// F01, BR-STORAGE-014: pages, totals and cursors in both directions are those of all months.
#[test]
fn remediations_of_many_months_are_what_rust_works_out() {
    every_list::<Remediation>(&[("namespace", &["common", "rare", "nowhere"]), ("cluster", &["east"])]);
}

/// F01, BR-STORAGE-014
#[test]
fn analyses_of_many_months_are_what_rust_works_out() {
    every_list::<AiAnalysis>(&[("analysis_type", &["common", "rare", "nowhere"])]);
}

/// The page, and the months of the partitions that its statements could read: each locks those that it is planned over.
async fn page_and_months<R: Listed>(
    conn: &mut AsyncPgConnection,
    list: &ListQuery<R>,
) -> (Page<R>, Vec<String>) {
    #[derive(diesel::QueryableByName)]
    struct Partition {
        #[diesel(sql_type = Text)]
        month: String,
    }
    const LOCKED: &str = "
        SELECT replace(right(relname, 7), '_', '-') AS month FROM pg_locks JOIN pg_class ON pg_class.oid = relation
        WHERE pid = pg_backend_pid() AND relkind = 'r' AND relispartition ORDER BY month";
    execute(conn, "BEGIN").await;
    let page = list.run(conn).await.unwrap();
    let locked: Vec<Partition> = sql_query(LOCKED).load(conn).await.unwrap();
    execute(conn, "ROLLBACK").await;
    (page, locked.into_iter().map(|partition| partition.month).collect())
}

/// Five records without a total.
fn list(sort: &str, pairs: &[(&str, &str)]) -> ListQuery<Remediation> {
    let filter = RemediationFilter::from_pairs(pairs.iter().copied()).unwrap();
    let query = ListQuery::new(filter.check(now()).unwrap()).sort(sort.parse().unwrap());
    query.total(Total::None).page(PageRequest::new(5, 0).unwrap())
}

#[tokio::test]
async fn a_page_that_the_nearest_months_fill_plans_no_other() {
    let (_database, mut conn) = spread().await;
    for (sort, pairs, expected) in [
        ("-start_time", &[("until", "2026-01-01")][..], "2025-12"),
        ("-start_time", &[("until", "2026-03-12")], "2026-02 2026-03"),
        ("start_time", &[("since", "2025-12-11")], "2025-12 2026-01"),
        ("start_time", &[("since", "2025-04-20"), ("until", "2026-06-01")], "2025-04 2025-05"),
    ] {
        for total in [Total::None, Total::Exact] {
            let (page, months) = page_and_months(&mut conn, &list(sort, pairs).total(total)).await;
            assert_eq!((page.records.len(), &*months.join(" ")), (5, expected), "{sort} {pairs:?} {total:?}");
        }
    }

    // Without an end the months after the present one are asked too.
    let newest = list("-start_time", &[]);
    let (page, months) = page_and_months(&mut conn, &newest).await;
    assert_eq!(months[0], "2026-02");
    assert!(page.records.iter().all(|record| record.start_time > now()), "records of the future come first");

    // From a page of an older month on, and back to it.
    let older = newest.clone().page(PageRequest::new(5, 250).unwrap());
    let page = older.run(&mut conn).await.unwrap();
    let (next, months) = page_and_months(&mut conn, &newest.clone().after(&page.next_cursor.unwrap())).await;
    let month = Month::of(next.records[0].start_time);
    let near =
        |month: Month| [month.previous(), month].map(|month| format!("{:.7}", month.begin().to_string()));
    assert_eq!(months, near(month));
    let back = newest.clone().after(&next.previous_cursor.unwrap());
    let (previous, months) = page_and_months(&mut conn, &back).await;
    assert_eq!((&previous.records, months.as_slice()), (&page.records, &near(month.next())[..]));
}

#[tokio::test]
async fn a_page_that_the_nearest_months_do_not_fill_is_asked_of_all() {
    let (_database, mut conn) = spread().await;
    let sparse = list("-start_time", &[("until", "2025-09-01")]);
    let (page, months) = page_and_months(&mut conn, &sparse).await;
    assert_eq!((page.records.len(), page.has_more), (5, true));
    assert_eq!((months.len(), months[0].as_str()), (9, "2024-12"));
}

/// A total that the counters do not know is counted in the table.
#[tokio::test]
async fn the_total_is_right_where_a_month_has_no_counters() {
    let (_database, mut conn) = spread().await;
    let newest = list("-start_time", &[]).total(Total::Exact);
    let counted = newest.run(&mut conn).await.unwrap();
    assert_eq!(counted.total, Some(400));
    execute(
        &mut conn,
        "INSERT INTO remediation_count_excess VALUES ('2025-12-01');
         DELETE FROM remediation_count_delta WHERE month = '2025-12-01';
         DELETE FROM remediation_count WHERE month = '2025-12-01'",
    )
    .await;
    assert_eq!(newest.run(&mut conn).await.unwrap(), counted);
}

/// A page of large records ends in the nearest months before it is full, and its cursor leads on to the others.
#[tokio::test]
async fn a_page_cut_by_its_bytes_is_not_asked_again() {
    let (_database, mut conn) = spread().await;
    execute(
        &mut conn,
        "INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time, error_message)
         SELECT 'n', 'large', 'pending', 'scale', CASE WHEN n % 4 = 0 THEN '2025-05-01' ELSE '2026-03-01' END::timestamptz,
            repeat('e', 300000)
         FROM generate_series(1, 40) AS n",
    )
    .await;
    let large = list("-start_time", &[("namespace", "large"), ("until", "2026-04-01")]);
    let large = large.page(PageRequest::new(100, 0).unwrap());
    let (mut page, months) = page_and_months(&mut conn, &large).await;
    assert!(page.is_cut && page.has_more);
    assert_eq!(months, ["2026-02", "2026-03"]);
    let mut seen = page.records.len();
    while let Some(cursor) = page.next_cursor {
        page = large.clone().after(&cursor).run(&mut conn).await.unwrap();
        seen += page.records.len();
    }
    assert_eq!(seen, 40);
}
