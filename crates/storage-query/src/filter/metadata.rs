//! `metadata.KEY=VALUE`.

use std::collections::BTreeMap;

use super::extra::Extra;
use super::field_conditions::push_equals_one_of;
use super::value::{check_values, split_values};
use super::{Conditions, MAX_METADATA_KEYS};
use crate::sql::Bind;
use crate::{InvalidParameter, InvalidReason};

const PREFIX: &str = "metadata.";

/// Characters of a key at most.
const MAX_KEY: usize = 255;

/// Values that top-level keys of `metadata` must have. The values of one key are alternatives, and every key
/// must match; a record without the key, or with null in it, does not.
///
/// Values are compared as text, as PostgreSQL's `->>` writes them: a string as it is, a number, `true` and
/// `false` as in JSON, objects and arrays as JSON with PostgreSQL's spaces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetadataValues(BTreeMap<String, Vec<String>>);

impl MetadataValues {
    /// Also accepts this value of this key.
    pub fn add(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.0.entry(key.into()).or_default().push(value.into());
    }

    /// The keys, each with its values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0.iter().map(|(key, values)| (key.as_str(), values.as_slice()))
    }
}

impl Extra for MetadataValues {
    fn accepts(name: &str) -> bool {
        name.starts_with(PREFIX)
    }

    fn set(&mut self, name: &str, text: &str) -> Result<(), InvalidParameter> {
        let key = name.strip_prefix(PREFIX).unwrap_or(name).to_owned();
        self.0.entry(key).or_default().extend(split_values(text));
        Ok(())
    }

    fn push_errors(&self, errors: &mut Vec<InvalidParameter>) {
        let mut refuse =
            |value: String, reason| errors.push(InvalidParameter::new("metadata", value, reason));
        if self.0.len() > MAX_METADATA_KEYS {
            refuse(self.0.len().to_string(), InvalidReason::TooManyKeys);
        }
        for key in self.0.keys() {
            // Such a key is no part of the message.
            if key.chars().count() > MAX_KEY {
                refuse(key.clone(), InvalidReason::KeyTooLong { max: MAX_KEY });
            } else if key.chars().any(char::is_control) {
                refuse(key.clone(), InvalidReason::KeyCharacter);
            }
        }
        for (key, values) in self.iter().filter(|(key, _)| key.chars().count() <= MAX_KEY) {
            let name = format!("{PREFIX}{key}");
            check_values(&name, values, errors);
        }
    }

    fn push_conditions(&self, conditions: &mut Conditions) {
        for (key, values) in self.iter() {
            if !values.is_empty() {
                let sql = conditions.and("(metadata ->> ").bind(Bind::Text(key.to_owned())).text(")");
                push_equals_one_of(sql, values);
            }
        }
    }

    fn describe(&self, out: &mut Vec<(String, Vec<String>)>) {
        let set = self.iter().filter(|(_, values)| !values.is_empty());
        out.extend(set.map(|(key, values)| (format!("{PREFIX}{key}"), values.to_vec())));
    }
}
