//! The values that a filter lists for fields of its record type.

use std::collections::BTreeMap;

use storage_models::fields::{Field, ToValue};

use super::Conditions;
use super::define::check_values;
use super::value::{FieldValue, FilterValue, split_values};
use crate::{InvalidParameter, InvalidReason};

/// Values by the place of their field in the table of the record type: conditions and errors are in that order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Values(BTreeMap<usize, Vec<FieldValue>>);

impl Values {
    /// Also accepts this value of the field.
    pub(super) fn add(&mut self, fields: &[Field], name: &str, value: &impl ToValue) {
        if let Some((place, _)) = find(fields, name) {
            self.0.entry(place).or_default().extend(FieldValue::of(value.to_value()));
        }
    }

    /// Accepts these values of the field and no others.
    pub(super) fn set(&mut self, fields: &[Field], name: &str, values: &[impl ToValue]) {
        if let Some((place, _)) = find(fields, name) {
            let values = values.iter().filter_map(|value| FieldValue::of(value.to_value()));
            self.0.insert(place, values.collect());
        }
    }

    /// Also accepts the values that a parameter lists.
    pub(super) fn read(&mut self, fields: &[Field], name: &str, text: &str) -> Result<(), InvalidParameter> {
        let Some((place, field)) = find(fields, name) else {
            return Err(InvalidParameter::new(name.to_owned(), text, InvalidReason::Unknown));
        };
        for value in split_values(text) {
            let refused = |reason| InvalidParameter::new(name.to_owned(), value.clone(), reason);
            let value = FieldValue::read(field.kind, value.clone()).map_err(refused)?;
            self.0.entry(place).or_default().push(value);
        }
        Ok(())
    }

    /// The values of a field as texts.
    pub(super) fn texts(&self, fields: &[Field], name: &str) -> Vec<String> {
        let values = find(fields, name).and_then(|(place, _)| self.0.get(&place));
        values.into_iter().flatten().map(FilterValue::text).collect()
    }

    /// See [`Extra::push_errors`](super::extra::Extra::push_errors).
    pub(super) fn push_errors(&self, fields: &[Field], errors: &mut Vec<InvalidParameter>) {
        self.listed(fields).for_each(|(field, values)| check_values(field.name, values, errors));
    }

    /// See [`Extra::push_conditions`](super::extra::Extra::push_conditions).
    pub(super) fn push_conditions(&self, fields: &[Field], conditions: &mut Conditions) {
        self.listed(fields).for_each(|(field, values)| conditions.one_of(field.name, values));
    }

    /// See [`Extra::describe`](super::extra::Extra::describe).
    pub(super) fn describe(&self, fields: &[Field], out: &mut Vec<(String, Vec<String>)>) {
        let texts = |values: &[FieldValue]| values.iter().map(FilterValue::text).collect();
        out.extend(self.listed(fields).map(|(field, values)| (field.name.to_owned(), texts(values))));
    }

    /// The fields that have values, with these.
    fn listed<'a>(&'a self, fields: &'a [Field]) -> impl Iterator<Item = (&'a Field, &'a [FieldValue])> {
        self.0.iter().filter_map(|(place, values)| Some((fields.get(*place)?, values.as_slice())))
    }
}

fn find<'a>(fields: &'a [Field], name: &str) -> Option<(usize, &'a Field)> {
    fields.iter().enumerate().find(|(_, field)| field.is_filterable && field.name == name)
}
