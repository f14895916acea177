//! The description is current, whole, and says of the records what validation and serialization say.

use std::collections::BTreeSet;

use actix_web::App;
use actix_web::introspection::{IntrospectionNode, IntrospectionTree};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web::{self, Data};
use serde_json::Value;
use storage_models::{Json, RecordType, Timestamp};

use super::fields::{self, Need};
use super::json;
use crate::problem::ProblemKind;
use crate::routes;

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

fn served(node: &IntrospectionNode, found: &mut BTreeSet<(String, String)>) {
    for method in &node.methods {
        found.insert((method.as_str().to_lowercase(), node.full_path.clone()));
    }
    node.children.iter().for_each(|child| served(child, found));
}

/// BR-STORAGE-012: what is served is described, and what is described is served.
#[actix_web::test]
async fn every_route_has_an_operation_and_every_operation_a_route() {
    async fn tree(tree: Data<IntrospectionTree>) -> String {
        let mut found = BTreeSet::new();
        served(&tree.root, &mut found);
        serde_json::to_string(&found).unwrap()
    }
    let app = App::new().configure(routes::api).route("/tree", web::post().to(tree));
    let app = init_service(app).await;
    let answer = call_service(&app, TestRequest::post().uri("/tree").to_request()).await;
    let mut routes: BTreeSet<(String, String)> = serde_json::from_slice(&read_body(answer).await).unwrap();
    assert!(routes.remove(&("post".to_owned(), "/tree".to_owned())), "{routes:?}");
    let gets: Vec<_> = routes.iter().filter(|(method, _)| method == "get").cloned().collect();
    for (_, path) in gets {
        assert!(routes.remove(&("head".to_owned(), path.clone())), "{path} has no HEAD");
    }
    let described: BTreeSet<(String, String)> =
        operations(&document()).into_iter().map(|(method, path, _)| (method, path)).collect();
    assert_eq!(routes, described);
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
        // The answer to a method that has no operation.
        let is_expected = *kind != ProblemKind::MethodNotAllowed;
        assert_eq!(text.contains(&format!("examples/{}\"", kind.slug())), is_expected, "{kind:?}");
    }
}

fn faults(record_type: RecordType, body: &Value) -> Vec<(String, &'static str)> {
    let parsed = Json::parse(body.to_string().as_bytes()).unwrap();
    let outcome = storage_validation::record(record_type, parsed, Timestamp::now());
    let errors = outcome.err().map(|invalid| invalid.into_errors()).unwrap_or_default();
    errors.into_iter().map(|error| (error.pointer.trim_start_matches('/').to_owned(), error.code)).collect()
}

/// BR-STORAGE-010: what must be sent, what may be and what must not is what validation says.
#[test]
fn the_fields_are_those_that_validation_knows() {
    for record_type in RecordType::ALL {
        let table = fields::of(record_type);
        let names = |wanted: fn(Need) -> bool| -> BTreeSet<String> {
            table.iter().filter(|field| wanted(field.need)).map(|field| field.name.to_owned()).collect()
        };
        assert_eq!(faults(record_type, &fields::new_example(&table)), [], "{record_type}");
        let nothing: Value = table.iter().map(|field| (field.name, Value::Null)).collect();
        let found = |code: &str| -> BTreeSet<String> {
            let of_code = faults(record_type, &nothing).into_iter().filter(|(_, found)| *found == code);
            of_code.map(|(name, _)| name).collect()
        };
        assert_eq!(found("required"), names(|need| need == Need::Required), "{record_type}");
        let of_the_server = names(|need| matches!(need, Need::Server | Need::ServerOrNull));
        assert_eq!(found("unknown_field"), of_the_server, "{record_type}");
    }
}
