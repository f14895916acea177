//! The description says of the records what validation says.

use std::collections::BTreeSet;

use serde_json::Value;
use storage_models::{Json, RecordType, Timestamp};

use super::fields::{self, Need};

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
        assert_eq!(faults(record_type, &fields::new_example(record_type)), [], "{record_type}");
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
