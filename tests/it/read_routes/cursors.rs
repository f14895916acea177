//! F19: a cursor is good for the list it came from and for no other.

use serde_json::Value;

use super::values::Kind;
use super::{Route, each, form, is_taken, refuses_only, routes, service};
use crate::support::Service;

/// Bytes of a cursor that say which list it is of, in its letters: version, list, sort, flags and the filter's digest
/// are 20 bytes. What follows is a place, and any place may be asked for.
const BOUND_LETTERS: usize = 26;

/// A list, and cursors of it by filter.
struct List<'a> {
    route: &'a Route,
    cursor: String,
    of_all_since: String,
}

async fn cursor(service: &Service, route: &Route, query: &str) -> String {
    let path = route.with(&format!("limit=1&{query}"), &[]);
    let page = service.get(&path).await.expect(200).json();
    page["pagination"]["next_cursor"].as_str().unwrap_or_else(|| panic!("{path}: {page}")).to_owned()
}

/// A cursor with another filter, sort or route, or changed anywhere in what binds it, is refused by its name.
#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_another_list_is_refused_by_name() {
    let service = service().await;
    let routes = routes(&service).await;
    let mut lists = Vec::new();
    for route in routes.iter().filter(|route| route.get("cursor").is_some()) {
        let (cursor, of_all_since) =
            (cursor(&service, route, "").await, cursor(&service, route, "since=2026-01-01").await);
        lists.push(List { route, cursor, of_all_since });
    }
    assert_eq!(lists.len(), 5);
    let requests = lists.iter().map(|list| {
        let queries = of_another_filter(list).chain(of_another_sort(list)).chain(changed(list));
        let own = queries.map(|query| (list.route.with(&query, &[]), ()));
        let others = lists.iter().filter(|other| other.route.path != list.route.path);
        let foreign = others.map(|other| (list.route.with(&format!("cursor={}", other.cursor), &[]), ()));
        own.chain(foreign).collect()
    });
    let count =
        each(&service, requests.collect(), |(), answer| refuses_only(answer, "cursor", "invalid_cursor"))
            .await;
    assert!(count > 5 * 26, "{count}");
}

/// Beside a cursor no offset is taken but that of the beginning, which clients send that send defaults; and no other cursor (F52).
#[tokio::test]
async fn what_cannot_stand_beside_a_cursor_is_refused_by_name() {
    let service = service().await;
    let routes = routes(&service).await;
    let mut requests = Vec::new();
    for route in routes.iter().filter(|route| route.get("cursor").is_some()) {
        let cursor = cursor(&service, route, "").await;
        let beside = [
            ("offset=1", ("offset", "not_with_cursor")),
            (&*format!("cursor={cursor}"), ("cursor", "repeated")),
        ];
        requests.push(
            beside
                .map(|(other, refusal)| (route.with(&format!("cursor={cursor}&{other}"), &[]), refusal))
                .to_vec(),
        );
    }
    each(&service, requests, |(name, code): &(&str, &str), answer| refuses_only(answer, name, code)).await;
    for route in routes.iter().filter(|route| route.get("cursor").is_some()) {
        let cursor = cursor(&service, route, "").await;
        let page =
            service.get(&route.with(&format!("cursor={cursor}&offset=0"), &[])).await.expect(200).json();
        assert_eq!(
            (&page["pagination"]["offset"], &page["pagination"]["page"]),
            (&Value::Null, &Value::Null)
        );
    }
}

/// Whatever the place in a cursor is changed to, it is a place or it is refused: never a failure.
#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_was_made_up_is_a_place_or_refused() {
    let service = service().await;
    let routes = routes(&service).await;
    let mut requests = Vec::new();
    for route in routes.iter().filter(|route| route.get("cursor").is_some()) {
        let sorts = route.get("sort").unwrap();
        let mut of_route = Vec::new();
        for sort in sorts.words() {
            let narrowed = if sort.contains("updated_at") { "&updated_since=1d" } else { "" };
            let sort = form("sort", sort) + narrowed;
            let Ok(cursor) =
                tokio::time::timeout(crate::support::PATIENCE, first(&service, route, &sort)).await
            else {
                panic!("{sort} of {} gives no cursor", route.path)
            };
            let letters = BOUND_LETTERS + 1..cursor.len();
            of_route.extend(letters.flat_map(|at| {
                ["A", "_", "q"].map(|letter| {
                    let mut changed = cursor.clone();
                    changed.replace_range(at..=at, letter);
                    (route.with(&format!("{sort}&cursor={changed}"), &[]), ())
                })
            }));
        }
        requests.push(of_route);
    }
    each(&service, requests, |(), answer| {
        is_taken(answer).or_else(|_| refuses_only(answer, "cursor", "invalid_cursor"))
    })
    .await;
}

/// The first cursor of a list, once it has one: a feed lags a moment behind.
async fn first(service: &Service, route: &Route, query: &str) -> String {
    loop {
        let path = route.with(&format!("limit=1&{query}"), &[]);
        let page = service.get(&path).await.expect(200).json();
        if let Some(cursor) = page["pagination"]["next_cursor"].as_str() {
            return cursor.to_owned();
        }
        tokio::task::yield_now().await;
    }
}

/// With each filter of the description in the place of none, and none in the place of one.
fn of_another_filter(list: &List<'_>) -> impl Iterator<Item = String> {
    let filters = list.route.parameters.iter().filter(|it| {
        !["sort", "limit", "offset", "cursor", "total"].contains(&it.name.as_str()) && it.kind != Kind::Cursor
    });
    let added = filters.map(|it| format!("{}&cursor={}", it.alone(), list.cursor));
    let taken = [
        format!("cursor={}", list.of_all_since),
        format!("since=2026-01-02&cursor={}", list.of_all_since),
        format!("until=2026-01-01&cursor={}", list.of_all_since),
    ];
    added.chain(taken)
}

fn of_another_sort(list: &List<'_>) -> impl Iterator<Item = String> {
    let sort = list.route.get("sort").unwrap();
    let others = sort.words().into_iter().filter(|word| *word != "-start_time" && *word != "-timestamp");
    others.map(|word| format!("sort={word}&cursor={}", list.cursor)).collect::<Vec<_>>().into_iter()
}

/// With any of the letters changed that bind it, cut, or longer.
fn changed(list: &List<'_>) -> impl Iterator<Item = String> {
    let cursor = &list.cursor;
    let letters = (0..BOUND_LETTERS).map(|at| {
        let other = if cursor.get(at..=at) == Some("B") { "C" } else { "B" };
        let mut changed = cursor.clone();
        changed.replace_range(at..=at, other);
        changed
    });
    let cut = [cursor.get(1..), cursor.get(..cursor.len() - 1), cursor.get(..cursor.len() / 2)];
    let cut = cut.map(|it| it.unwrap_or_default().to_owned());
    let longer =
        [format!("{cursor}A"), format!("{cursor}AAAA"), format!("{cursor}%3D"), format!("%20{cursor}")];
    letters.chain(cut).chain(longer).map(|changed| format!("cursor={changed}"))
}
