//! The row that a record has become.

use diesel::QueryResult;
use diesel::result::Error;
use storage_models::fields::{ToValue as _, Value};
use storage_models::{NewRecord, Record, Timestamp};

use super::insert::StoredRemediation;

/// Puts together what was sent with what the database added.
pub(super) fn as_stored(
    record: &NewRecord,
    id: i64,
    time: Timestamp,
    stored: Option<StoredRemediation>,
) -> QueryResult<Record> {
    let (_, duration_ms, metadata) = stored.unwrap_or_default();
    let made = Record::of_values(record.record_type(), |name| match name {
        "id" => Value::Integer(id),
        "created_at" | "updated_at" => Value::Time(time),
        "duration_ms" => duration_ms.to_value(),
        "metadata" => metadata.to_value(),
        name => record.value(name),
    });
    made.ok_or_else(|| {
        let words = format!("the {} {id} lacks a field that every stored record has", record.record_type());
        Error::DeserializationError(words.into())
    })
}
