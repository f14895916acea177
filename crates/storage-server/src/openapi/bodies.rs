//! The schemas of bodies, from the types that are sent (`utoipa::ToSchema`), and an example of each, from its members'.

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, SchemaType};
use utoipa::openapi::{AllOf, Object, OneOf, RefOr, Schema, Type};

use super::fields;
use super::schema::{Schemas, named};

/// A body that is sent as JSON.
pub(crate) trait JsonBody: Serialize + ToSchema {
    /// The name of its schema. A body with records of one type is named after them.
    fn schema_name() -> String {
        Self::name().into_owned()
    }

    /// The example, made from the examples of its members.
    fn example(of_members: Value) -> Value {
        of_members
    }
}

/// The schema of a body and those it names, its own first.
pub(super) fn schemas<B: JsonBody>() -> Schemas {
    let mut schemas = vec![(B::schema_name(), B::schema())];
    B::schemas(&mut schemas);
    schemas.into_iter().map(|(name, schema)| (name, closed(schema))).collect()
}

/// The schema as it holds for what is sent: an object has no members but those it names, and what is flattened into it
/// is its own.
fn closed(schema: RefOr<Schema>) -> RefOr<Schema> {
    let RefOr::T(schema) = schema else { return schema };
    RefOr::T(match schema {
        Schema::Object(object) => Schema::Object(closed_object(object)),
        Schema::Array(mut array) => {
            if let ArrayItems::RefOrSchema(items) = array.items {
                array.items = ArrayItems::RefOrSchema(Box::new(closed(*items)));
            }
            Schema::Array(array)
        }
        Schema::OneOf(mut one_of) => {
            one_of.items = one_of.items.into_iter().map(closed).collect();
            Schema::OneOf(one_of)
        }
        Schema::AllOf(all_of) => flattened(all_of),
        other => other,
    })
}

fn closed_object(mut object: Object) -> Object {
    let properties = std::mem::take(&mut object.properties);
    object.properties = properties.into_iter().map(|(name, schema)| (name, closed(schema))).collect();
    if !object.properties.is_empty() {
        object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
    }
    object
}

/// One object in place of several that hold together; one for each choice where there is one.
fn flattened(all_of: AllOf) -> Schema {
    let mut choices = vec![Object::new()];
    for part in all_of.items {
        let parts = objects(part);
        choices = choices.iter().flat_map(|whole| parts.iter().map(|part| joined(whole, part))).collect();
    }
    let mut choices: Vec<Object> = choices.into_iter().map(closed_object).collect();
    match (choices.pop(), choices.is_empty()) {
        (Some(mut only), true) => {
            only.description = all_of.description;
            Schema::Object(only)
        }
        (last, _) => {
            let mut one_of = OneOf::new();
            one_of.items = choices.into_iter().chain(last).map(|it| RefOr::T(Schema::Object(it))).collect();
            one_of.description = all_of.description;
            Schema::OneOf(one_of)
        }
    }
}

/// The objects of which a value is one.
fn objects(schema: RefOr<Schema>) -> Vec<Object> {
    match schema {
        RefOr::Ref(reference) => fields::named(name_at(&reference.ref_location)).into_iter().collect(),
        RefOr::T(Schema::Object(object)) => vec![object],
        RefOr::T(Schema::OneOf(one_of)) => one_of.items.into_iter().flat_map(objects).collect(),
        RefOr::T(_) => Vec::new(),
    }
}

fn joined(one: &Object, other: &Object) -> Object {
    let mut whole = one.clone();
    whole.schema_type = SchemaType::new(Type::Object);
    whole.properties.extend(other.properties.clone());
    whole.required.extend(other.required.clone());
    whole
}

/// The example of a body.
pub(super) fn example_of<B: JsonBody>() -> Value {
    B::example(example(&named(&B::schema_name()), &schemas::<B>()))
}

/// The examples of a schema's members, or the least that they may be.
fn example(schema: &RefOr<Schema>, known: &Schemas) -> Value {
    match schema {
        RefOr::Ref(reference) => named_example(name_at(&reference.ref_location), known),
        RefOr::T(Schema::Object(object)) => object_example(object, known),
        RefOr::T(Schema::Array(array)) => match (array.examples.first(), &array.items) {
            (Some(example), _) => example.clone(),
            (None, ArrayItems::RefOrSchema(items)) => json!([example(items, known)]),
            (None, ArrayItems::False) => json!([]),
        },
        RefOr::T(Schema::OneOf(one_of)) => one_of
            .examples
            .first()
            .cloned()
            .or_else(|| one_of.items.first().map(|first| example(first, known)))
            .unwrap_or_default(),
        RefOr::T(_) => Value::Null,
    }
}

fn named_example(name: &str, known: &Schemas) -> Value {
    match known.iter().find(|(other, _)| other == name) {
        Some((_, schema)) => example(schema, known),
        None => fields::named(name).map(|record| object_example(&record, known)).unwrap_or_default(),
    }
}

/// The name of the schema that a reference leads to.
fn name_at(location: &str) -> &str {
    location.rsplit('/').next().unwrap_or_default()
}

fn object_example(object: &Object, known: &Schemas) -> Value {
    if let Some(example) = object.examples.first() {
        return example.clone();
    }
    if let Some(word) = object.enum_values.as_ref().and_then(|words| words.first()) {
        return word.clone();
    }
    match &object.schema_type {
        SchemaType::Type(Type::Object) => {
            let members = object.properties.iter().filter(|(name, _)| object.required.contains(name));
            Value::Object(members.map(|(name, it)| (name.clone(), example(it, known))).collect::<Map<_, _>>())
        }
        SchemaType::Type(Type::Boolean) => json!(false),
        SchemaType::Type(Type::Integer | Type::Number) => json!(0),
        SchemaType::Type(Type::String) => json!(""),
        _ => Value::Null,
    }
}
