//! The tables and the structs say the same. `storage-schema` compares the tables with the migrated database.

use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::{Constant, Field, Kind, Members, Value};
use crate::{
    AiAnalysis, Execution, NewAiAnalysis, NewExecution, NewRemediation, NewWorkflow, RecordType, Remediation,
    RemediationUpdate, Workflow, WorkflowUpdate,
};

/// The example of a field as a record holds it.
fn example(field: &Field) -> Value<'static> {
    match (field.kind, field.example) {
        (Kind::Time, Constant::Text(text)) => Value::Time(text.parse().unwrap()),
        (_, constant) => constant.into(),
    }
}

/// The struct has just these fields, in their order, each of a type that holds its example.
fn check<T: Members>(fields: &[&Field]) -> T {
    let names: Vec<_> = T::MEMBERS.iter().map(|member| member.name).collect();
    assert_eq!(names, fields.iter().map(|field| field.name).collect::<Vec<_>>());
    let named = |name: &str| *fields.iter().find(|field| field.name == name).unwrap();
    let made = T::of_values(|name| example(named(name))).unwrap();
    for field in fields {
        assert_eq!(made.value(field.name), example(field), "{}", field.name);
        let absent = T::of_values(|name| if name == field.name { Value::Null } else { example(named(name)) });
        assert_eq!(absent.is_some(), field.is_nullable(), "{}", field.name);
    }
    made
}

/// The record and what a client sends of it are what the table says; the record's JSON has its fields in their order.
fn check_record<R: Members + Serialize, N: Members>(record_type: RecordType) {
    let fields: Vec<&Field> = record_type.fields().iter().collect();
    let json = serde_json::to_string(&check::<R>(&fields)).unwrap();
    let place = |field: &Field| json.find(&format!("\"{}\":", field.name)).unwrap();
    assert!(fields.is_sorted_by_key(|field| place(field)), "{json}");
    let expected: Map<String, Json> =
        fields.iter().map(|field| (field.name.to_owned(), field.example.to_json())).collect();
    assert_eq!(serde_json::from_str::<Map<String, Json>>(&json).unwrap(), expected);
    let is_written = |field: &&Field| field.is_inserted() && field.kind != Kind::Id;
    check::<N>(&fields.into_iter().filter(is_written).collect::<Vec<_>>());
    assert_eq!(record_type.columns(), names(record_type, |_| true).join(", "));
}

fn check_update<U: Members>(record_type: RecordType) {
    check::<U>(&record_type.fields().iter().filter(|field| field.is_changeable()).collect::<Vec<_>>());
}

fn names(record_type: RecordType, is_meant: impl Fn(&Field) -> bool) -> Vec<&'static str> {
    record_type.fields().iter().filter(|field| is_meant(field)).map(|field| field.name).collect()
}

#[test]
fn each_struct_is_what_its_table_says() {
    check_record::<Remediation, NewRemediation>(RecordType::Remediation);
    check_record::<AiAnalysis, NewAiAnalysis>(RecordType::AiAnalysis);
    check_record::<Workflow, NewWorkflow>(RecordType::Workflow);
    check_record::<Execution, NewExecution>(RecordType::Execution);
    check_update::<RemediationUpdate>(RecordType::Remediation);
    check_update::<WorkflowUpdate>(RecordType::Workflow);
    for record_type in [RecordType::AiAnalysis, RecordType::Execution] {
        assert!(names(record_type, Field::is_changeable).is_empty());
    }
}

/// F66: what is compared with stored texts is brought to the form in which they are stored.
#[test]
fn a_text_is_stored_by_the_rules_of_its_kind() {
    for (name, sent, stored) in [
        ("namespace", " a ", "a"),
        ("alert_name", "HostHighCpuLoad(prod)", "HostHighCpuLoadprod"),
        ("alert_name", "a > b;", "a  b"),
        ("severity", " Critical\n", "critical"),
        ("phase", " failed ", "failed"),
        ("phase", "Failed", "Failed"),
        ("error_message", " <b> ", " <b> "),
    ] {
        let field = RecordType::Remediation.field(name).unwrap();
        assert_eq!(field.kind.as_stored(sent), stored, "{name}={sent}");
    }
}
