//! Filters from serde: a map whose values are scalars or lists of scalars, so that query strings (with
//! repeated keys) and JSON are read by the same rules.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::AuditFilter;

pub(super) fn deserialize<'de, F: AuditFilter, D: Deserializer<'de>>(deserializer: D) -> Result<F, D::Error> {
    deserializer.deserialize_map(FilterVisitor(PhantomData))
}

struct FilterVisitor<F>(PhantomData<F>);

impl<'de, F: AuditFilter> Visitor<'de> for FilterVisitor<F> {
    type Value = F;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a filter with any of {}", F::FIELDS.join(", "))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<F, A::Error> {
        let mut filter = F::default();
        while let Some((field, Texts(texts))) = map.next_entry::<String, Texts>()? {
            if !F::has_field(&field) {
                return Err(A::Error::unknown_field(&field, F::FIELDS));
            }
            for text in texts {
                filter.set(&field, &text).map_err(A::Error::custom)?;
            }
        }
        Ok(filter)
    }
}

/// The texts of one parameter.
struct Texts(Vec<String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextsVisitor)
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a whole number, a boolean, or a list of them")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Texts, E> {
        Ok(Texts(vec![value.to_owned()]))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Texts, E> {
        Ok(Texts(vec![value.to_string()]))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Texts, E> {
        Ok(Texts(vec![value.to_string()]))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Texts, E> {
        Ok(Texts(vec![value.to_string()]))
    }

    fn visit_unit<E: Error>(self) -> Result<Texts, E> {
        Ok(Texts(Vec::new()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Texts, A::Error> {
        let mut texts = Vec::new();
        while let Some(Texts(more)) = sequence.next_element()? {
            texts.extend(more);
        }
        Ok(Texts(texts))
    }
}
