//! The conditions of a filter on one field.

use storage_models::fields::{Field, Kind};

use super::Conditions;
use super::value::{FieldValue, FilterValue, check_values};
use crate::sql::Sql;
use crate::{InvalidParameter, InvalidReason};

/// The suffix of a field's name in a parameter, which gives the meaning of its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Suffix {
    /// Nothing: one of these values.
    None,
    /// None of these values; a record without one matches.
    Not,
    /// Whether there is a value at all.
    Null,
    /// A value that begins with one of these.
    Prefix,
}

impl Suffix {
    const ALL: [Self; 4] = [Self::None, Self::Not, Self::Null, Self::Prefix];

    /// As a parameter has it.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Not => ".not",
            Self::Null => ".null",
            Self::Prefix => ".prefix",
        }
    }

    /// Whether a field of this kind may be asked so.
    const fn suits(self, kind: Kind) -> bool {
        match self {
            Self::None => true,
            Self::Not | Self::Null => kind.is_text(),
            Self::Prefix => matches!(kind, Kind::Identifier(_)),
        }
    }

    /// Those that a field of this kind may have.
    pub(super) fn all_of(kind: Kind) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |suffix| suffix.suits(kind))
    }
}

/// Records whose field has one of the values, or begins with one of the prefixes, or is null if that is asked for; of these
/// none that has an excluded value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FieldConditions {
    values: Vec<FieldValue>,
    prefixes: Vec<FieldValue>,
    excluded: Vec<FieldValue>,
    is_null: Option<bool>,
}

impl FieldConditions {
    /// The values that a parameter lists; none for one that lists none.
    pub(super) fn listed(&self, suffix: Suffix) -> &[FieldValue] {
        match suffix {
            Suffix::None => &self.values,
            Suffix::Not => &self.excluded,
            Suffix::Prefix => &self.prefixes,
            Suffix::Null => &[],
        }
    }

    /// Adds a value to those that a parameter lists.
    pub(super) fn add(&mut self, suffix: Suffix, value: FieldValue) {
        match suffix {
            Suffix::None => self.values.push(value),
            Suffix::Not => self.excluded.push(value),
            Suffix::Prefix => self.prefixes.push(value),
            Suffix::Null => {}
        }
    }

    /// Requires one of these values, and keeps the excluded values.
    pub(super) fn set(&mut self, values: Vec<FieldValue>) {
        *self = Self { values, excluded: std::mem::take(&mut self.excluded), ..Self::default() };
    }

    /// Reads whether the field must be null.
    pub(super) fn set_null(&mut self, text: &str) -> Result<(), InvalidReason> {
        let is_null = match text {
            "true" => true,
            "false" => false,
            _ => return Err(InvalidReason::NotOneOf { allowed: "true, false".to_owned() }),
        };
        match self.is_null.replace(is_null) {
            Some(_) => Err(InvalidReason::Repeated),
            None => Ok(()),
        }
    }

    /// The values of each parameter of the field, as texts.
    pub(super) fn texts(&self, suffix: Suffix) -> Vec<String> {
        match (suffix, self.is_null) {
            (Suffix::Null, Some(is_null)) => vec![is_null.to_string()],
            _ => self.listed(suffix).iter().map(FilterValue::text).collect(),
        }
    }

    pub(super) fn push_errors(&self, field: &Field, errors: &mut Vec<InvalidParameter>) {
        for suffix in Suffix::ALL {
            check_values(&format!("{}{}", field.name, suffix.text()), self.listed(suffix), errors);
        }
        if self.is_null == Some(false) && !(self.values.is_empty() && self.prefixes.is_empty()) {
            let reason = InvalidReason::WithoutEffect { beside: "values of the same field" };
            errors.push(InvalidParameter::new(format!("{}.null", field.name), "false", reason));
        }
    }

    pub(super) fn push_conditions(&self, field: &Field, conditions: &mut Conditions) {
        let one_of = (!self.values.is_empty()).then(|| equals_one_of(field.name, &self.values));
        let begins = (!self.prefixes.is_empty()).then(|| begins_with_one_of(field.name, &self.prefixes));
        let is_null = (self.is_null == Some(true)).then(|| suffixed(field.name, " IS NULL"));
        conditions.any_of([one_of, begins, is_null].into_iter().flatten().collect());
        if self.is_null == Some(false) {
            conditions.and(field.name).text(" IS NOT NULL");
        }
        if !self.excluded.is_empty() {
            let is_null = field.is_nullable().then(|| suffixed(field.name, " IS NULL"));
            let differs = differs_from_all(field.name, &self.excluded);
            conditions.any_of(is_null.into_iter().chain([differs]).collect());
        }
    }
}

/// A single value is compared with `=`: an index on the column and a time then gives the rows in the order of the time,
/// which it does not for `= ANY`, and a page is read without sorting all that match.
pub(super) fn equals_one_of<V: FilterValue>(column: &'static str, values: &[V]) -> Sql {
    let mut sql = Sql::new(column);
    push_equals_one_of(&mut sql, values);
    sql
}

/// Goes on with a comparison to `values`, of which there is at least one.
pub(super) fn push_equals_one_of<V: FilterValue>(sql: &mut Sql, values: &[V]) {
    match values {
        [value] => sql.text(" = ").bind(value.bind()),
        values => sql.text(" = ANY(").bind(V::bind_all(values)).text(")"),
    };
}

fn begins_with_one_of(column: &'static str, prefixes: &[FieldValue]) -> Sql {
    let mut sql = Sql::new(column);
    match prefixes {
        [prefix] => sql.text(" ^@ ").bind(prefix.bind()),
        prefixes => sql.text(" ^@ ANY(").bind(FieldValue::bind_all(prefixes)).text(")"),
    };
    sql
}

fn differs_from_all(column: &'static str, values: &[FieldValue]) -> Sql {
    let mut sql = Sql::new(column);
    match values {
        [value] => sql.text(" <> ").bind(value.bind()),
        values => sql.text(" <> ALL(").bind(FieldValue::bind_all(values)).text(")"),
    };
    sql
}

fn suffixed(column: &'static str, text: &'static str) -> Sql {
    let mut sql = Sql::new(column);
    sql.text(text);
    sql
}
