//! Values on their way into a record.

use std::collections::BTreeMap;

use storage_models::fields::{FromValue, Value};

/// The fields that have a value, by name. A field that was wrong has none.
#[derive(Debug, Default)]
pub(crate) struct Draft<'a>(BTreeMap<&'static str, Value<'a>>);

impl<'a> Draft<'a> {
    /// Sets a field; null takes its value away.
    pub(crate) fn set(&mut self, name: &'static str, value: Value<'a>) {
        match value {
            Value::Null => self.0.remove(name),
            value => self.0.insert(name, value),
        };
    }

    /// A field's value, if it has one of this type.
    pub(crate) fn get<T: FromValue>(&self, name: &str) -> Option<T> {
        self.0.get(name).cloned().and_then(T::from_value)
    }

    /// A field's value; it has none afterwards.
    pub(crate) fn take(&mut self, name: &str) -> Value<'a> {
        self.0.remove(name).unwrap_or(Value::Null)
    }
}
