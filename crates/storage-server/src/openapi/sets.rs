//! Closed sets of words, each a schema with a name, so that a generated client has one type for each.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::openapi::path::PathItem;
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems};
use utoipa::openapi::{AllOfBuilder, Object, ObjectBuilder, OneOfBuilder, OpenApi, Ref, RefOr, Schema, Type};

use super::schema;

/// Sets by their names.
type Sets = BTreeMap<String, Object>;

/// Moves each set that has a title to a schema of that name, and leaves a reference where it stood.
pub(super) fn name(document: &mut OpenApi) {
    let mut sets = Sets::new();
    for item in document.paths.paths.values_mut() {
        in_operations(item, &mut sets);
    }
    if let Some(components) = &mut document.components {
        for schema in components.schemas.values_mut() {
            in_schema(schema, &mut sets);
        }
        let named = sets.into_iter().map(|(name, set)| (name, RefOr::T(Schema::Object(set))));
        components.schemas.extend(named);
    }
}

fn in_operations(item: &mut PathItem, sets: &mut Sets) {
    let all = [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
    for operation in all.into_iter().flatten() {
        for parameter in operation.parameters.iter_mut().flatten() {
            if let RefOr::T(parameter) = parameter
                && let Some(schema) = &mut parameter.schema
            {
                in_schema(schema, sets);
            }
        }
    }
}

fn in_schema(schema: &mut RefOr<Schema>, sets: &mut Sets) {
    let RefOr::T(found) = schema else { return };
    match found {
        Schema::Object(object) => {
            object.properties.values_mut().for_each(|property| in_schema(property, sets));
            if let Some(AdditionalProperties::RefOr(rest)) = object.additional_properties.as_deref_mut() {
                in_schema(rest, sets);
            }
            if let (Some(name), Some(words)) = (object.title.clone(), object.enum_values.clone()) {
                *schema = moved(name, words, std::mem::take(object), sets);
            }
        }
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                in_schema(items, sets);
            }
        }
        Schema::OneOf(of) => of.items.iter_mut().for_each(|item| in_schema(item, sets)),
        Schema::AllOf(of) => of.items.iter_mut().for_each(|item| in_schema(item, sets)),
        Schema::AnyOf(of) => of.items.iter_mut().for_each(|item| in_schema(item, sets)),
        _ => {}
    }
}

/// The reference to a set, with its description in this place.
fn moved(name: String, words: Vec<Value>, place: Object, sets: &mut Sets) -> RefOr<Schema> {
    let is_nullable = words.contains(&Value::Null);
    let words = words.into_iter().filter(|word| !word.is_null());
    let set = schema::text().enum_values(Some(words)).build();
    let mut reference = Ref::from_schema_name(&name);
    let before = sets.insert(name.clone(), set.clone());
    debug_assert!(before.is_none_or(|before| before == set), "{name} is the name of two sets");
    let Object { description, default, examples, .. } = place;
    if is_nullable {
        let null = ObjectBuilder::new().schema_type(Type::Null);
        let either = OneOfBuilder::new().item(RefOr::Ref(reference)).item(null).description(description);
        return either.default(default).examples(examples).into();
    }
    if examples.is_empty() {
        reference.description = description.unwrap_or_default();
        reference.default = default;
        return RefOr::Ref(reference);
    }
    AllOfBuilder::new()
        .item(RefOr::Ref(reference))
        .description(description)
        .default(default)
        .examples(examples)
        .into()
}
