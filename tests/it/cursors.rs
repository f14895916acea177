//! Reading a list to its end by cursor, while others write to it.

use std::collections::HashSet;

use diesel::sql_query;
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _};
use serde_json::{Value, json};

use crate::support::{Answer, PATIENCE, Service, eventually, remediation};

const SORTS: [&str; 5] = ["start_time", "-start_time", "-created_at", "duration_ms", "-duration_ms"];

/// The ids of an answer's records, in their order.
fn ids(page: &Value) -> Vec<i64> {
    page["data"].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()).collect()
}

/// Reads a list from its beginning to its end by its cursors.
async fn walk(service: &Service, list: &str) -> Vec<i64> {
    let mut page = service.get(list).await.expect(200).json();
    let mut seen = ids(&page);
    while let Some(cursor) = page["pagination"]["next_cursor"].as_str() {
        page = service.get(&format!("{list}&cursor={cursor}")).await.expect(200).json();
        let pagination = &page["pagination"];
        assert_eq!((&pagination["offset"], &pagination["page"]), (&Value::Null, &Value::Null));
        assert_eq!(pagination["has_more"], pagination["next_cursor"].is_string());
        seen.extend(ids(&page));
    }
    seen
}

#[track_caller]
fn assert_distinct(seen: &[i64]) -> HashSet<i64> {
    let distinct: HashSet<i64> = seen.iter().copied().collect();
    assert_eq!(distinct.len(), seen.len(), "a record came twice: {seen:?}");
    distinct
}

/// A remediation that started so many minutes ago; every other one has ended.
fn started(minutes: i64) -> Value {
    let start = chrono::Utc::now() - chrono::TimeDelta::minutes(minutes);
    let mut body = remediation(&format!("m-{minutes}"));
    body["start_time"] = json!(start.to_rfc3339());
    if minutes % 2 == 0 {
        body["phase"] = json!("completed");
        body["status"] = json!("success");
        body["end_time"] = json!((start + chrono::TimeDelta::seconds(minutes % 7)).to_rfc3339());
    }
    body
}

/// In whichever order: no record comes twice and none of those there at the beginning is missed, while others
/// are written before, between and behind them.
#[tokio::test(flavor = "multi_thread")]
async fn a_walk_by_cursor_misses_nothing_while_others_write() {
    let service = Service::start().await;
    let initial = (0..60).map(|n| started(n * 2 + n % 2));
    let bodies: Vec<Value> = initial.collect();
    let writes =
        bodies.iter().map(|body| async { service.post("remediation", body).await.expect(201).json() });
    let written = futures_util::future::join_all(writes).await;
    let initial: HashSet<i64> = written.iter().map(|record| record["id"].as_i64().unwrap()).collect();
    let (walking, stop) = tokio::sync::watch::channel(true);
    let writer = async {
        for n in 0.. {
            if !*stop.borrow() {
                return n;
            }
            service.post("remediation", &started(n * 13 % 200)).await.expect(201);
        }
        0
    };
    let reader = async {
        for list in ["audit/remediation", "incidents"] {
            for sort in SORTS {
                let seen = walk(&service, &format!("/api/v1/{list}?sort={sort}&limit=7&since=1d")).await;
                let distinct = assert_distinct(&seen);
                assert!(
                    initial.is_subset(&distinct),
                    "{list} by {sort} missed {:?}",
                    initial.difference(&distinct)
                );
            }
        }
        walking.send(false).unwrap();
    };
    let (during, ()) = tokio::join!(writer, reader);
    assert!(during > 0, "nothing was written meanwhile");
}

/// Reads on a list by ascending `created_at` until it has shown so many records.
async fn follow(service: &Service, mut cursor: String, wanted: usize) -> Vec<i64> {
    let mut poll = tokio::time::interval(std::time::Duration::from_millis(20));
    let mut seen = Vec::new();
    let reading = async {
        while seen.len() < wanted {
            poll.tick().await;
            let page = service.get(&format!("{FEED}&cursor={cursor}")).await.expect(200).json();
            seen.extend(ids(&page));
            page["pagination"]["next_cursor"].as_str().unwrap().clone_into(&mut cursor);
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap();
    seen
}

const FEED: &str = "/api/v1/audit/remediation?sort=created_at&limit=3";

/// F28: records that others committed meanwhile wait for one that is committed late; then all come, in order.
#[tokio::test(flavor = "multi_thread")]
async fn a_feed_does_not_pass_a_record_that_is_committed_late() {
    let service = Service::start().await;
    let first = service.remediation("first").await;
    eventually("the feed shows the first record", async || {
        ids(&service.get(FEED).await.expect(200).json()) == [first]
    })
    .await;

    // As the service's role, whose transactions it may see.
    let mut late = AsyncPgConnection::establish(&service.database.server_url().unwrap()).await.unwrap();
    late.batch_execute("BEGIN").await.unwrap();
    let insert = "INSERT INTO remediation_audit (name, namespace, phase, action_type, status, start_time) \
                  VALUES ('late', 'default', 'processing', 'restart-pod', 'running', now())";
    sql_query(insert).execute(&mut late).await.unwrap();
    let mut quick = Vec::new();
    for n in 0..5 {
        quick.push(service.remediation(&format!("quick-{n}")).await);
    }
    let page = service.get(FEED).await.expect(200).json();
    assert_eq!((ids(&page), &page["pagination"]["has_more"]), (vec![first], &json!(false)));
    let cursor = page["pagination"]["next_cursor"].as_str().unwrap().to_owned();

    late.batch_execute("COMMIT").await.unwrap();
    let seen = follow(&service, cursor, 6).await;
    assert_distinct(&seen);
    assert_eq!(seen[1..], quick, "the late one began first");
}

/// F28: of what many write at once, a reader that follows meets every record once.
#[tokio::test(flavor = "multi_thread")]
async fn a_feed_shows_what_many_write_at_once() {
    let service = Service::start().await;
    let first = service.remediation("first").await;
    eventually("the feed shows the first record", async || {
        ids(&service.get(FEED).await.expect(200).json()) == [first]
    })
    .await;
    let page = service.get(FEED).await.expect(200).json();
    let cursor = page["pagination"]["next_cursor"].as_str().unwrap().to_owned();
    let writer = async |writer: usize| {
        let mut written = Vec::new();
        for n in 0..25 {
            written.push(service.remediation(&format!("w{writer}-{n}")).await);
        }
        written
    };
    let writers = futures_util::future::join_all((0..8).map(writer));
    let (written, seen) = tokio::join!(writers, follow(&service, cursor, 200));
    assert_eq!(assert_distinct(&seen), written.into_iter().flatten().collect());
}

#[tokio::test]
async fn the_other_types_are_read_by_cursor_too() {
    let service = Service::start().await;
    let parent = service.remediation("parent").await;
    for (kind, body) in [
        (
            "aianalysis",
            json!({ "analysis_type": "a", "confidence": 0.5, "recommendation": "r", "model": "m" }),
        ),
        ("workflow", json!({ "workflow_name": "w", "phase": "planning", "step_count": 2 })),
        (
            "execution",
            json!({ "action_type": "a", "target_kind": "k", "target_name": "t", "namespace": "n" }),
        ),
    ] {
        let mut written = Vec::new();
        for _ in 0..5 {
            let mut body = body.clone();
            body["remediation_id"] = json!(parent);
            written.push(service.post(kind, &body).await.expect(201).json()["id"].as_i64().unwrap());
        }
        let list = format!("/api/v1/audit/{kind}?limit=2&remediation_id={parent}&sort=-created_at");
        let seen = walk(&service, &list).await;
        assert_eq!(assert_distinct(&seen), written.into_iter().collect(), "{kind}");
    }
}

async fn seeded() -> (Service, String) {
    let service = Service::start().await;
    for minutes in 0..5 {
        service.post("remediation", &started(minutes)).await.expect(201);
    }
    let page = service.get("/api/v1/audit/remediation?limit=2&namespace=default").await.expect(200).json();
    let cursor = page["pagination"]["next_cursor"].as_str().unwrap().to_owned();
    (service, cursor)
}

#[tokio::test]
async fn the_links_of_a_page_after_a_cursor_lead_on_by_cursor() {
    let (service, cursor) = seeded().await;
    let list = "/api/v1/audit/remediation?limit=2&namespace=default";
    let page = service.get(&format!("{list}&cursor={cursor}")).await.expect(200);
    let next = page.json()["pagination"]["next_cursor"].as_str().unwrap().to_owned();
    let (links, end) = (page.header("Link").to_owned(), format!(">; rel=\"prev\", <{list}>; rel=\"first\""));
    let previous = links
        .strip_prefix(&format!("<{list}&cursor={next}>; rel=\"next\", <"))
        .and_then(|rest| rest.strip_suffix(&end))
        .unwrap_or_else(|| panic!("{links}"));
    let back = service.get(previous).await.expect(200);
    let first = service.get(list).await.expect(200).json();
    assert_eq!(back.json()["data"], first["data"]);
    assert!(!back.header("Link").contains("rel=\"prev\""), "{back:?}");
    let pagination = json!({ "total": 5, "limit": 2, "offset": null, "page": null, "total_pages": 3,
                             "has_more": true, "next_cursor": next });
    assert_eq!(page.json()["pagination"], pagination);
    let last = service.get(&format!("{list}&cursor={next}")).await.expect(200);
    assert!(last.header("Link").contains("rel=\"prev\"") && !last.header("Link").contains("rel=\"next\""));
    assert_eq!(last.json()["pagination"]["next_cursor"], Value::Null);
}

fn refusals(answer: &Answer) -> Vec<(String, String)> {
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let errors = answer.json()["errors"].as_array().unwrap().clone();
    errors.iter().map(|error| (word(&error["parameter"]), word(&error["code"]))).collect()
}

/// F19: a cursor that is none, or of another list, is refused by name; so is an offset beside one.
#[tokio::test]
async fn cursors_of_other_lists_are_refused() {
    let (service, cursor) = seeded().await;
    for (path, name, code) in [
        ("audit/remediation?namespace=other", "cursor", "invalid_cursor"),
        ("audit/remediation", "cursor", "invalid_cursor"),
        ("audit/remediation?namespace=default&metadata.team=a", "cursor", "invalid_cursor"),
        ("audit/remediation?namespace=default&min_duration=1s", "cursor", "invalid_cursor"),
        ("audit/remediation?namespace=default&sort=start_time", "cursor", "invalid_cursor"),
        ("audit/remediation?namespace=default&offset=10", "offset", "not_with_cursor"),
        ("audit/execution?namespace=default", "cursor", "invalid_cursor"),
        ("audit/aianalysis", "cursor", "invalid_cursor"),
        ("incidents?namespace=default", "cursor", "invalid_cursor"),
        ("audit/search?q=x&namespace=default", "cursor", "unknown_parameter"),
    ] {
        let separator = if path.contains('?') { '&' } else { '?' };
        let answer = service.get(&format!("/api/v1/{path}{separator}cursor={cursor}")).await.expect(400);
        assert_eq!(refusals(&answer), [(name.to_owned(), code.to_owned())], "{path}");
    }
    let long = "A".repeat(5_000);
    for garbage in
        ["", "x", "10abc", "%00", "%C3%A4", &long, cursor.get(1..).unwrap(), &format!("{cursor}AAAA")]
    {
        let path = format!("/api/v1/audit/remediation?namespace=default&cursor={garbage}");
        let answer = service.get(&path).await.expect(400);
        assert_eq!(refusals(&answer), [("cursor".to_owned(), "invalid_cursor".to_owned())], "{garbage}");
    }
}
