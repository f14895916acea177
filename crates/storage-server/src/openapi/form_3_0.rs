//! The document in the form of OpenAPI 3.0.3, for generators that do not know 3.1: what JSON Schema has learned since is
//! written in the older words.

use serde_json::{Map, Value, json};

/// Members that hold data and not schemas.
const DATA: [&str; 6] = ["example", "examples", "default", "enum", "value", "x-requests"];

/// Converts a document from OpenAPI 3.1 to 3.0.3.
pub(crate) fn form_3_0(mut document: Value) -> Value {
    if let Some(members) = document.as_object_mut() {
        members.insert("openapi".to_owned(), json!("3.0.3"));
    }
    if let Some(license) = document.pointer_mut("/info/license").and_then(Value::as_object_mut) {
        license.remove("identifier");
    }
    in_description(&mut document);
    document
}

/// Finds the schemas.
fn in_description(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match name.as_str() {
                    "schema" => in_schema(member),
                    "schemas" => in_schemas(member),
                    name if DATA.contains(&name) => {}
                    _ => in_description(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(in_description),
        _ => {}
    }
}

/// Schemas by their names, or in their order.
fn in_schemas(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(in_schema),
        Value::Array(items) => items.iter_mut().for_each(in_schema),
        _ => {}
    }
}

fn in_schema(schema: &mut Value) {
    let Value::Object(schema) = schema else { return };
    without_null(schema);
    for (name, member) in schema.iter_mut() {
        match name.as_str() {
            "properties" | "oneOf" | "anyOf" | "allOf" => in_schemas(member),
            "items" | "additionalProperties" | "not" => in_schema(member),
            _ => {}
        }
    }
    if let Some(Value::Array(examples)) = schema.remove("examples")
        && let Some(first) = examples.into_iter().next()
    {
        schema.insert("example".to_owned(), first);
    }
    if let Some(only) = schema.remove("const") {
        schema.insert("enum".to_owned(), json!([only]));
    }
    for (exclusive, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        if let Some(limit) = schema.get(exclusive).filter(|limit| limit.is_number()).cloned() {
            schema.insert(bound.to_owned(), limit);
            schema.insert(exclusive.to_owned(), json!(true));
        }
    }
    for name in ["contentEncoding", "contentMediaType", "propertyNames"] {
        schema.remove(name);
    }
    // Beside a reference nothing counts.
    if schema.len() > 1
        && let Some(reference) = schema.remove("$ref")
    {
        schema.insert("allOf".to_owned(), json!([{ "$ref": reference }]));
    }
}

/// Null is no type there, but a mark on one.
fn without_null(schema: &mut Map<String, Value>) {
    let mut is_nullable = false;
    if let Some(Value::Array(types)) = schema.get("type").cloned() {
        let mut others: Vec<Value> = types.iter().filter(|kind| *kind != "null").cloned().collect();
        is_nullable |= others.len() < types.len();
        match (others.pop(), others.is_empty()) {
            (Some(only), true) => schema.insert("type".to_owned(), only),
            (last, _) => {
                let either: Vec<Value> =
                    others.into_iter().chain(last).map(|kind| json!({ "type": kind })).collect();
                schema.remove("type");
                schema.insert("anyOf".to_owned(), Value::Array(either))
            }
        };
    }
    for choice in ["oneOf", "anyOf"] {
        let Some(Value::Array(items)) = schema.get_mut(choice) else { continue };
        let count = items.len();
        items.retain(|item| item.get("type").is_none_or(|kind| kind != "null"));
        is_nullable |= items.len() < count;
        if let ([_], true) = (items.as_slice(), items.len() < count) {
            let only = schema.remove(choice).unwrap_or_default();
            schema.insert("allOf".to_owned(), only);
        }
    }
    if is_nullable {
        schema.insert("nullable".to_owned(), json!(true));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{DATA, form_3_0};

    /// F52: each word of the newer form, and what it becomes.
    #[test]
    fn what_the_older_form_does_not_know_is_written_in_its_words() {
        let reference = json!({ "$ref": "#/components/schemas/A" });
        for (newer, older) in [
            (json!({ "type": ["string", "null"] }), json!({ "type": "string", "nullable": true })),
            (
                json!({ "type": ["string", "integer"] }),
                json!({ "anyOf": [{ "type": "string" }, { "type": "integer" }] }),
            ),
            (
                json!({ "oneOf": [reference, { "type": "null" }], "examples": [1, 2] }),
                json!({ "allOf": [reference], "nullable": true, "example": 1 }),
            ),
            (json!({ "oneOf": [reference, reference] }), json!({ "oneOf": [reference, reference] })),
            (
                json!({ "$ref": "#/components/schemas/A", "description": "d" }),
                json!({ "allOf": [reference], "description": "d" }),
            ),
            (reference.clone(), reference.clone()),
            (json!({ "const": "a" }), json!({ "enum": ["a"] })),
            (json!({ "type": "object", "propertyNames": { "type": "string" } }), json!({ "type": "object" })),
            (
                json!({ "exclusiveMinimum": 0, "maximum": 9 }),
                json!({ "minimum": 0, "exclusiveMinimum": true, "maximum": 9 }),
            ),
            (
                json!({ "properties": { "examples": { "type": ["null", "object"] } } }),
                json!({ "properties": { "examples": { "type": "object", "nullable": true } } }),
            ),
            (
                json!({ "type": "array", "items": { "type": ["null", "string"] }, "default": ["null"] }),
                json!({ "type": "array", "items": { "type": "string", "nullable": true }, "default": ["null"] }),
            ),
        ] {
            let document = form_3_0(json!({ "schema": newer, "x-requests": { "schema": newer } }));
            let expected = json!({ "openapi": "3.0.3", "schema": older, "x-requests": { "schema": newer } });
            assert_eq!(document, expected);
        }
    }

    /// Keys that 3.0.3 does not have.
    const NEWER: [&str; 18] = [
        "$defs",
        "$schema",
        "const",
        "contains",
        "contentEncoding",
        "contentMediaType",
        "dependentRequired",
        "dependentSchemas",
        "else",
        "identifier",
        "if",
        "jsonSchemaDialect",
        "patternProperties",
        "prefixItems",
        "propertyNames",
        "then",
        "unevaluatedProperties",
        "webhooks",
    ];

    fn newer(value: &Value, place: &str, found: &mut Vec<String>) {
        let Value::Object(members) = value else {
            value.as_array().into_iter().flatten().for_each(|item| newer(item, place, found));
            return;
        };
        let are_names = ["/properties", "/schemas", "/paths"].iter().any(|map| place.ends_with(map));
        for (name, member) in members {
            let place = format!("{place}/{name}");
            let is_newer = match name.as_str() {
                _ if are_names => false,
                "type" => !member.is_string() || member == "null",
                "examples" => member.is_array(),
                "exclusiveMinimum" | "exclusiveMaximum" => !member.is_boolean(),
                "$ref" => members.len() > 1,
                name => NEWER.contains(&name),
            };
            if is_newer {
                found.push(place.clone());
            }
            if are_names || !DATA.contains(&name.as_str()) {
                newer(member, &place, found);
            }
        }
    }

    /// F52: nothing of 3.1 is left in the form of 3.0.3.
    #[test]
    fn nothing_newer_is_left_in_the_document() {
        let document: Value = serde_json::from_str(crate::routes::document()).unwrap();
        let mut found = Vec::new();
        newer(&document, "", &mut found);
        assert!(!found.is_empty(), "the document has nothing of 3.1, and this test looks for nothing");
        found.clear();
        newer(&form_3_0(document), "", &mut found);
        assert_eq!(found, Vec::<String>::new());
    }
}
