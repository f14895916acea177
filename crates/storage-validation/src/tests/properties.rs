//! What holds for whatever is sent.

use proptest::prelude::*;
use storage_models::json::{JsonFault, JsonFaultKind, Parsed};
use storage_models::{Json, RecordType};

use super::{full, receipt};
use crate::{Handling, record};

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        "-?[0-9]{1,30}(\\.[0-9]{1,5})?([eE][-+]?[0-9]{1,20})?".prop_map(Json::Number),
        any::<String>().prop_map(Json::String),
        "(<[a-z]{1,6}( on[a-z]{1,3}=x)?>|[ a-z;()]){0,6}".prop_map(Json::String),
        prop::sample::select(vec!["pending", "completed", "success", "2026-03-01T11:00:00Z", ""])
            .prop_map(|text| Json::String(text.to_owned())),
    ];
    leaf.prop_recursive(12, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::Array),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

fn any_type() -> impl Strategy<Value = RecordType> {
    prop::sample::select(RecordType::ALL.to_vec())
}

/// A full record in which some fields are anything at all.
fn damaged() -> impl Strategy<Value = (RecordType, Json)> {
    (any_type(), prop::collection::vec((any::<prop::sample::Index>(), any_json()), 0..4)).prop_map(
        |(record_type, damage)| {
            let text = full(record_type).to_string();
            let mut value = Json::parse(text.as_bytes()).unwrap().value;
            let Json::Object(members) = &mut value else { panic!("a record is an object") };
            for (index, anything) in damage {
                let index = index.index(members.len());
                members[index].1 = anything;
            }
            (record_type, value)
        },
    )
}

fn any_faults() -> impl Strategy<Value = Vec<JsonFault>> {
    let kind = prop::sample::select(vec![JsonFaultKind::DuplicateKey, JsonFaultKind::TooDeep]);
    let fault = ("(/(name|metadata|phase|[a-z~]{0,3})){0,3}", kind);
    prop::collection::vec(fault.prop_map(|(pointer, kind)| JsonFault { pointer, kind }), 0..3)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// BR-STORAGE-010: no input panics; it is valid, or something is said to be wrong with it, once a place.
    #[test]
    fn whatever_is_sent_is_valid_or_explained(
        (record_type, value) in prop_oneof![damaged(), (any_type(), any_json())],
        faults in prop_oneof![Just(vec![]), any_faults()],
        handling in prop::sample::select(vec![Handling::Strict, Handling::Lenient]),
    ) {
        let had_faults = !faults.is_empty();
        match record(record_type, Parsed { value, faults }, &receipt(), handling) {
            Ok(valid) => {
                prop_assert!(!had_faults);
                prop_assert_eq!(valid.record.record_type(), record_type);
            }
            Err(invalid) => {
                let mut places: Vec<_> = invalid.errors().iter().map(|error| &error.pointer).collect();
                prop_assert!(!places.is_empty());
                prop_assert!(invalid.errors().iter().all(|error| !error.message.is_empty()));
                places.sort();
                places.dedup();
                prop_assert_eq!(places.len(), invalid.errors().len());
            }
        }
    }
}
