//! The payload of a point.

use std::collections::HashMap;

use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::{
    CreateFieldIndexCollection, FieldType, IntegerIndexParams, KeywordIndexParams, PayloadIndexParams,
    PayloadSchemaType, Struct, Value, payload_index_params,
};
use storage_models::fields::Members as _;
use storage_models::{IncidentKey, Json, Remediation};

use crate::index::fields;

/// The record's id, as the point's own id is; in the payload it can be filtered by range.
pub(super) const RECORD_ID: &str = "record_id";
/// `updated_at` in microseconds.
pub(super) const VERSION: &str = "version";
/// In microseconds since 1970; as an integer, because Qdrant's own time type is not needed for comparing.
pub(super) const START_TIME: &str = "start_time";
/// As hexadecimal digits.
pub(super) const INCIDENT_KEY: &str = "incident_key";
/// Absent while the record has not ended.
pub(super) const DURATION_MS: &str = "duration_ms";
/// The record's metadata, flattened to one level of strings. Not indexed.
const METADATA: &str = "metadata";

/// Most keys of a record's metadata that a point carries, in the order in which they are stored.
pub(super) const METADATA_KEYS_MAX: usize = 64;
/// Longest key; a longer one is left out, since cut short it could name another value.
pub(super) const METADATA_KEY_CHARS_MAX: usize = 128;
/// Longest value; the rest is cut. The whole is in PostgreSQL.
pub(super) const METADATA_VALUE_CHARS_MAX: usize = 256;

/// The payload of a record's point; absent fields have no key.
pub(super) fn of_record(record: &Remediation, incident: IncidentKey, id: i64) -> HashMap<String, Value> {
    let texts = fields().filter_map(|field| {
        let value = record.value(field.name);
        value.as_text().map(|text| (field.name.to_owned(), Value::from(text)))
    });
    let numbers = [
        (RECORD_ID, Some(id)),
        (VERSION, Some(record.updated_at.micros())),
        (START_TIME, Some(record.start_time.micros())),
        (DURATION_MS, record.duration_ms),
    ];
    let numbers =
        numbers.into_iter().filter_map(|(key, number)| Some((key.to_owned(), Value::from(number?))));
    let incident = (INCIDENT_KEY.to_owned(), Value::from(incident.to_string()));
    texts
        .chain([incident])
        .chain(numbers)
        .chain(metadata(record).map(|value| (METADATA.to_owned(), value)))
        .collect()
}

/// The integer that a payload has under this key.
pub(super) fn integer(payload: &HashMap<String, Value>, key: &str) -> Option<i64> {
    match payload.get(key)?.kind.as_ref()? {
        Kind::IntegerValue(value) => Some(*value),
        _ => None,
    }
}

/// The payload indexes that a collection needs and does not have.
pub(super) fn missing_indexes<'a>(
    collection: &'a str,
    has: impl Fn(&str, PayloadSchemaType) -> bool + 'a,
) -> impl Iterator<Item = CreateFieldIndexCollection> + 'a {
    let texts = fields().map(|field| field.name).chain([INCIDENT_KEY]).map(|name| (name, true));
    let numbers = [RECORD_ID, VERSION, START_TIME, DURATION_MS].into_iter().map(|name| (name, false));
    texts.chain(numbers).filter_map(move |(name, is_text)| {
        let kind = if is_text { PayloadSchemaType::Keyword } else { PayloadSchemaType::Integer };
        (!has(name, kind)).then(|| index_request(collection, name, is_text))
    })
}

fn index_request(collection: &str, name: &str, is_text: bool) -> CreateFieldIndexCollection {
    let (field_type, params) = if is_text {
        let params = KeywordIndexParams::default();
        (FieldType::Keyword, payload_index_params::IndexParams::KeywordIndexParams(params))
    } else {
        let params =
            IntegerIndexParams { lookup: Some(false), range: Some(true), ..IntegerIndexParams::default() };
        (FieldType::Integer, payload_index_params::IndexParams::IntegerIndexParams(params))
    };
    CreateFieldIndexCollection {
        collection_name: collection.to_owned(),
        wait: Some(true),
        field_name: name.to_owned(),
        field_type: Some(field_type.into()),
        field_index_params: Some(PayloadIndexParams { index_params: Some(params) }),
        ..CreateFieldIndexCollection::default()
    }
}

fn metadata(record: &Remediation) -> Option<Value> {
    // A jsonb value of PostgreSQL always parses.
    let parsed = Json::parse(record.metadata.as_ref()?.as_str().as_bytes()).ok()?;
    let mut fields = HashMap::new();
    flatten("", &parsed.value, &mut fields);
    Some(Value { kind: Some(Kind::StructValue(Struct { fields })) })
}

/// Adds the leaves below `path`: members by `.name`, items by `.index`.
fn flatten(path: &str, json: &Json, into: &mut HashMap<String, Value>) {
    let below = |token: &str| if path.is_empty() { token.to_owned() } else { format!("{path}.{token}") };
    let text = match json {
        Json::Object(members) => {
            members.iter().for_each(|(name, value)| flatten(&below(name), value, into));
            return;
        }
        Json::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, value)| flatten(&below(&index.to_string()), value, into));
            return;
        }
        Json::Null => return,
        Json::Bool(value) => value.to_string(),
        Json::Number(literal) => literal.clone(),
        Json::String(text) => text.clone(),
    };
    if into.len() < METADATA_KEYS_MAX && path.chars().count() <= METADATA_KEY_CHARS_MAX {
        let text: String = text.chars().take(METADATA_VALUE_CHARS_MAX).collect();
        into.insert(path.to_owned(), Value::from(text));
    }
}

#[cfg(test)]
mod tests;
