//! Which changes are named, and which are not.

use serde_json::{Value, json};

use super::{breaking, is_later};

fn document() -> Value {
    json!({
        "info": { "version": "1.2.0" },
        "paths": { "/a": {
            "get": {
                "operationId": "listA",
                "parameters": [
                    { "name": "limit", "in": "query", "schema": { "type": "integer", "minimum": 1, "maximum": 9 } },
                    { "$ref": "#/components/parameters/P" }
                ],
                "responses": {
                    "200": {
                        "headers": { "Link": {} },
                        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/A" } } }
                    },
                    "400": { "content": {} }
                }
            },
            "post": {
                "operationId": "writeA",
                "parameters": [],
                "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/New" } } } },
                "responses": { "201": { "content": {} } }
            }
        } },
        "components": {
            "parameters": { "P": { "name": "X", "in": "header", "schema": { "type": "string" } } },
            "schemas": {
                "Word": { "type": "string", "enum": ["a", "b"] },
                "A": {
                    "type": "object",
                    "required": ["id", "word"],
                    "properties": {
                        "id": { "type": "integer" },
                        "word": { "oneOf": [{ "$ref": "#/components/schemas/Word" }, { "type": "null" }] },
                        "items": { "type": "array", "items": { "type": "string" } }
                    }
                },
                "New": {
                    "type": "object",
                    "required": ["name"],
                    "additionalProperties": false,
                    "properties": {
                        "name": { "type": "string", "maxLength": 9 },
                        "word": { "oneOf": [{ "$ref": "#/components/schemas/Word" }, { "type": "null" }] },
                        "size": { "type": ["integer", "null"] }
                    }
                }
            }
        }
    })
}

/// What is said of the document with other values at these places; null takes a value away.
fn after(changes: &[(&str, Value)]) -> Vec<String> {
    let mut new = document();
    for (place, value) in changes {
        let (parent, key) = place.rsplit_once('/').unwrap();
        let key = key.replace("~1", "/");
        match (new.pointer_mut(parent).unwrap(), value) {
            (Value::Object(members), Value::Null) => drop(members.remove(&key)),
            (Value::Object(members), value) => drop(members.insert(key, value.clone())),
            (other, value) => *other.get_mut(key.parse::<usize>().unwrap()).unwrap() = value.clone(),
        }
    }
    breaking(&document(), &new)
}

const GET: &str = "/paths/~1a/get";
const POST: &str = "/paths/~1a/post";
const SCHEMAS: &str = "/components/schemas";

/// F52: each kind of change that breaks clients is named.
#[test]
fn what_breaks_clients_is_named() {
    for (place, value, expected) in [
        ("/paths/~1a".to_owned(), Value::Null, "GET /a was removed"),
        (POST.to_owned(), Value::Null, "POST /a was removed"),
        (format!("{GET}/operationId"), json!("all"), "to \"all\""),
        (format!("{GET}/parameters"), json!([]), "no longer accepts the parameter limit in query"),
        (format!("{GET}/parameters/0/required"), json!(true), "which was optional"),
        (format!("{GET}/parameters/0/schema/maximum"), json!(8), "maximum is 8"),
        (format!("{GET}/parameters/0/schema/pattern"), json!("^1"), "the pattern changed"),
        (
            "/components/parameters/P/name".to_owned(),
            json!("Y"),
            "no longer accepts the parameter X in header",
        ),
        (
            format!("{POST}/parameters"),
            json!([{ "name": "p", "in": "query", "required": true, "schema": {} }]),
            "requires the new parameter p in query",
        ),
        (format!("{POST}/requestBody/required"), json!(true), "requires a body"),
        (
            format!("{POST}/requestBody/content"),
            json!({}),
            "no longer accepts a body of the type application/json",
        ),
        (format!("{POST}/responses"), json!({ "200": {} }), "no longer answers 201"),
        (format!("{GET}/responses/200/headers"), Value::Null, "no longer answers 200 with the header Link"),
        (format!("{GET}/responses/200/content"), json!({}), "no longer answers 200 as application/json"),
        (format!("{SCHEMAS}/A/properties/id"), Value::Null, "the member id was removed"),
        (format!("{SCHEMAS}/A/required"), json!(["id"]), "the member \"word\" is now optional"),
        (
            format!("{SCHEMAS}/A/properties/id/type"),
            json!("string"),
            "the type \"string\" is new in an answer",
        ),
        (
            format!("{SCHEMAS}/A/properties/items/items/type"),
            json!("number"),
            "/items/items: the type \"number\"",
        ),
        (format!("{SCHEMAS}/New/required"), json!(["name", "word"]), "the member \"word\" is now required"),
        (format!("{SCHEMAS}/New/properties/size"), Value::Null, "the member size is no longer accepted"),
        (
            format!("{SCHEMAS}/New/properties/size/type"),
            json!("integer"),
            "the type \"null\" is no longer accepted",
        ),
        (format!("{SCHEMAS}/New/properties/name/maxLength"), json!(8), "maxLength is 8"),
        (
            format!("{SCHEMAS}/New/properties/word"),
            json!({ "$ref": "#/components/schemas/Word" }),
            "\"null\" is no longer accepted",
        ),
        (format!("{SCHEMAS}/Word/enum"), json!(["a"]), "Word\" is no longer accepted"),
        (format!("{SCHEMAS}/Word/enum"), json!(["a", "b", "c"]), "Word\" is new in an answer"),
    ] {
        let found = after(&[(&place, value)]);
        assert!(found.iter().any(|it| it.contains(expected)), "{place}: {expected}: {found:#?}");
    }
    let added = after(&[("/components/schemas/Unused", json!({}))]);
    assert_eq!(added, Vec::<String>::new());
}

#[test]
fn what_clients_can_live_with_is_not() {
    for (place, value) in [
        ("/paths/~1b".to_owned(), json!({ "get": {} })),
        (format!("{GET}/parameters/0/schema/maximum"), json!(10)),
        (format!("{GET}/parameters/0/schema/type"), json!("number")),
        (format!("{GET}/responses/400"), Value::Null),
        (format!("{GET}/responses/429"), json!({})),
        (format!("{SCHEMAS}/A/properties/more"), json!({ "type": "string" })),
        (format!("{SCHEMAS}/A/required"), json!(["id", "word", "items"])),
        (format!("{SCHEMAS}/New/properties/more"), json!({ "type": "string" })),
        (format!("{SCHEMAS}/New/required"), json!([])),
        (format!("{SCHEMAS}/New/properties/name/maxLength"), Value::Null),
    ] {
        assert_eq!(after(&[(&place, value)]), Vec::<String>::new(), "{place}");
    }
    assert_eq!(after(&[]), Vec::<String>::new());
}

#[test]
fn a_later_version_may_break_them() {
    for (before, now, expected) in [
        ("0.1.0", "0.1.0", false),
        ("0.1.9", "0.1.10", true),
        ("0.9.0", "1.0.0", true),
        ("1.0.0", "0.9.9", false),
    ] {
        assert_eq!(is_later(before, now), expected, "{before} {now}");
    }
}
