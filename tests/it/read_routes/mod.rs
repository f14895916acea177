//! Every parameter of every read route, as the served description of the API lists them: a parameter that is added
//! there and not to [`values`] fails these tests.

mod cursors;
pub(crate) mod injection;
mod refused;
mod values;

use std::collections::BTreeSet;

use futures_util::StreamExt as _;
use reqwest::Url;
use serde_json::{Value, json};

use crate::support::{Answer, Service, options, remediation};
use values::Kind;

/// Requests to one route at a time. Below the connections for exports, which are not waited for.
const AT_ONCE: usize = 3;

/// A route that shows records.
struct Route {
    /// The path, with the id of a record in it.
    path: String,
    /// What stands before and behind the id, where the path names one record.
    around_id: Option<(String, String)>,
    parameters: Vec<Parameter>,
}

/// A parameter of the query string.
struct Parameter {
    name: String,
    kind: Kind,
    is_required: bool,
    schema: Value,
    /// A value that it takes, not encoded.
    good: String,
}

impl Parameter {
    fn of(described: &Value) -> Self {
        let name = described["name"].as_str().unwrap().to_owned();
        let (schema, kind) = (described["schema"].clone(), Kind::of(&name));
        let good = good(described, kind);
        let is_required = described["required"].as_bool().unwrap();
        Self { name, kind, is_required, schema, good }
    }

    /// It as it can be asked alone: an end of a range of the times of writing needs a beginning.
    fn alone(&self) -> String {
        let good = form(&self.name, &self.good);
        match self.name.strip_suffix("ed_until") {
            Some(start) => format!("{good}&{start}ed_since=31d"),
            None => good,
        }
    }

    /// The words that it takes, if it takes some words only.
    fn words(&self) -> Vec<&str> {
        let words = [&self.schema["enum"], &self.schema["items"]["enum"]];
        words.iter().filter_map(|it| it.as_array()).flatten().map(|it| it.as_str().unwrap()).collect()
    }

    /// One end of the range of its numbers.
    fn bound(&self, end: &str) -> i64 {
        self.schema[end].as_i64().unwrap_or_else(|| panic!("{} has no {end}", self.name))
    }
}

/// The example of the description, or else the default or the first word.
fn good(described: &Value, kind: Kind) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let schema = &described["schema"];
    let known = [&described["example"], &schema["default"], &schema["enum"][0]];
    match known.into_iter().find(|value| !value.is_null()) {
        Some(Value::Array(values)) => values.iter().map(text).collect::<Vec<_>>().join(","),
        Some(value) => text(value),
        // Only lists give cursors, and only for themselves.
        None => {
            assert_eq!(kind, Kind::Cursor, "no example: {described}");
            String::new()
        }
    }
}

/// The description with what it names in place of each reference.
fn inlined(described: &Value, document: &Value) -> Value {
    match described {
        Value::Object(members) => match members.get("$ref").and_then(Value::as_str) {
            Some(place) => {
                let mut named = document.pointer(place.trim_start_matches('#')).unwrap().clone();
                let others = members.iter().filter(|(name, _)| *name != "$ref");
                named.as_object_mut().unwrap().extend(others.map(|(name, it)| (name.clone(), it.clone())));
                named
            }
            None => members.iter().map(|(name, it)| (name.clone(), inlined(it, document))).collect(),
        },
        Value::Array(items) => items.iter().map(|item| inlined(item, document)).collect(),
        plain => plain.clone(),
    }
}

impl Route {
    fn of(path: &str, parameters: &Value, id: &Value) -> Self {
        let described = parameters.as_array().into_iter().flatten();
        let parameters = described.filter(|it| it["in"] == "query").map(Parameter::of).collect();
        let around_id = path.split_once("{id}").map(|(start, end)| (start.to_owned(), end.to_owned()));
        Self { path: path.replace("{id}", &id.to_string()), around_id, parameters }
    }

    fn get(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|it| it.name == name)
    }

    fn names(&self) -> BTreeSet<&str> {
        self.parameters.iter().map(|it| it.name.as_str()).collect()
    }

    /// A request with this query string and whatever the route requires besides the parameters `given`.
    fn with(&self, query: &str, given: &[&str]) -> String {
        let missing = self.parameters.iter().filter(|it| it.is_required && !given.contains(&&*it.name));
        let required = missing.map(|it| format!("&{}", form(&it.name, &it.good)));
        let one_of = ONE_OF.iter().filter(|(path, _)| *path == self.path);
        let one_of = one_of.filter_map(|(_, names)| names.iter().find(|name| !given.contains(name)));
        let one_of = one_of.map(|name| format!("&{}", form(name, "one")));
        format!("{}?{query}{}", self.path, required.chain(one_of).collect::<String>())
    }
}

/// `name=value`, encoded.
fn form(name: &str, value: &str) -> String {
    let url = Url::parse_with_params("http://localhost", [(name, value)]).unwrap();
    url.query().unwrap().to_owned()
}

/// The routes that refuse a request without one of several texts.
const ONE_OF: [(&str, &[&str]); 1] = [("/api/v1/incidents/history", &["alert_name", "alert_fingerprint"])];

/// The route whose parameters exclude each other. `answers` has the tests of what it refuses.
const EXCLUSIVE: &str = "/api/v1/incidents/advice";

/// The routes that show records, as the service describes them.
async fn routes(service: &Service) -> Vec<Route> {
    let document = service.get("/openapi.json").await.expect(200).json();
    let paths = document["paths"].as_object().unwrap().iter();
    let reads = paths.filter(|(path, item)| path.starts_with("/api/v1/") && item.get("get").is_some());
    let reads = reads.filter(|(path, _)| path.as_str() != EXCLUSIVE);
    // The first record of each type has the same number and the same month.
    let oldest = service.get("/api/v1/audit/remediation?sort=start_time&limit=1").await.expect(200).json();
    let id = &oldest["data"][0]["id"];
    let parameters = |item: &Value| inlined(&item["get"]["parameters"], &document);
    let routes: Vec<Route> = reads.map(|(path, item)| Route::of(path, &parameters(item), id)).collect();
    assert!(
        routes.iter().map(|it| it.parameters.len()).sum::<usize>() > 200,
        "the description has lost some"
    );
    routes
}

/// A service with three records of each type.
async fn service() -> Service {
    let service = Service::with(options().set("DATASTORAGE__EXPORT__CONNECTIONS", "16")).await;
    let start = chrono::Utc::now() - chrono::TimeDelta::hours(1);
    for n in 0..3 {
        let at = json!((start + chrono::TimeDelta::minutes(n)).to_rfc3339());
        let mut body = remediation(&format!("checkout-{n}"));
        body["start_time"] = at.clone();
        body["metadata"] = json!({ "reason": "CrashLoopBackOff" });
        let parent = &service.post("remediation", &body).await.expect(201).json()["id"];
        for (kind, record) in [
            (
                "aianalysis",
                json!({ "remediation_id": parent, "analysis_type": "root-cause", "confidence": 0.5,
                    "recommendation": "Wait.", "model": "m", "timestamp": at }),
            ),
            (
                "workflow",
                json!({ "remediation_id": parent, "workflow_name": "restart-and-watch", "phase": "planning",
                    "step_count": 1, "start_time": at }),
            ),
            (
                "execution",
                json!({ "remediation_id": parent, "action_type": "delete-pod", "target_kind": "Pod",
                    "target_name": "checkout", "start_time": at }),
            ),
        ] {
            service.post(kind, &record).await.expect(201);
        }
    }
    service.embedded().await;
    service
}

/// Sends the requests of each route, some of them at a time, has each answer looked at, and shows all that are wrong.
/// How many there were.
fn each<T>(
    service: &Service,
    by_route: Vec<Vec<(String, T)>>,
    look: impl Fn(&T, &Answer) -> Result<(), String>,
) -> impl Future<Output = usize> {
    let count = by_route.iter().map(Vec::len).sum();
    async move {
        let look = &look;
        let routes = by_route.into_iter().map(|requests| {
            let answers = futures_util::stream::iter(requests).map(|(path, expected)| async move {
                let answer = service.get(&path).await;
                let shown: String = path.chars().take(300).collect();
                look(&expected, &answer).err().map(|wrong| format!("{shown}: {wrong}"))
            });
            answers.buffer_unordered(AT_ONCE).filter_map(std::future::ready).collect::<Vec<String>>()
        });
        let wrong = futures_util::future::join_all(routes).await.concat();
        assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
        count
    }
}

/// The parameters that an answer refuses, with the codes; it must be a 400 that explains itself.
fn refused(answer: &Answer) -> Result<Vec<(String, String)>, String> {
    let is_problem = answer.status == 400 && answer.header("Content-Type") == "application/problem+json";
    let problem: Value = serde_json::from_str(&answer.text).unwrap_or_default();
    let errors = problem["errors"].as_array();
    let Some(errors) = errors.filter(|_| is_problem && problem["type"] == "/problems/invalid-parameters")
    else {
        return Err(format!("{} {}", answer.status, answer.text));
    };
    let word = |error: &Value, key: &str| error[key].as_str().unwrap_or_default().to_owned();
    let is_named = |error: &Value| {
        error["parameter"].is_string() && word(error, "message").starts_with(&word(error, "parameter"))
    };
    match errors.iter().find(|error| !is_named(error)) {
        Some(error) => Err(error.to_string()),
        None => Ok(errors.iter().map(|error| (word(error, "parameter"), word(error, "code"))).collect()),
    }
}

/// Fails unless this parameter is refused for this reason, and nothing else is.
fn refuses_only(answer: &Answer, name: &str, code: &str) -> Result<(), String> {
    let errors = refused(answer)?;
    if errors == [(name.to_owned(), code.to_owned())] {
        Ok(())
    } else {
        Err(format!("{errors:?}, not {name} {code}"))
    }
}

/// Fails unless the answer is as it should be.
fn is_taken(answer: &Answer) -> Result<(), String> {
    if answer.status == 200 { Ok(()) } else { Err(format!("{} {}", answer.status, answer.text)) }
}
