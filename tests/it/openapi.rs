//! The description of the API, held against the service that gives it.

use reqwest::{Method, redirect};
use serde_json::Value;

use crate::support::{Answer, PATIENCE, Service};

/// The methods in the order in which there is something to read and to change.
const ORDER: [&str; 5] = ["post", "get", "patch", "put", "delete"];

/// The version of the examples' record, in whose place its version at the time is sent.
const EXAMPLE_ETAG: &str = "\"8864-1767323047000001\"";

/// An operation of the description.
struct Operation {
    method: &'static str,
    path: String,
    described: Value,
}

/// The operations; those that others build on come first.
fn operations(document: &Value) -> Vec<Operation> {
    let paths = document["paths"].as_object().unwrap();
    let mut operations = Vec::new();
    for (place, method) in ORDER.into_iter().enumerate() {
        let mut of_method: Vec<Operation> = paths
            .iter()
            .filter_map(|(path, item)| {
                let described = item.get(method)?.clone();
                Some(Operation { method: ORDER[place], path: path.clone(), described })
            })
            .collect();
        of_method.sort_by_key(|operation| !operation.path.ends_with("/audit/remediation"));
        operations.extend(of_method);
    }
    let described: usize = paths.values().map(|item| item.as_object().unwrap().len()).sum();
    assert_eq!(operations.len(), described);
    operations
}

async fn send(service: &Service, client: &reqwest::Client, method: &str, request: &Value) -> Answer {
    let url = format!("{}{}", service.process.url(), request["path"].as_str().unwrap());
    let mut sent = client.request(method.to_uppercase().parse::<Method>().unwrap(), &url);
    for (name, value) in request["headers"].as_object().unwrap() {
        let mut value = value.as_str().unwrap().to_owned();
        if value == EXAMPLE_ETAG {
            let now = Answer::of(client.get(&url).send().await.unwrap()).await.expect(200);
            value = now.header("ETag").to_owned();
        }
        sent = sent.header(name, value);
    }
    sent = match request.get("body") {
        Some(Value::String(text)) => sent.body(text.clone()),
        Some(body) => sent.body(body.to_string()),
        None => sent,
    };
    Answer::of(sent.send().await.unwrap()).await
}

/// Where the keys of two values differ. What a client or the state of the service names is left out.
fn differing(shown: &Value, found: &Value, place: &str, differences: &mut Vec<String>) {
    match (shown, found) {
        (Value::Object(shown), Value::Object(found)) => {
            if place.ends_with("/metadata")
                || place.ends_with("/dependencies")
                || shown.contains_key("openapi")
            {
                return;
            }
            for name in shown.keys().chain(found.keys()) {
                match (shown.get(name), found.get(name)) {
                    (Some(shown), Some(found)) => {
                        differing(shown, found, &format!("{place}/{name}"), differences)
                    }
                    _ => differences.push(format!("{place}/{name}")),
                }
            }
        }
        (Value::Array(shown), Value::Array(found)) => {
            if let (Some(shown), Some(found)) = (shown.first(), found.first()) {
                differing(shown, found, &format!("{place}/0"), differences);
            }
        }
        _ => {}
    }
}

/// The answer is one that is described: its headers, its type, the members of its body.
fn compare(operation: &Operation, request: &Value, answer: &Answer) {
    let context = format!("{} {request}: {answer:?}", operation.method);
    let response = &operation.described["responses"][answer.status.as_str()];
    // What only some answers have.
    let sometimes = ["Retry-After", "X-Filter-Notes"];
    let always =
        response["headers"].as_object().unwrap().keys().filter(|name| !sometimes.contains(&name.as_str()));
    for name in always {
        assert!(answer.headers.contains_key(name), "no {name}: {context}");
    }
    let Some(contents) = response["content"].as_object() else {
        assert_eq!(answer.text, "", "{context}");
        return;
    };
    let media_type = answer.header("Content-Type").split(';').next().unwrap();
    let content = contents.get(media_type).unwrap_or_else(|| panic!("type not described: {context}"));
    if media_type == "application/problem+json" {
        let slug = answer.json()["type"].as_str().unwrap().trim_start_matches("/problems/").to_owned();
        assert!(content["examples"].get(&slug).is_some(), "problem not described: {context}");
    } else if media_type == "application/json" {
        let mut differences = Vec::new();
        differing(&content["example"], &answer.json(), "", &mut differences);
        assert_eq!(differences, Vec::<String>::new(), "{context}");
    }
}

/// BR-STORAGE-012: every request of the description gets the status it names, and an answer as it is shown.
#[tokio::test]
async fn the_requests_of_the_description_are_answered_as_it_says() {
    let service = Service::start().await;
    let client =
        reqwest::Client::builder().redirect(redirect::Policy::none()).timeout(PATIENCE).build().unwrap();
    let document = service.get("/openapi.json").await.expect(200).json();
    for operation in operations(&document) {
        for request in operation.described["x-requests"].as_array().unwrap() {
            let answer = send(&service, &client, operation.method, request).await;
            let status = u64::from(answer.status.as_u16());
            assert_eq!(
                Some(status),
                request["status"].as_u64(),
                "{} {request}: {answer:?}",
                operation.method
            );
            compare(&operation, request, &answer);
        }
    }
}

/// The page loads nothing from elsewhere, and runs no script but files of the service.
#[tokio::test]
async fn the_page_is_whole_and_loads_from_this_service_alone() {
    let service = Service::start().await;
    let page = service.get("/docs").await.expect(200);
    assert_eq!(page.header("Content-Type"), "text/html; charset=utf-8");
    let policy = page.header("Content-Security-Policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self';"), "{policy}");
    assert!(!page.text.contains("//"), "{}", page.text);
    let files: Vec<&str> =
        page.text.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(files, ["swagger-ui-bundle.js", "start.js"]);
    for (file, least) in [("swagger-ui-bundle.js", 1_000_000), ("start.js", 50), ("swagger-ui.css", 50_000)] {
        let part = service.get(&format!("/docs/{file}")).await.expect(200);
        assert!(part.text.len() > least, "{file}: {} bytes", part.text.len());
        assert!(part.header("Content-Type").starts_with("text/"), "{file}");
    }
}
