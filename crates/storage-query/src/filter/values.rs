//! The conditions of a filter on the fields of its record type.

use std::collections::BTreeMap;

use storage_models::fields::{Field, ToValue};

use super::field_conditions::{FieldConditions, Suffix};
use super::value::{FieldValue, split_values};
use super::{Conditions, FilterNote};
use crate::{InvalidParameter, InvalidReason};

/// By the place of the field in the table of the record type: conditions and errors are in that order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Values {
    by_place: BTreeMap<usize, FieldConditions>,
    notes: Vec<FilterNote>,
}

impl Values {
    /// Whether a parameter of this name asks something of one of these fields.
    pub(super) fn accepts(fields: &[Field], name: &str) -> bool {
        find(fields, name).is_some()
    }

    /// The parameters of each field.
    pub(super) fn parameters(fields: &'static [Field]) -> Vec<(&'static Field, Vec<String>)> {
        let names = |field: &Field| {
            Suffix::all_of(field.kind).map(|suffix| format!("{}{}", field.name, suffix.text())).collect()
        };
        fields.iter().filter(|field| field.is_filterable).map(|field| (field, names(field))).collect()
    }

    /// Also accepts this value of the field.
    pub(super) fn add(&mut self, fields: &[Field], name: &str, value: &impl ToValue) {
        let Some((place, field, suffix)) = find(fields, name) else { return };
        let value = match FieldValue::of(value.to_value()) {
            Some(FieldValue::Text(given)) => Some(FieldValue::Text(self.as_stored(field, suffix, &given))),
            other => other,
        };
        if let Some(value) = value {
            self.by_place.entry(place).or_default().add(suffix, value);
        }
    }

    /// Accepts these values of the field and no others.
    pub(super) fn set(&mut self, fields: &[Field], name: &str, values: &[impl ToValue]) {
        if let Some((place, ..)) = find(fields, name) {
            let values = values.iter().filter_map(|value| FieldValue::of(value.to_value()));
            self.by_place.entry(place).or_default().set(values.collect());
        }
    }

    /// Says nothing of the field any more, whatever its parameters were.
    pub(super) fn forget(&mut self, fields: &[Field], name: &str) {
        if let Some((place, ..)) = find(fields, name) {
            self.by_place.remove(&place);
        }
    }

    /// Adds what a parameter says.
    pub(super) fn read(&mut self, fields: &[Field], name: &str, text: &str) -> Result<(), InvalidParameter> {
        let refused = |value: &str, reason| InvalidParameter::new(name.to_owned(), value, reason);
        let Some((place, field, suffix)) = find(fields, name) else {
            return Err(refused(text, InvalidReason::Unknown));
        };
        if suffix == Suffix::Null {
            let of_field = self.by_place.entry(place).or_default();
            return of_field.set_null(text).map_err(|reason| refused(text, reason));
        }
        for given in split_values(text) {
            let compared = self.as_stored(field, suffix, &given);
            let value = FieldValue::read(field.kind, compared).map_err(|reason| refused(&given, reason))?;
            self.by_place.entry(place).or_default().add(suffix, value);
        }
        Ok(())
    }

    /// The form in which a text is compared, noted where that is another than the one it was given in.
    fn as_stored(&mut self, field: &Field, suffix: Suffix, given: &str) -> String {
        let compared = field.kind.as_stored(given);
        if compared != given {
            let parameter = format!("{}{}", field.name, suffix.text());
            self.notes.push(FilterNote { parameter, given: given.to_owned(), compared: compared.clone() });
        }
        compared
    }

    /// The values of a parameter, as texts.
    pub(super) fn texts(&self, fields: &[Field], name: &str) -> Vec<String> {
        let of_field =
            find(fields, name).and_then(|(place, _, suffix)| Some((self.by_place.get(&place)?, suffix)));
        of_field.map(|(of_field, suffix)| of_field.texts(suffix)).unwrap_or_default()
    }

    pub(super) fn notes(&self) -> &[FilterNote] {
        &self.notes
    }

    /// Whether it lists values of a field that an index begins with.
    pub(super) fn is_indexed(&self, fields: &[Field]) -> bool {
        self.by_field(fields)
            .any(|(field, of_field)| field.is_indexed && !of_field.listed(Suffix::None).is_empty())
    }

    /// See [`Extra::push_errors`](super::extra::Extra::push_errors).
    pub(super) fn push_errors(&self, fields: &[Field], errors: &mut Vec<InvalidParameter>) {
        self.by_field(fields).for_each(|(field, of_field)| of_field.push_errors(field, errors));
    }

    /// See [`Extra::push_conditions`](super::extra::Extra::push_conditions).
    pub(super) fn push_conditions(&self, fields: &[Field], conditions: &mut Conditions) {
        self.by_field(fields).for_each(|(field, of_field)| of_field.push_conditions(field, conditions));
    }

    /// See [`Extra::describe`](super::extra::Extra::describe).
    pub(super) fn describe(&self, fields: &[Field], out: &mut Vec<(String, Vec<String>)>) {
        for (field, of_field) in self.by_field(fields) {
            let parameters = Suffix::all_of(field.kind)
                .map(|suffix| (format!("{}{}", field.name, suffix.text()), of_field.texts(suffix)));
            out.extend(parameters.filter(|(_, texts)| !texts.is_empty()));
        }
    }

    /// The fields that have conditions.
    fn by_field<'a>(&'a self, fields: &'a [Field]) -> impl Iterator<Item = (&'a Field, &'a FieldConditions)> {
        self.by_place.iter().filter_map(|(place, of_field)| Some((fields.get(*place)?, of_field)))
    }
}

/// The field that a parameter names, with its place, and what its suffix asks.
fn find<'a>(fields: &'a [Field], name: &str) -> Option<(usize, &'a Field, Suffix)> {
    let (name, suffix) = name.split_at(name.find('.').unwrap_or(name.len()));
    let (place, field) =
        fields.iter().enumerate().find(|(_, field)| field.is_filterable && field.name == name)?;
    let suffix = Suffix::all_of(field.kind).find(|known| known.text() == suffix)?;
    Some((place, field, suffix))
}
