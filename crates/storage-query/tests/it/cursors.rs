//! Reading on by cursors.

use std::cell::RefCell;

use diesel_async::AsyncPgConnection;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use storage_models::{AiAnalysis, Execution, Remediation, Timestamp, Workflow};
use storage_query::{
    AuditFilter as _, CheckedFilter, Cursor, Incident, ListQuery, PageRequest, RemediationFilter, Sort,
    TimeBound, Total,
};

use crate::lists::{any_wanted, expected, filter};
use crate::model::{Modelled, Row, Wanted, narrowed};
use crate::support::{database, execute, now, seed};

/// The list from `offset` to its end, page by page, each behind the cursor of the one before.
async fn walked<R: Modelled>(
    conn: &mut AsyncPgConnection,
    filter: &CheckedFilter<R::Filter>,
    sort: Sort<R>,
    first: PageRequest,
    total: Option<i64>,
) -> Vec<R> {
    let mode = if total.is_some() { Total::Exact } else { Total::None };
    let mut query = ListQuery::<R>::new(filter.clone()).sort(sort).total(mode).page(first);
    let mut records = Vec::new();
    for number in 0.. {
        let page = query.run(conn).await.unwrap();
        assert_eq!((page.total, page.offset().is_some()), (total, number == 0));
        assert!(page.records.len() <= usize::try_from(first.limit()).unwrap());
        records.extend(page.records);
        if !page.has_more {
            assert_eq!(page.next_cursor, None);
            break;
        }
        let cursor: Cursor = page.next_cursor.unwrap().to_string().parse().unwrap();
        let rest = PageRequest::new(first.limit(), 0).unwrap();
        let next = ListQuery::new(filter.clone()).sort(sort).total(mode).page(rest);
        query = next.after(&cursor);
    }
    records
}

/// The list from its last page to its beginning, by the cursors that lead back, in the order of the list.
async fn walked_back<R: Modelled>(
    conn: &mut AsyncPgConnection,
    filter: &CheckedFilter<R::Filter>,
    sort: Sort<R>,
    size: PageRequest,
) -> Vec<R> {
    let list = ListQuery::<R>::new(filter.clone()).sort(sort).total(Total::None).page(size);
    let mut page = list.run(conn).await.unwrap();
    assert_eq!(page.previous_cursor, None);
    while let Some(next) = page.next_cursor {
        page = list.clone().after(&next).run(conn).await.unwrap();
    }
    let mut records = page.records;
    while let Some(previous) = page.previous_cursor {
        let previous: Cursor = previous.to_string().parse().unwrap();
        page = list.clone().after(&previous).run(conn).await.unwrap();
        assert!(page.has_more && page.offset().is_none());
        let next = list.clone().after(&page.next_cursor.unwrap()).run(conn).await.unwrap();
        assert_eq!(next.records.first(), records.first());
        records.splice(0..0, page.records);
    }
    records
}

pub(crate) async fn check<R: Modelled>(
    conn: &mut AsyncPgConnection,
    rows: &[Row<R>],
    wanted: &Wanted,
    sort: Sort<R>,
    first: PageRequest,
    counts: bool,
) -> Result<(), TestCaseError> {
    let wanted = &narrowed(wanted, &sort.to_string());
    let (everything, count) = expected(rows, wanted, &sort.to_string(), PageRequest::new(1_000, 0).unwrap());
    let skipped = usize::try_from(first.offset()).unwrap().min(everything.len());
    let total = counts.then(|| i64::try_from(count).unwrap());
    let walked = walked(conn, &filter::<R::Filter>(wanted), sort, first, total).await;
    prop_assert_eq!(&walked, &everything[skipped..]);
    if first.offset() == 0 {
        let back = walked_back(conn, &filter::<R::Filter>(wanted), sort, first).await;
        prop_assert_eq!(back, everything);
    }
    Ok(())
}

fn every_list_by_cursors<R: Modelled>() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (_database, mut conn, rows) = runtime.block_on(async {
        let (database, mut conn) = database().await;
        seed(&mut conn).await;
        let rows = Row::<R>::every(&mut conn).await;
        (database, conn, rows)
    });
    let conn = RefCell::new(&mut conn);
    let sorts: Vec<_> = Sort::<R>::all().collect();
    let page = (7_i64..=60, prop_oneof![Just(0_i64), 0_i64..40])
        .prop_map(|(limit, offset)| PageRequest::new(limit, offset).unwrap());
    let cases = (any_wanted(&rows), prop::sample::select(sorts), page, any::<bool>());
    TestRunner::new(Config::with_cases(60))
        .run(&cases, |(wanted, sort, page, counts)| {
            runtime.block_on(check(&mut conn.borrow_mut(), &rows, &wanted, sort, page, counts))
        })
        .unwrap();
    for sort in Sort::all() {
        let page = PageRequest::new(1, 0).unwrap();
        runtime.block_on(check(&mut conn.borrow_mut(), &rows, &Wanted::new(), sort, page, false)).unwrap();
    }
}

/// F01, BR-STORAGE-014: every record once, in order, nulls last in both directions.
#[test]
fn remediations_by_cursor_are_what_rust_works_out() {
    every_list_by_cursors::<Remediation>();
}

/// F01, BR-STORAGE-014
#[test]
fn analyses_by_cursor_are_what_rust_works_out() {
    every_list_by_cursors::<AiAnalysis>();
}

/// F01, BR-STORAGE-014
#[test]
fn workflows_by_cursor_are_what_rust_works_out() {
    every_list_by_cursors::<Workflow>();
}

/// F01, BR-STORAGE-014
#[test]
fn executions_by_cursor_are_what_rust_works_out() {
    every_list_by_cursors::<Execution>();
}

/// F01, BR-STORAGE-012, BR-STORAGE-014
#[test]
fn incidents_by_cursor_are_what_rust_works_out() {
    every_list_by_cursors::<Incident>();
}

/// What comes before a cursor meanwhile moves nothing, as it would move an offset.
#[tokio::test]
async fn records_written_meanwhile_neither_repeat_nor_hide_others() {
    let (_database, mut conn) = database().await;
    seed(&mut conn).await;
    let query =
        ListQuery::<Remediation>::new(CheckedFilter::default()).page(PageRequest::new(100, 0).unwrap());
    let before =
        ListQuery::<Remediation>::new(CheckedFilter::default()).page(PageRequest::new(300, 0).unwrap());
    let before = before.run(&mut conn).await.unwrap().records;
    let mut page = query.run(&mut conn).await.unwrap();
    let mut seen = page.records;
    while let Some(cursor) = page.next_cursor {
        execute(
            &mut conn,
            "INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time)
             SELECT 'n', 'ns', 'pending', 'scale', '2026-03-30' FROM generate_series(1, 30)",
        )
        .await;
        page = query.clone().after(&cursor).run(&mut conn).await.unwrap();
        seen.extend(page.records);
    }
    assert_eq!(seen, before);
}

/// An age means the same instant on every page, however late it is asked for.
#[tokio::test]
async fn an_age_does_not_move_between_pages() {
    let (_database, mut conn) = database().await;
    seed(&mut conn).await;
    let asked = |now: Timestamp| {
        let filter = RemediationFilter::default().since("60d".parse::<TimeBound>().unwrap());
        ListQuery::<Remediation>::new(filter.check(now).unwrap()).page(PageRequest::new(20, 0).unwrap())
    };
    let later: Timestamp = "2026-05-29T00:00:00Z".parse().unwrap();
    let mut page = asked(now()).run(&mut conn).await.unwrap();
    let (total, mut seen) = (page.total, page.records.len());
    assert!(asked(later).run(&mut conn).await.unwrap().total < total);
    while let Some(cursor) = page.next_cursor {
        page = asked(later).after(&cursor).run(&mut conn).await.unwrap();
        assert_eq!(page.total, total);
        seen += page.records.len();
    }
    assert_eq!(i64::try_from(seen).ok(), total);
}

/// F19: an offset beside a cursor is refused, by name.
#[tokio::test]
async fn a_cursor_takes_no_offset() {
    let (_database, mut conn) = database().await;
    seed(&mut conn).await;
    let query = ListQuery::<Execution>::new(CheckedFilter::default());
    let cursor = query.run(&mut conn).await.unwrap().next_cursor.unwrap();
    let both = query.after(&cursor).page(PageRequest::new(10, 5).unwrap());
    let error = both.run(&mut conn).await.unwrap_err();
    assert_eq!(error.to_string(), "offset cannot be combined with cursor");
}
