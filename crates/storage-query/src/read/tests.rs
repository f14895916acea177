//! The SQL of every shape of read, as golden files in `snapshots/`.

use std::fmt::Write as _;

use storage_models::{AiAnalysis, Execution, Phase, Remediation, Severity, Status, Timestamp, Workflow};

use super::paged::Paged;
use super::{
    CountQuery, Feed, FeedEnd, FeedEndQuery, GetManyQuery, GetQuery, ListQuery, StreamQuery, TimelineQuery,
};
use crate::cursor::{Order, Position};
use crate::{
    AuditFilter, Bind, BoundSql, CheckedFilter, Cursor, Direction, Incident, Listed, PageRequest,
    RemediationFilter, Sort, Total,
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn end() -> FeedEnd {
    FeedEnd::of_row(at("2026-02-03T04:05:06Z"), None).unwrap()
}

fn render(golden: &mut String, title: &str, BoundSql { text, binds }: BoundSql) {
    writeln!(golden, "-- {title}\n{text}\n   {binds:?}\n").unwrap();
}

/// A filter with one value for the first field, two for each other, and a range of time.
fn full_filter<F: AuditFilter>() -> CheckedFilter<F> {
    let value = |field: &str, index: usize| match (field, index) {
        ("since" | "created_since" | "updated_since", _) => "2026-01-01".to_owned(),
        ("until" | "created_until" | "updated_until", _) => "2026-02-01".to_owned(),
        ("phase", _) => "completed,failed".to_owned(),
        ("status", _) => "success,failed".to_owned(),
        ("severity", _) => "critical,high".to_owned(),
        ("dry_run", _) => "true".to_owned(),
        ("min_duration", _) => "90s".to_owned(),
        ("max_duration", _) => "2h".to_owned(),
        ("remediation_id", _) => "1,2".to_owned(),
        (_, 0) => format!("{field}-a"),
        _ => format!("{field}-a,{field}-b"),
    };
    let keys = ["metadata.team", "metadata.tier"].into_iter().filter(|key| F::has_field(key));
    let pairs: Vec<_> = F::FIELDS
        .iter()
        .copied()
        .chain(keys)
        .zip(0..)
        .map(|(field, index)| (field, value(field, index)))
        .collect();
    let filter = F::from_pairs(pairs.iter().map(|(field, value)| (*field, value.as_str()))).unwrap();
    filter.check(at("2026-03-01T00:00:00Z")).unwrap()
}

fn golden_for<R: Listed>() -> String {
    let mut golden = String::new();
    let all = CheckedFilter::<R::Filter>::default();
    render(&mut golden, "list, newest first", ListQuery::<R>::new(all.clone()).to_sql().unwrap());
    for sort in Sort::<R>::all() {
        let query = ListQuery::<R>::new(all.clone()).sort(sort).total(Total::None);
        render(&mut golden, &format!("list without total, sort={sort}"), query.to_sql().unwrap());
    }
    for sort in Sort::<R>::all() {
        let values: &[_] =
            if sort.to_string().contains("duration") { &[Some(250), None] } else { &[Some(250)] };
        for position in values.iter().map(|value| Position { value: *value, id: 7 }) {
            for (side, place) in [("after", position.after()), ("before", position.before())] {
                let cursor = Cursor::new(&all, Order::By(sort), place);
                let query = ListQuery::<R>::new(all.clone()).sort(sort).total(Total::None).after(&cursor);
                render(
                    &mut golden,
                    &format!("list {side} {:?}, sort={sort}", position.value),
                    query.to_sql().unwrap(),
                );
            }
        }
    }
    render(&mut golden, "stream, every filter", StreamQuery::<R>::new(full_filter()).to_sql());
    render(&mut golden, "end of the feed", FeedEndQuery::<R>::new().to_sql());
    let place = Position { value: Some(250), id: 7 }.after();
    let cursor = Cursor::new::<R>(&full_filter(), Order::Written, place);
    let feed = Feed::<R>::new(full_filter()).after(&cursor).up_to(end());
    render(&mut golden, "feed, every filter, with total", feed.to_sql().unwrap());
    let page = PageRequest::new(20, 40).unwrap();
    let query = ListQuery::<R>::new(full_filter()).page(page);
    render(&mut golden, "list, every filter, third page", query.to_sql().unwrap());
    render(&mut golden, "count, every filter", CountQuery::<R>::new(full_filter()).to_sql());
    render(&mut golden, "get", GetQuery::<R>::new(7).to_sql());
    render(&mut golden, "get many", GetManyQuery::<R>::new([3, 1, 2], all).to_sql());
    golden
}

#[test]
fn golden_sql_of_remediations() {
    insta::assert_snapshot!("remediation", golden_for::<Remediation>());
}

#[test]
fn golden_sql_of_analyses() {
    insta::assert_snapshot!("aianalysis", golden_for::<AiAnalysis>());
}

#[test]
fn golden_sql_of_workflows() {
    insta::assert_snapshot!("workflow", golden_for::<Workflow>());
}

#[test]
fn golden_sql_of_executions() {
    insta::assert_snapshot!("execution", golden_for::<Execution>());
}

#[test]
fn golden_sql_of_incidents() {
    insta::assert_snapshot!("incident", golden_for::<Incident>());
}

#[test]
fn golden_sql_of_a_timeline() {
    let mut golden = String::new();
    render(&mut golden, "timeline", TimelineQuery::new(7).to_sql());
    insta::assert_snapshot!("timeline", golden);
}

/// F02: the list, its total and the count demand the same, whether counters know the filter or not.
#[test]
fn one_clause_feeds_list_total_and_count() {
    let known = RemediationFilter::default()
        .namespace("prod")
        .phase(Phase::Completed)
        .phase(Phase::Failed)
        .status(Status::Failed)
        .severity(Severity::High);
    let unknown = known.clone().cluster("east");
    // Of the counters: those folded, those appended, and the table where a month has none.
    for (filter, counts) in [(known, 3), (unknown, 1)] {
        let filter = filter.check(at("2026-03-01T00:00:00Z")).unwrap();
        let list = ListQuery::<Remediation>::new(filter.clone());
        for (BoundSql { text, .. }, clauses) in [
            (list.to_sql().unwrap(), counts + 1),
            (list.total(Total::None).to_sql().unwrap(), 1),
            (CountQuery::<Remediation>::new(filter).to_sql(), counts),
        ] {
            assert_eq!(without_numbers(&text).matches(CLAUSE).count(), clauses, "{text}");
            let asks_for_counters =
                text.matches("WHERE EXISTS (SELECT FROM remediation_count_excess)").count();
            assert_eq!(text.matches("WHERE").count() - asks_for_counters, clauses, "{text}");
        }
    }
}

/// The order in which the parts of a list are set changes nothing; parts that contradict each other are refused.
#[test]
fn the_parts_of_a_list_come_in_any_order() {
    let (all, sort) = (CheckedFilter::default(), Sort::created_at(Direction::Descending));
    let cursor = Cursor::new(&all, Order::By(sort), Position { value: Some(250), id: 7 }.after());
    let list = ListQuery::<Remediation>::new(all);
    let begun = list.clone().after(&cursor).total(Total::None).sort(sort).to_sql();
    let ended = list.clone().sort(sort).total(Total::None).after(&cursor).to_sql();
    assert_eq!((begun.is_ok(), begun), (true, ended));

    let refused = |query: ListQuery<Remediation>| query.check().unwrap_err().to_string();
    let behind = list.after(&cursor);
    assert_eq!(refused(behind.clone()), "cursor belongs to another sort; start again without cursor");
    let skipping = PageRequest::new(1, 1).unwrap();
    assert_eq!(refused(behind.page(skipping).sort(sort)), "offset cannot be combined with cursor");
}

/// F28: a list by ascending `created_at` is a list and no feed; a feed has a statement only up to an end that was read.
#[test]
fn a_feed_is_no_list_and_ends_where_its_end_was_read() {
    let sorted = ListQuery::<Remediation>::new(CheckedFilter::default())
        .sort(Sort::created_at(Direction::Ascending))
        .to_sql()
        .unwrap();
    assert!(!sorted.text.contains("created_at <"), "{}", sorted.text);
    let feed = Feed::<Remediation>::new(CheckedFilter::default());
    let refused = feed.to_sql().unwrap_err().to_string();
    assert_eq!(refused, "end must be read first, by FeedEndQuery");
    assert!(feed.up_to(end()).to_sql().unwrap().text.contains("created_at < $"));
}

fn unfiltered<R: Listed>(sort: Sort<R>) -> Paged<R> {
    let filter = R::Filter::default().check(at("2026-03-31T00:00:00Z")).unwrap();
    Paged::new(filter, Order::By(sort))
}

/// The total is of all months, whichever the page is asked of, and its plan has none of the table's.
#[test]
fn the_nearest_months_bound_the_page_and_not_its_total() {
    let paged = unfiltered::<Remediation>(Sort::default());
    let BoundSql { text, binds } = paged.nearest_sql().unwrap().into_bound();
    let (total, page) = text.split_once(" AS counted LEFT JOIN ").unwrap();
    assert!(
        page.contains("FROM remediation_audit WHERE start_time >= $1 ORDER BY start_time DESC"),
        "{page}"
    );
    assert!(!total.contains('$') && !total.contains("remediation_audit"), "{total}");
    assert_eq!(binds.first(), Some(&Bind::Timestamptz(at("2026-02-01T00:00:00Z"))));
    assert!(!paged.to_sql().unwrap().text.contains("start_time >="));
}

/// Nothing is asked twice that costs much when the nearest months do not fill the page.
#[test]
fn the_nearest_months_are_asked_first_where_that_may_save_and_costs_little() {
    let newest = || unfiltered::<Remediation>(Sort::default());
    let page = |limit, offset| PageRequest::new(limit, offset).unwrap();
    let by_cluster = RemediationFilter::default().cluster("east").check(at("2026-03-31T00:00:00Z")).unwrap();
    let by_cluster = || Paged { filter: by_cluster.clone(), ..newest() };
    let executions = || unfiltered::<Execution>(Sort::default());
    for (is_asked, expected, what) in [
        (newest().nearest_sql().is_some(), true, "the total of counters"),
        (by_cluster().nearest_sql().is_some(), false, "a total of records"),
        (executions().nearest_sql().is_some(), false, "a total of records without counters"),
        (Paged { total: Total::None, ..by_cluster() }.nearest_sql().is_some(), true, "no total"),
        (Paged { total: Total::None, ..executions() }.nearest_sql().is_some(), true, "no total"),
        (Paged { page: page(100, 400), ..newest() }.nearest_sql().is_some(), true, "a page near the first"),
        (Paged { page: page(100, 401), ..newest() }.nearest_sql().is_some(), false, "a deep page"),
        (newest().in_chunks().nearest_sql().is_some(), false, "a chunk of a stream"),
        (
            unfiltered::<Remediation>(Sort::created_at(Direction::Descending)).nearest_sql().is_some(),
            false,
            "another sort",
        ),
        (
            Paged { order: Order::Written, total: Total::None, ..newest() }.nearest_sql().is_some(),
            false,
            "a feed",
        ),
    ] {
        assert_eq!(is_asked, expected, "{what}");
    }
}

const CLAUSE: &str = "WHERE namespace = $ AND phase = ANY($) AND status = $";

fn without_numbers(text: &str) -> String {
    text.replace(|it: char| it.is_ascii_digit(), "")
}
