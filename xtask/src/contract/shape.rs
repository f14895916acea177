//! What clients build upon: the description without its words and examples.

use serde_json::Value;

/// Members of the description that clients do not depend on.
const WORDS: [&str; 9] = [
    "description",
    "summary",
    "title",
    "example",
    "examples",
    "x-requests",
    "tags",
    "license",
    "securitySchemes",
];

/// Where the keys are names that the API gives.
const NAMES: [&str; 6] = ["paths", "schemas", "properties", "content", "responses", "headers"];

/// The description reduced to its shape.
pub(super) fn of(document: Value) -> Value {
    reduced(document, false)
}

fn reduced(value: Value, has_names: bool) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.into_iter().filter(|(key, _)| has_names || !WORDS.contains(&key.as_str()));
            let members = kept.map(|(key, member)| {
                let names = !has_names && NAMES.contains(&key.as_str());
                let member = reduced(member, names);
                (key, member)
            });
            Value::Object(members.collect())
        }
        Value::Array(items) => items.into_iter().map(|item| reduced(item, false)).collect(),
        plain => plain,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn words_go_and_names_stay() {
        let document = json!({
            "info": { "title": "t", "version": "1" },
            "paths": { "/title": { "get": { "summary": "s", "operationId": "title" } } },
            "components": {
                "examples": { "a": 1 },
                "schemas": { "A": { "description": "d", "properties": { "description": { "type": "string", "examples": ["a"] } } } }
            }
        });
        let shape = json!({
            "info": { "version": "1" },
            "paths": { "/title": { "get": { "operationId": "title" } } },
            "components": { "schemas": { "A": { "properties": { "description": { "type": "string" } } } } }
        });
        assert_eq!(super::of(document), shape);
    }
}
