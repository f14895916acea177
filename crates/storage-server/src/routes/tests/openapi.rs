//! The description of the API is current and whole.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::problem::ProblemKind;
use crate::routes::document as json;

fn document() -> Value {
    serde_json::from_str(json()).unwrap()
}

/// Every operation of the document: method, path, description.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &Value)| {
        let operations = item.as_object().unwrap().clone().into_iter();
        let path = path.clone();
        operations.map(move |(method, operation)| (method, path.clone(), operation)).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of).collect()
}

#[test]
fn the_docs_are_current() {
    crate::documents::assert_current("openapi.json", json());
}

#[test]
fn every_operation_is_described_in_full() {
    let document = document();
    let mut names = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let said = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
        assert!(said(&operation["summary"]), "{method} {path}");
        assert!(names.insert(operation["operationId"].to_string()), "{method} {path}: its name is taken");
        for parameter in operation["parameters"].as_array().unwrap() {
            assert!(
                said(&parameter["description"]) || said(&parameter["$ref"]),
                "{method} {path} {parameter}"
            );
        }
        let responses = operation["responses"].as_object().unwrap();
        for (status, response) in responses {
            assert!(said(&response["description"]), "{method} {path} {status}");
            let contents = response["content"].as_object().cloned().unwrap_or_default();
            assert_eq!(contents.is_empty(), status.starts_with('3'), "{method} {path} {status}");
            for (kind, content) in contents {
                assert!(content["schema"].is_object(), "{method} {path} {status} {kind}");
                let is_shown = content.get("example").is_some() || content["examples"].is_object();
                assert!(is_shown, "{method} {path} {status} {kind}");
            }
        }
        for status in responses.keys().filter(|status| !status.starts_with('5')) {
            // What no request of its own comes to: a length, a pace or a name beyond the settings of the service.
            let is_of_the_client_s_state = matches!(
                status.as_str(),
                "401" | "403" | "406" | "429" | "408" | "413" | "421" | "409" | "422" | "415"
            );
            let requests = operation["x-requests"].as_array().unwrap();
            let is_shown = requests.iter().any(|request| request["status"].as_u64() == status.parse().ok());
            assert!(is_shown || is_of_the_client_s_state, "{method} {path} {status}: no request shows it");
        }
    }
}

#[test]
fn every_kind_of_problem_is_an_answer_of_some_operation() {
    let text = operations(&document())
        .into_iter()
        .map(|(_, _, operation)| operation.to_string())
        .collect::<String>();
    for kind in ProblemKind::ALL {
        // The answers to a method that has no operation, and to what never became a request.
        let is_expected = !matches!(kind, ProblemKind::MethodNotAllowed | ProblemKind::HeadTooLarge);
        assert_eq!(text.contains(&format!("examples/{}\"", kind.slug())), is_expected, "{kind:?}");
    }
}

/// F52: a set of words is a schema with a name, so that clients have one type for it.
#[test]
fn every_closed_set_is_a_schema_with_a_name() {
    fn inline(value: &Value, place: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                if members.get("enum").and_then(Value::as_array).is_some_and(|words| words.len() > 1) {
                    found.push(place.to_owned());
                }
                let described = members.iter().filter(|(name, _)| !name.starts_with("example"));
                described.for_each(|(name, member)| inline(member, &format!("{place}/{name}"), found));
            }
            Value::Array(items) => items.iter().for_each(|item| inline(item, place, found)),
            _ => {}
        }
    }
    let mut document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap().clone();
    let is_set = |schema: &Value| schema.get("enum").is_some();
    let sets: Vec<&String> = schemas.iter().filter(|(_, it)| is_set(it)).map(|(name, _)| name).collect();
    for name in ["Phase", "WorkflowPhase", "Status", "Severity", "Total", "RemediationSort", "VectorSync"] {
        assert!(sets.iter().any(|set| *set == name), "{name} is not among {sets:?}");
    }
    document["components"]["schemas"].as_object_mut().unwrap().retain(|_, schema| !is_set(schema));
    let mut found = Vec::new();
    inline(&document, "", &mut found);
    assert_eq!(found, Vec::<String>::new());
}

/// F52: a generator makes a class of each schema and an attribute of each property, and stumbles over one name for both.
#[test]
fn no_schema_is_called_as_a_property_of_its_own() {
    let document = document();
    let plain = |name: &str| name.replace('_', "").to_lowercase();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        for property in schema["properties"].as_object().into_iter().flatten().map(|(property, _)| property) {
            assert_ne!(plain(name), plain(property), "{name} has a property {property}");
        }
    }
}
