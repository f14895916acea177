//! Lists and their totals.

use std::cell::RefCell;

use diesel_async::AsyncPgConnection;
use proptest::prelude::*;
use proptest::sample::subsequence;
use proptest::test_runner::{Config, TestRunner};
use storage_models::{AiAnalysis, Execution, Remediation, Workflow};
use storage_query::{
    AuditFilter, AuditRecord, CheckedFilter, CountQuery, GetManyQuery, Incident, ListQuery, Page,
    PageRequest, RemediationFilter, Sort, Total,
};

use crate::model::{Modelled, Row, Wanted, narrowed, vocabulary};
use crate::support::{connect, database, execute, id, now, seed};

/// Any filter over what `rows` hold: each field absent more often than not, else with one to three values.
pub(crate) fn any_wanted<R: Modelled>(rows: &[Row<R>]) -> impl Strategy<Value = Wanted> + use<R> {
    let fields = vocabulary(rows, &R::parameters());
    let field = |(field, values): (&'static str, Vec<String>)| {
        let is_single = ["since", "until", "min_duration", "max_duration"].contains(&field);
        let most = if is_single || field.ends_with(".null") { 1 } else { 3.min(values.len()) };
        prop::option::weighted(0.2, (Just(field), subsequence(values, 1..=most)))
    };
    let fields: Vec<_> = fields.into_iter().map(field).collect();
    fields.prop_map(|fields| fields.into_iter().flatten().collect::<Wanted>()).prop_filter(
        "no range ends before it begins, and nothing is without effect",
        |wanted| {
            let is_without_effect = |field: &str| {
                wanted.get(format!("{field}.null").as_str()).is_some_and(|it| it[0] == "false")
                    && (wanted.contains_key(field) || wanted.contains_key(format!("{field}.prefix").as_str()))
            };
            if ["cluster", "namespace", "severity"].into_iter().any(is_without_effect) {
                return false;
            }
            // The texts of the times, and those of the durations, sort as they do.
            let in_order =
                |from, to| wanted.get(from).zip(wanted.get(to)).is_none_or(|(from, to)| from <= to);
            in_order("since", "until") && in_order("min_duration", "max_duration")
        },
    )
}

pub(crate) fn filter<F: AuditFilter>(wanted: &Wanted) -> CheckedFilter<F> {
    let escaped = |values: &Vec<String>| {
        values.iter().map(|value| value.replace(',', r"\,")).collect::<Vec<_>>().join(",")
    };
    let pairs: Vec<_> = wanted.iter().map(|(field, values)| (*field, escaped(values))).collect();
    F::from_pairs(pairs.iter().map(|(field, text)| (*field, text.as_str()))).unwrap().check(now()).unwrap()
}

fn any_page() -> impl Strategy<Value = PageRequest> {
    let limit = prop_oneof![1_i64..=20, Just(300), Just(1_000)];
    let offset = prop_oneof![Just(0_i64), 0_i64..320, Just(100_000)];
    (limit, offset).prop_map(|(limit, offset)| PageRequest::new(limit, offset).unwrap())
}

/// The page that `rows` make, and how many match.
pub(crate) fn expected<R: Modelled>(
    rows: &[Row<R>],
    wanted: &Wanted,
    sort: &str,
    page: PageRequest,
) -> (Vec<R>, usize) {
    let mut matching: Vec<_> = rows.iter().filter(|row| row.matches(wanted)).collect();
    matching.sort_by(|a, b| a.compare(b, sort));
    let (offset, limit) = (page.offset().try_into().unwrap(), page.limit().try_into().unwrap());
    let records = matching.iter().skip(offset).take(limit).map(|row| row.record.clone()).collect();
    (records, matching.len())
}

pub(crate) async fn check<R: Modelled>(
    conn: &mut AsyncPgConnection,
    rows: &[Row<R>],
    wanted: &Wanted,
    sort: Sort<R>,
    page: PageRequest,
) -> Result<(), TestCaseError> {
    let wanted = &narrowed(wanted, &sort.to_string());
    let filter = filter::<R::Filter>(wanted);
    let (records, total) = expected(rows, wanted, &sort.to_string(), page);
    let total = i64::try_from(total).unwrap();
    let has_more = page.offset() + page.limit() < total;

    let query = ListQuery::<R>::new(filter.clone()).sort(sort).page(page);
    let counted = query.run(conn).await.unwrap();
    prop_assert_eq!((&counted.records, counted.total, counted.has_more), (&records, Some(total), has_more));
    let uncounted = query.total(Total::None).run(conn).await.unwrap();
    prop_assert_eq!((&uncounted.records, uncounted.total, uncounted.has_more), (&records, None, has_more));
    prop_assert_eq!(CountQuery::<R>::new(filter.clone()).run(conn).await.unwrap(), total);
    Ok(())
}

fn every_filter_sort_and_page<R: Modelled>() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (_database, mut conn, rows) = runtime.block_on(async {
        let (database, mut conn) = database().await;
        seed(&mut conn).await;
        let rows = Row::<R>::every(&mut conn).await;
        (database, conn, rows)
    });
    assert_eq!(rows.len(), 300);
    let conn = RefCell::new(&mut conn);
    let sorts: Vec<_> = Sort::<R>::all().collect();
    let cases = (any_wanted(&rows), prop::sample::select(sorts), any_page());
    TestRunner::new(Config::with_cases(200))
        .run(&cases, |(wanted, sort, page)| {
            runtime.block_on(check(&mut conn.borrow_mut(), &rows, &wanted, sort, page))
        })
        .unwrap();
}

/// F01, BR-STORAGE-013, BR-STORAGE-014.
#[test]
fn pages_and_totals_of_remediations_are_what_rust_works_out() {
    every_filter_sort_and_page::<Remediation>();
}

/// F01, BR-STORAGE-013, BR-STORAGE-014.
#[test]
fn pages_and_totals_of_analyses_are_what_rust_works_out() {
    every_filter_sort_and_page::<AiAnalysis>();
}

/// F01, BR-STORAGE-013, BR-STORAGE-014.
#[test]
fn pages_and_totals_of_workflows_are_what_rust_works_out() {
    every_filter_sort_and_page::<Workflow>();
}

/// F01, BR-STORAGE-013, BR-STORAGE-014.
#[test]
fn pages_and_totals_of_executions_are_what_rust_works_out() {
    every_filter_sort_and_page::<Execution>();
}

/// F01, BR-STORAGE-012, BR-STORAGE-013, BR-STORAGE-014.
#[test]
fn pages_and_totals_of_incidents_are_what_rust_works_out() {
    every_filter_sort_and_page::<Incident>();
}

async fn all<R: AuditRecord>(conn: &mut AsyncPgConnection, page: PageRequest) -> Page<R> {
    ListQuery::<R>::new(CheckedFilter::default()).page(page).run(conn).await.unwrap()
}

/// F01: the total does not shrink to the page, nor vanish past the end.
#[tokio::test]
async fn the_total_is_right_past_the_end_and_in_an_empty_table() {
    let (_database, mut conn) = database().await;
    let empty = all::<Workflow>(&mut conn, PageRequest::default()).await;
    assert_eq!((empty.records.len(), empty.total, empty.has_more), (0, Some(0), false));
    seed(&mut conn).await;
    for (limit, offset, records, has_more) in [
        (10, 0, 10, true),
        (10, 290, 10, false),
        (10, 299, 1, false),
        (10, 300, 0, false),
        (10, 100_000, 0, false),
    ] {
        let page = all::<Workflow>(&mut conn, PageRequest::new(limit, offset).unwrap()).await;
        assert_eq!((page.records.len(), page.total, page.has_more), (records, Some(300), has_more));
    }
}

/// F02: list and total are of one snapshot, whatever is written in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_beside_the_reader_never_makes_the_total_smaller_than_the_list() {
    let (database, mut conn) = database().await;
    let mut writing = connect(&database).await;
    let writer = tokio::spawn(async move {
        for _ in 0..400 {
            execute(
                &mut writing,
                "INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time)
                 SELECT 'n', 'beside', 'pending', 'scale', '2026-02-01' FROM generate_series(1, 2)",
            )
            .await;
        }
    });
    let filter = RemediationFilter::default().namespace("beside").check(now()).unwrap();
    let everything = ListQuery::<Remediation>::new(filter.clone()).page(PageRequest::new(1_000, 0).unwrap());
    let first = ListQuery::<Remediation>::new(filter).page(PageRequest::new(1, 0).unwrap());
    while !writer.is_finished() {
        let before = first.run(&mut conn).await.unwrap().total;
        let page = everything.run(&mut conn).await.unwrap();
        assert_eq!(page.total, Some(page.records.len().try_into().unwrap()));
        assert!(page.total >= before);
    }
    writer.await.unwrap();
    assert_eq!(everything.run(&mut conn).await.unwrap().records.len(), 800);
}

#[tokio::test]
async fn many_ids_come_back_in_their_order_and_through_the_filter() {
    let (_database, mut conn) = database().await;
    seed(&mut conn).await;
    let rows = Row::<Execution>::every(&mut conn).await;
    let stored = |place: usize| rows[place].record.id;
    let ids =
        [stored(250), stored(3), id(999_999, "2026-01"), stored(17), stored(3), stored(100), stored(99)];
    let found = GetManyQuery::<Execution>::new(ids, CheckedFilter::default()).run(&mut conn).await.unwrap();
    let expected = [stored(250), stored(3), stored(17), stored(100), stored(99)];
    assert_eq!(found.records.iter().map(|record| record.id).collect::<Vec<_>>(), expected);

    let wanted = Wanted::from([("status", vec!["success".to_owned()])]);
    let found = GetManyQuery::<Execution>::new(ids, filter(&wanted)).run(&mut conn).await.unwrap();
    let kept = rows.iter().filter(|row| row.matches(&wanted) && ids.contains(&row.record.id)).count();
    assert_eq!(found.records.len(), kept);
    assert!(
        GetManyQuery::<Execution>::new([], CheckedFilter::default())
            .run(&mut conn)
            .await
            .unwrap()
            .records
            .is_empty()
    );
}
