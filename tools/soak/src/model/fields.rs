//! The fields of a record, as they are sent and answered.

use serde_json::{Map, Value};
use storage_models::Timestamp;

/// The fields of a record.
pub(crate) type Fields = Map<String, Value>;

/// The version of a record: when it was last changed, in microseconds; 0 for what has no such time.
pub(crate) fn version(record: &Fields) -> i64 {
    let time = record.get("updated_at").or_else(|| record.get("created_at")).and_then(Value::as_str);
    time.and_then(|it| it.parse::<Timestamp>().ok()).map_or(0, Timestamp::micros)
}

pub(super) fn id(record: &Fields) -> i64 {
    record.get("id").and_then(Value::as_i64).unwrap_or_default()
}

pub(super) fn text(fields: &Fields) -> Box<str> {
    // Serializing a map of JSON values cannot fail.
    serde_json::to_string(fields).unwrap_or_default().into()
}

pub(super) fn fields(text: &str) -> Fields {
    serde_json::from_str(text).unwrap_or_default()
}
