//! Values on their way into a record.

use std::collections::{BTreeMap, BTreeSet};

use storage_models::fields::{FromValue, Value};

/// The fields that have a value, by name. A field that was wrong has none.
#[derive(Debug, Default)]
pub(crate) struct Draft<'a> {
    values: BTreeMap<&'static str, Value<'a>>,
    filled: BTreeSet<&'static str>,
}

impl<'a> Draft<'a> {
    /// Sets a field; null takes its value away.
    pub(crate) fn set(&mut self, name: &'static str, value: Value<'a>) {
        match value {
            Value::Null => self.values.remove(name),
            value => self.values.insert(name, value),
        };
    }

    /// Sets a field that was not sent to its default.
    pub(crate) fn fill(&mut self, name: &'static str, value: Value<'a>) {
        self.set(name, value);
        self.filled.insert(name);
    }

    /// Whether the value of a field is its default, since none was sent.
    pub(crate) fn is_filled(&self, name: &str) -> bool {
        self.filled.contains(name)
    }

    /// A field's value, if it has one of this type.
    pub(crate) fn get<T: FromValue>(&self, name: &str) -> Option<T> {
        self.values.get(name).cloned().and_then(T::from_value)
    }

    /// A field's value; it has none afterwards.
    pub(crate) fn take(&mut self, name: &str) -> Value<'a> {
        self.values.remove(name).unwrap_or(Value::Null)
    }
}
