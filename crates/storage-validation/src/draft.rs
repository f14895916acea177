//! Values on their way into a record.

use std::collections::BTreeMap;

use crate::field::{FromValue, Value};

/// The fields that have a value, by name. A field that was wrong has none.
#[derive(Debug, Default)]
pub(crate) struct Draft(BTreeMap<&'static str, Value>);

impl Draft {
    /// Sets a field.
    pub(crate) fn set(&mut self, name: &'static str, value: Value) {
        self.0.insert(name, value);
    }

    /// Takes a field's value away.
    pub(crate) fn unset(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// A field's value, if it has one of this type.
    pub(crate) fn get<T: FromValue>(&self, name: &str) -> Option<T> {
        self.0.get(name).cloned().and_then(T::from_value)
    }

    /// A field's value, if it has one of this type; it has none afterwards.
    pub(crate) fn take<T: FromValue>(&mut self, name: &str) -> Option<T> {
        self.0.remove(name).and_then(T::from_value)
    }
}
