//! Which changes of a description break its clients.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// How deep schemas are followed, because a schema may contain itself.
const MAX_DEPTH: usize = 24;

/// Whether a version comes after another: three numbers with dots.
pub(super) fn is_later(before: &str, now: &str) -> bool {
    let numbers =
        |version: &str| version.split('.').map(|part| part.parse().unwrap_or(0)).collect::<Vec<u64>>();
    numbers(now) > numbers(before)
}

/// Every change from `old` to `new` that breaks a client of `old`, as a sentence.
pub(super) fn breaking<'a>(old: &'a Value, new: &'a Value) -> Vec<String> {
    let mut found = Vec::new();
    for (path, item) in members(&old["paths"]) {
        for (method, operation) in members(item) {
            let place = format!("{} {path}", method.to_uppercase());
            match new["paths"].get(path).and_then(|item| item.get(method)) {
                Some(now) => Operations { old, new, place, found: &mut found }.compare(operation, now),
                None => found.push(format!("{place} was removed")),
            }
        }
    }
    let schemas = |document: &'a Value| document.pointer("/components/schemas").unwrap_or(&Value::Null);
    let now = schemas(new);
    let gone = members(schemas(old)).filter(|(name, _)| now.get(name.as_str()).is_none());
    found.extend(gone.map(|(name, _)| format!("the schema {name} was removed")));
    found
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn resolved<'a>(document: &'a Value, mut value: &'a Value) -> &'a Value {
    while let Some(place) = value.get("$ref").and_then(Value::as_str) {
        let Some(target) = document.pointer(place.trim_start_matches('#')) else { break };
        value = target;
    }
    value
}

/// One operation, before and now.
struct Operations<'a> {
    old: &'a Value,
    new: &'a Value,
    place: String,
    found: &'a mut Vec<String>,
}

impl<'a> Operations<'a> {
    fn compare(&mut self, before: &'a Value, now: &'a Value) {
        if before["operationId"] != now["operationId"] {
            self.say(&format!("was renamed from {1} to {0}", now["operationId"], before["operationId"]));
        }
        self.parameters(before, now);
        self.body(&before["requestBody"], &now["requestBody"]);
        for (status, response) in members(&before["responses"]) {
            let is_success = status.starts_with(['2', '3']);
            match now["responses"].get(status) {
                Some(now) => self.response(status, resolved(self.old, response), resolved(self.new, now)),
                None if is_success => self.say(&format!("no longer answers {status}")),
                None => {}
            }
        }
    }

    fn say(&mut self, what: &str) {
        self.found.push(format!("{} {what}", self.place));
    }

    fn parameters(&mut self, before: &'a Value, now: &'a Value) {
        let (old, new) = (named(self.old, before), named(self.new, now));
        for (name, parameter) in &old {
            let Some((_, now)) = new.iter().find(|(other, _)| other == name) else {
                self.say(&format!("no longer accepts the parameter {name}"));
                continue;
            };
            self.requires(&format!("the parameter {name}"), parameter, now);
            self.sent(&format!("parameter {name}"), &parameter["schema"], &now["schema"]);
        }
        for (name, _) in new
            .iter()
            .filter(|(name, it)| it["required"] == true && !old.iter().any(|(other, _)| other == name))
        {
            self.say(&format!("requires the new parameter {name}"));
        }
    }

    fn body(&mut self, before: &'a Value, now: &'a Value) {
        self.requires("a body", before, now);
        for (media_type, content) in members(&before["content"]) {
            match now["content"].get(media_type) {
                Some(now) => self.sent(&format!("body {media_type}"), &content["schema"], &now["schema"]),
                None => self.say(&format!("no longer accepts a body of the type {media_type}")),
            }
        }
    }

    fn requires(&mut self, what: &str, before: &Value, now: &Value) {
        if now["required"] == true && before["required"] != true {
            self.say(&format!("requires {what}, which was optional"));
        }
    }

    fn response(&mut self, status: &str, before: &'a Value, now: &'a Value) {
        for (name, _) in
            members(&before["headers"]).filter(|(name, _)| now["headers"].get(name.as_str()).is_none())
        {
            self.say(&format!("no longer answers {status} with the header {name}"));
        }
        for (media_type, content) in members(&before["content"]) {
            let place = format!("{} {status} {media_type}", self.place);
            match now["content"].get(media_type) {
                Some(now) => {
                    let (given, taken) = ((self.new, &now["schema"]), (self.old, &content["schema"]));
                    Schemas { direction: Direction::Answer, found: self.found }.fit(&place, given, taken, 0);
                }
                None => self.say(&format!("no longer answers {status} as {media_type}")),
            }
        }
    }

    /// What clients of the old description send.
    fn sent(&mut self, what: &str, before: &'a Value, now: &'a Value) {
        let place = format!("{} {what}", self.place);
        let (given, taken) = ((self.old, before), (self.new, now));
        Schemas { direction: Direction::Request, found: self.found }.fit(&place, given, taken, 0);
    }
}

/// The parameters of an operation, each by where it is and its name.
fn named<'a>(document: &'a Value, operation: &'a Value) -> Vec<(String, &'a Value)> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let parameters = parameters.map(|parameter| resolved(document, parameter));
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    parameters.map(|it| (format!("{} in {}", word(&it["name"]), word(&it["in"])), it)).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Request,
    Answer,
}

/// A schema and the document that it belongs to.
type In<'a> = (&'a Value, &'a Value);

/// Whether all that is given is taken: of a request, what the old description lets clients send; of an answer, what the
/// new one lets the service send.
struct Schemas<'f> {
    direction: Direction,
    found: &'f mut Vec<String>,
}

impl Schemas<'_> {
    fn fit(&mut self, place: &str, given: In<'_>, taken: In<'_>, depth: usize) {
        let (given, taken) = ((given.0, resolved(given.0, given.1)), (taken.0, resolved(taken.0, taken.1)));
        let (Some(before), Some(after)) = (given.1.as_object(), taken.1.as_object()) else { return };
        if depth > MAX_DEPTH {
            return;
        }
        if let Some(alternatives) =
            alternatives(before).or_else(|| alternatives(after).map(|_| std::slice::from_ref(given.1)))
        {
            let choices = self::alternatives(after).unwrap_or(std::slice::from_ref(taken.1));
            for alternative in alternatives {
                let is_taken = |choice: &Value| {
                    let mut found = Vec::new();
                    let mut trial = Schemas { direction: self.direction, found: &mut found };
                    trial.fit(place, (given.0, alternative), (taken.0, choice), depth + 1);
                    found.is_empty()
                };
                if !choices.iter().any(is_taken) {
                    self.found.push(format!("{place}: {} is {}", shown(alternative), self.unfit()));
                }
            }
            return;
        }
        self.types(place, before, after);
        self.words(place, before, after);
        if self.direction == Direction::Request {
            self.limits(place, before, after);
        }
        self.properties(place, given, taken, depth);
        if let (Some(one), Some(other)) = (before.get("items"), after.get("items")) {
            self.fit(&format!("{place}/items"), (given.0, one), (taken.0, other), depth + 1);
        }
    }

    const fn unfit(&self) -> &'static str {
        match self.direction {
            Direction::Request => "no longer accepted",
            Direction::Answer => "new in an answer",
        }
    }

    fn types(&mut self, place: &str, given: &Map<String, Value>, taken: &Map<String, Value>) {
        let Some(taken) = set(taken.get("type")) else { return };
        match set(given.get("type")) {
            None => self.found.push(format!("{place}: any type but {} is {}", listed(&taken), self.unfit())),
            Some(given) => {
                // Every integer is a number.
                let fits = |kind: &String| {
                    taken.contains(kind) || (kind == "\"integer\"" && taken.contains("\"number\""))
                };
                let others: BTreeSet<String> = given.into_iter().filter(|kind| !fits(kind)).collect();
                if !others.is_empty() {
                    self.found.push(format!("{place}: the type {} is {}", listed(&others), self.unfit()));
                }
            }
        }
    }

    fn words(&mut self, place: &str, given: &Map<String, Value>, taken: &Map<String, Value>) {
        let Some(taken) = set(taken.get("enum")) else { return };
        match set(given.get("enum")) {
            None => self.found.push(format!("{place}: any value but {} is {}", listed(&taken), self.unfit())),
            Some(given) => {
                let others: BTreeSet<String> = given.difference(&taken).cloned().collect();
                if !others.is_empty() {
                    self.found.push(format!("{place}: {} is {}", listed(&others), self.unfit()));
                }
            }
        }
    }

    /// Bounds that became narrower, and patterns that changed. A changed pattern may refuse what the old one accepted.
    fn limits(&mut self, place: &str, given: &Map<String, Value>, taken: &Map<String, Value>) {
        for (name, is_upper) in [
            ("minimum", false),
            ("minLength", false),
            ("minItems", false),
            ("maximum", true),
            ("maxLength", true),
            ("maxItems", true),
        ] {
            let Some(now) = taken.get(name).and_then(Value::as_f64) else { continue };
            let before = given.get(name).and_then(Value::as_f64);
            if before.is_none_or(|before| if is_upper { now < before } else { now > before }) {
                self.found.push(format!("{place}: {name} is {now}, narrower than before"));
            }
        }
        for name in ["pattern", "format"] {
            if let Some(now) = taken.get(name).filter(|now| given.get(name) != Some(*now)) {
                self.found.push(format!("{place}: the {name} changed to {now}"));
            }
        }
    }

    fn properties(&mut self, place: &str, given: In<'_>, taken: In<'_>, depth: usize) {
        let (before, after) = (&given.1["properties"], &taken.1["properties"]);
        let (given_always, taken_always) = (set(given.1.get("required")), set(taken.1.get("required")));
        let given_always = given_always.unwrap_or_default();
        for name in taken_always.unwrap_or_default().difference(&given_always) {
            self.found.push(match self.direction {
                Direction::Request => format!("{place}: the member {name} is now required"),
                Direction::Answer => format!("{place}: the member {name} is now optional"),
            });
        }
        for (name, schema) in members(before) {
            match after.get(name) {
                Some(other) => {
                    self.fit(&format!("{place}/{name}"), (given.0, schema), (taken.0, other), depth + 1);
                }
                None if self.direction == Direction::Request && taken.1["additionalProperties"] == false => {
                    self.found.push(format!("{place}: the member {name} is no longer accepted"));
                }
                None => {}
            }
        }
        if self.direction == Direction::Answer {
            let gone = members(after).filter(|(name, _)| before.get(name.as_str()).is_none());
            self.found.extend(gone.map(|(name, _)| format!("{place}: the member {name} was removed")));
        }
    }
}

/// The schemas of which a value fits one.
fn alternatives(schema: &Map<String, Value>) -> Option<&[Value]> {
    let all = ["oneOf", "anyOf", "allOf"].iter().find_map(|name| schema.get(*name));
    all.and_then(Value::as_array).map(Vec::as_slice)
}

/// One or several, as texts.
fn set(value: Option<&Value>) -> Option<BTreeSet<String>> {
    match value? {
        Value::Array(items) => Some(items.iter().map(Value::to_string).collect()),
        one => Some([one.to_string()].into()),
    }
}

fn listed(values: &BTreeSet<String>) -> String {
    values.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn shown(schema: &Value) -> String {
    schema
        .get("$ref")
        .or_else(|| schema.get("type"))
        .map_or_else(|| "an alternative".to_owned(), Value::to_string)
}
