//! Filters as users write them: values as they were sent, suffixes, times of writing, links that are followed.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, PATIENCE, Service, remediation};

const LIST: &str = "/api/v1/audit/remediation";

/// A query string of these parameters, encoded.
fn query(parameters: &[(&str, &str)]) -> String {
    let url = reqwest::Url::parse_with_params("http://localhost", parameters).unwrap();
    url.query().unwrap_or_default().to_owned()
}

/// What a list finds, by name in the order of names, and the page itself.
async fn found(service: &Service, parameters: &[(&str, &str)]) -> (Vec<String>, Value) {
    let page = service.get(&format!("{LIST}?{}", query(parameters))).await.expect(200).json();
    let names = page["data"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    (names, page)
}

/// Stores remediations with these members beside the least they need.
async fn store(service: &Service, records: &[(&str, Value)]) {
    for (name, members) in records {
        let mut body = remediation(name);
        for (key, value) in members.as_object().unwrap() {
            body[key] = value.clone();
        }
        service.post("remediation", &body).await.expect(201);
    }
}

/// F66: a record is found by the very values it was sent with, and each that is compared otherwise is told, wherever a
/// filter is taken.
#[tokio::test]
async fn a_record_is_found_by_what_it_was_sent_with() {
    let service = Service::start().await;
    store(
        &service,
        &[
            ("a", json!({ "namespace": " pay ", "alert_name": "HostHighCpuLoad(prod)", "severity": "critical" })),
            ("b", json!({ "namespace": "shop", "alert_name": "节点CPU使用率过高(>90%)" })),
        ],
    )
    .await;
    for (parameters, names, notes) in [
        (&[("namespace", " pay ")][..], &["a"][..], json!([["namespace", " pay ", "pay"]])),
        (&[("namespace", "pay, shop")], &["a", "b"], json!([["namespace", " shop", "shop"]])),
        (&[("namespace", "pay\n")], &["a"], json!([["namespace", "pay\n", "pay"]])),
        (
            &[("alert_name", "HostHighCpuLoad(prod)")],
            &["a"],
            json!([["alert_name", "HostHighCpuLoad(prod)", "HostHighCpuLoadprod"]]),
        ),
        (
            &[("alert_name", "节点CPU使用率过高(>90%)")],
            &["b"],
            json!([["alert_name", "节点CPU使用率过高(>90%)", "节点CPU使用率过高90%"]]),
        ),
        (&[("severity", "Critical")], &["a"], json!([["severity", "Critical", "critical"]])),
        (&[("namespace.not", " pay")], &["b"], json!([["namespace.not", " pay", "pay"]])),
        (&[("namespace", "pay")], &["a"], json!([])),
    ] {
        let told = |answer: &Value| {
            let notes = answer["filter_notes"].as_array().cloned().unwrap_or_default();
            let note = |it: &Value| json!([it["parameter"], it["given"], it["compared"]]);
            notes.iter().map(note).collect::<Value>()
        };
        let (seen, page) = found(&service, parameters).await;
        assert_eq!(
            (seen, told(&page)),
            (names.iter().map(|it| (*it).to_owned()).collect(), notes.clone()),
            "{parameters:?}"
        );
        for path in [
            "/api/v1/incidents",
            "/api/v1/incidents/aggregate/success-rate",
            "/api/v1/incidents/aggregate/by-severity",
            "/api/v1/incidents/aggregate/trend",
            "/api/v1/audit/search?q=restart",
        ] {
            let joint = if path.contains('?') { '&' } else { '?' };
            let answer = service.get(&format!("{path}{joint}{}", query(parameters))).await.expect(200).json();
            assert_eq!(told(&answer), notes, "{path} {parameters:?}");
        }
        let export = service.get(&format!("{LIST}/export?{}", query(parameters))).await.expect(200);
        assert_eq!(export.text.lines().count(), names.len(), "{parameters:?}");
        let named = export.headers.get("X-Filter-Notes").map(|it| it.to_str().unwrap().to_owned());
        assert_eq!(named, notes[0][0].as_str().map(str::to_owned), "{parameters:?}");
    }
}

/// F72: what an aggregate counts can be listed, absent values too.
#[tokio::test]
async fn suffixes_select_what_is_absent_excluded_or_begins_so() {
    let service = Service::start().await;
    store(
        &service,
        &[
            ("eu", json!({ "cluster": "eu-1", "severity": "high" })),
            ("us", json!({ "cluster": "us-1", "severity": "low" })),
            ("none", json!({})),
        ],
    )
    .await;
    for (parameters, names) in [
        (&[("severity.null", "true")][..], &["none"][..]),
        (&[("severity.null", "false")], &["eu", "us"]),
        (&[("cluster.not", "eu-1")], &["none", "us"]),
        (&[("cluster.not", "eu-1"), ("cluster.null", "false")], &["us"]),
        (&[("cluster.prefix", "eu")], &["eu"]),
        (&[("cluster.prefix", "eu"), ("cluster.null", "true")], &["eu", "none"]),
        (&[("cluster", "us-1"), ("cluster.prefix", "eu"), ("cluster.not", "eu-1")], &["us"]),
        (&[("phase.not", "completed,failed")], &["eu", "none", "us"]),
    ] {
        let (seen, page) = found(&service, parameters).await;
        assert_eq!(seen, names, "{parameters:?}");
        assert_eq!(page["pagination"]["total"], names.len(), "{parameters:?}");
        let search = service.get(&format!("/api/v1/audit/search?q=restart&{}", query(parameters))).await;
        let mut hits: Vec<Value> = search.expect(200).json()["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["record"]["name"].clone())
            .collect();
        hits.sort_by_key(Value::to_string);
        assert!(hits.iter().all(|name| names.contains(&name.as_str().unwrap())), "{parameters:?} {hits:?}");
    }
    let counts = service.get("/api/v1/incidents/aggregate/by-severity").await.expect(200).json();
    for group in counts["data"].as_array().unwrap() {
        let value = group["severity"].as_str();
        let parameter = value.map_or(("severity.null", "true"), |value| ("severity", value));
        let (_, page) = found(&service, &[parameter]).await;
        assert_eq!(page["pagination"]["total"], group["count"], "{group}");
    }
}

/// F71: a parameter that changes nothing is refused, and says beside which.
#[tokio::test]
async fn what_has_no_effect_is_refused() {
    let service = Service::start().await;
    for (path, parameter) in [
        ("/api/v1/audit/search?q=oom&mode=lexical&min_similarity=0.99", "min_similarity"),
        ("/api/v1/audit/remediation?cluster=a&cluster.null=false", "cluster.null"),
        ("/api/v1/audit/workflow/export?bom=true", "bom"),
    ] {
        let problem = service.get(path).await.expect(400).json();
        let error = &problem["errors"][0];
        assert_eq!(
            (&error["parameter"], &error["code"]),
            (&json!(parameter), &json!("without_effect")),
            "{path}"
        );
    }
    for (start_time, status) in [("2026-11-29T10:00:60Z", 400), ("2026-11-28T23:59:60Z", 201)] {
        let mut body = remediation("leap");
        body["start_time"] = json!(start_time);
        let answer = service.post("remediation", &body).await.expect(status);
        if status == 201 {
            assert_eq!(answer.json()["start_time"], "2026-11-29T00:00:00.000000Z");
        }
        let path = format!("{LIST}?since={start_time}");
        service.get(&path).await.expect(if status == 201 { 200 } else { 400 });
    }
}

/// F49: a range of the times of writing that no index serves is refused by its name.
#[tokio::test]
async fn a_long_range_of_writing_is_refused_unless_something_narrows_it() {
    let service = Service::start().await;
    store(&service, &[("a", json!({}))]).await;
    for (parameters, refused) in [
        (&[("created_since", "31d"), ("updated_since", "1w"), ("sort", "-updated_at")][..], None),
        (&[("created_since", "40d"), ("namespace", "default")], None),
        (&[("created_since", "40d")], Some("created_since")),
        (&[("updated_until", "0s")], Some("updated_until")),
        (&[("sort", "updated_at")], Some("sort")),
    ] {
        let answer = service.get(&format!("{LIST}?{}", query(parameters))).await;
        match refused {
            None => assert_eq!(answer.expect(200).json()["pagination"]["total"], 1, "{parameters:?}"),
            Some(parameter) => {
                let error = answer.expect(400).json()["errors"][0].clone();
                assert_eq!(
                    (&error["parameter"], &error["code"]),
                    (&json!(parameter), &json!("range_required"))
                );
            }
        }
    }
    service.get("/api/v1/audit/execution?updated_since=1d").await.expect(400);
    service.get("/api/v1/audit/execution?created_since=1d&sort=-created_at").await.expect(200);
}

/// The URL that a page's header Link has for this relation.
fn link(page: &Answer, relation: &str) -> Option<String> {
    let end = format!(">; rel=\"{relation}\"");
    let links = page.header("Link").split(", <").map(|it| it.trim_start_matches('<').to_owned());
    links.filter_map(|it| it.strip_suffix(&end).map(str::to_owned)).next()
}

/// F67: following the links gives each record once while others write, and an age means one instant all the way.
#[tokio::test]
async fn following_the_links_gives_each_record_once_while_others_write() {
    let service = Service::start().await;
    for n in 0..6 {
        store(&service, &[(&format!("r-{n}"), json!({}))]).await;
    }
    let mut next = Some(format!("{LIST}?since=1h&limit=2&namespace=default"));
    let (mut seen, mut firsts) = (Vec::new(), Vec::new());
    while let Some(path) = next {
        let page = service.get(&path).await.expect(200);
        seen.extend(
            page.json()["data"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()),
        );
        firsts.push(link(&page, "first").unwrap());
        store(&service, &[("later", json!({}))]).await;
        next = link(&page, "next");
    }
    assert_eq!(seen, ["r-5", "r-4", "r-3", "r-2", "r-1", "r-0"]);
    assert!(firsts.iter().all(|first| *first == firsts[0] && first.contains("since=2")), "{firsts:?}");
    let page = service.get(&format!("{LIST}?limit=2&offset=4")).await.expect(200);
    assert_eq!(link(&page, "prev").unwrap(), format!("{LIST}?limit=2&offset=2"));
}

/// F49: over HTTP, a feed whose beginning moves along shows each record once.
#[tokio::test]
async fn a_feed_that_moves_along_shows_each_record_once() {
    let service = Service::start().await;
    let (mut seen, mut cursor, mut since) = (Vec::<String>::new(), String::new(), "1h".to_owned());
    for n in 0..5 {
        let name = format!("r-{n}");
        store(&service, &[(&name, json!({}))]).await;
        let arrives = async {
            while seen.last() != Some(&name) {
                let path = format!("{LIST}?sort=created_at&total=none&limit=3&created_since={since}{cursor}");
                let page = service.get(&path).await.expect(200).json();
                for record in page["data"].as_array().unwrap() {
                    seen.push(record["name"].as_str().unwrap().to_owned());
                    since = record["created_at"].as_str().unwrap().to_owned();
                }
                if let Some(next) = page["pagination"]["next_cursor"].as_str() {
                    cursor = format!("&cursor={next}");
                }
            }
        };
        tokio::time::timeout(PATIENCE, arrives).await.unwrap();
    }
    assert_eq!(seen, ["r-0", "r-1", "r-2", "r-3", "r-4"]);
    let moved =
        service.get(&format!("{LIST}?sort=created_at&created_until=0s&created_since=1d{cursor}")).await;
    assert_eq!(moved.expect(400).json()["errors"][0]["code"], "invalid_cursor");
}

/// F52: a client that sends the default of the offset beside a cursor has its page.
#[tokio::test]
async fn an_offset_of_0_stands_beside_a_cursor() {
    let service = Service::start().await;
    store(&service, &[("a", json!({})), ("b", json!({}))]).await;
    let first = service.get(&format!("{LIST}?limit=1&offset=0")).await.expect(200).json();
    let cursor = first["pagination"]["next_cursor"].as_str().unwrap().to_owned();
    let page = service.get(&format!("{LIST}?limit=1&offset=0&cursor={cursor}")).await.expect(200).json();
    assert_eq!(page["data"][0]["name"], "a");
    assert_eq!((&page["pagination"]["offset"], &page["pagination"]["page"]), (&Value::Null, &Value::Null));
    service.send(Method::GET, &format!("{LIST}?offset=1&cursor={cursor}")).await.expect(400);
}
