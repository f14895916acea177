//! How much of a record's size its large fields make up.

use crate::RecordType;
use crate::fields::Value;

/// Bytes of the fields that can make up most of a record.
pub(super) fn bulk<'a>(record_type: RecordType, value: impl Fn(&'static str) -> Value<'a>) -> usize {
    let bulky = record_type.fields().iter().filter(|field| field.kind.is_bulky());
    bulky.map(|field| value(field.name).stored_bytes()).sum()
}
