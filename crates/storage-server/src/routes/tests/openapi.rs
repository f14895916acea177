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
