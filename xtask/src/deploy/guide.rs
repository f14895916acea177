//! Names of routes, parameters, fields and problems in the guide to the API.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::workspace;

/// The guide.
const GUIDE: &str = "docs/api.md";

/// The reference, which is made from the code.
const DESCRIPTION: &str = "docs/openapi.json";

/// The page of problems, which is made from the code.
const PROBLEMS: &str = "docs/problems.md";

/// What the routes of records begin with.
const API: &str = "/api/v1/";

/// The names that the API has.
struct Names {
    /// The parameters of each route, whatever the method.
    routes: BTreeMap<String, BTreeSet<String>>,
    /// Parameters, fields and the words of closed sets.
    words: BTreeSet<String>,
    /// Paths of problems.
    problems: BTreeSet<String>,
}

/// The names in the guide that the API does not have, each with its line.
pub(super) fn mentions() -> Result<Vec<String>> {
    let page = |path: &str| {
        std::fs::read_to_string(workspace::root().join(path)).with_context(|| format!("cannot read {path}"))
    };
    let names = Names::of(&serde_json::from_str(&page(DESCRIPTION)?)?, &page(PROBLEMS)?)?;
    Ok(check(&page(GUIDE)?, &names))
}

fn check(guide: &str, names: &Names) -> Vec<String> {
    let mut faults = Vec::new();
    let mut is_code = false;
    for (at, line) in guide.lines().enumerate() {
        if line.starts_with("```") {
            is_code = !is_code;
        }
        let found = if is_code { names.unknown_in_code(line) } else { names.unknown_in_text(line) };
        faults.extend(found.into_iter().map(|it| format!("{GUIDE}:{}: {it}", at + 1)));
    }
    faults
}

impl Names {
    fn of(description: &Value, problems: &str) -> Result<Self> {
        let paths = description.pointer("/paths").and_then(Value::as_object).context("no paths")?;
        let mut words = BTreeSet::new();
        collect(description, &mut words);
        Ok(Self {
            routes: paths.iter().map(|(path, item)| (path.clone(), parameters(item, description))).collect(),
            words,
            problems: problems
                .lines()
                .filter_map(|it| Some(it.strip_prefix("## `")?.strip_suffix('`')?.to_owned()))
                .collect(),
        })
    }

    /// Routes with their parameters, and the keys of JSON.
    fn unknown_in_code(&self, line: &str) -> Vec<String> {
        let mut faults = self.unknown_routes(line);
        let (line, _) = line.split_once("\"metadata\": {").unwrap_or((line, ""));
        let keys = line.split('"').skip(1).step_by(2).zip(line.split('"').skip(2).step_by(2));
        let keys = keys.filter(|(_, behind)| behind.trim_start().starts_with(':')).map(|(key, _)| key);
        let tags = line.split("json:\"").skip(1).filter_map(|it| it.split(['"', ',']).next());
        faults.extend(keys.chain(tags).filter(|it| is_name(it)).filter_map(|it| self.unknown_word(it)));
        faults
    }

    /// The same in backticks, and fields, words and problems by their names.
    fn unknown_in_text(&self, line: &str) -> Vec<String> {
        let spans = line.split('`').skip(1).step_by(2);
        spans
            .flat_map(|span| {
                if span.starts_with("/problems/") {
                    let is_known = self.problems.contains(span);
                    return (!is_known).then(|| format!("{span} is no problem")).into_iter().collect();
                }
                let parts = span.split(['=', '.']).map(|it| it.trim_start_matches('-'));
                let named = parts.filter(|it| it.contains('_') && is_name(it));
                // The setting of a section is looked for by `names`.
                let is_setting = span.contains('.') && !span.starts_with("pagination.");
                let mut faults = self.unknown_routes(span);
                faults.extend(named.filter(|_| !is_setting).filter_map(|it| self.unknown_word(it)));
                faults
            })
            .collect()
    }

    fn unknown_word(&self, word: &str) -> Option<String> {
        (!self.words.contains(word)).then(|| format!("{word} is no field, parameter or word of the API"))
    }

    /// Routes in `line` that there are not, and parameters that they do not take.
    fn unknown_routes(&self, line: &str) -> Vec<String> {
        let mut faults = Vec::new();
        for (at, _) in line.match_indices(API) {
            let (_, behind) = line.split_at(at);
            let url = behind.split(['"', '\'', ' ', '`', '|']).next().unwrap_or_default();
            let (path, query) = url.split_once('?').unwrap_or((url, ""));
            let route = template(path);
            let Some(parameters) = self.routes.get(&route) else {
                faults.push(format!("{route} is no route"));
                continue;
            };
            let encoded = line.split("--data-urlencode \"").skip(1);
            let named = query.split('&').chain(encoded).filter_map(|it| it.split('=').next());
            let unknown = named.filter(|it| !it.is_empty() && !parameters.contains(*it));
            faults.extend(unknown.map(|it| format!("{route} has no parameter {it}")));
        }
        faults
    }
}

/// The route of a path in which a part is an id or a variable of the shell.
fn template(path: &str) -> String {
    let is_id = |part: &str| part.starts_with('$') || part.starts_with(|it: char| it.is_ascii_digit());
    let parts = path.split('/').map(|part| if is_id(part) { "{id}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// Whether `word` has the form of a field's name.
fn is_name(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|it| it.is_ascii_lowercase() || it == '_')
}

/// The names of the parameters of a path.
fn parameters(item: &Value, description: &Value) -> BTreeSet<String> {
    let operations = item.as_object().into_iter().flat_map(serde_json::Map::values);
    let lists = operations.filter_map(|it| it.get("parameters").and_then(Value::as_array));
    lists
        .flatten()
        .filter_map(|it| {
            let reference = it.get("$ref").and_then(Value::as_str).map(|it| it.trim_start_matches('#'));
            let parameter = reference.map_or(Some(it), |path| description.pointer(path))?;
            parameter.get("name")?.as_str().map(str::to_owned)
        })
        .collect()
}

/// Adds the names of parameters and properties and the words of closed sets below `value`.
fn collect(value: &Value, words: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (key, below) in members {
                match (key.as_str(), below) {
                    ("properties", Value::Object(properties)) => words.extend(properties.keys().cloned()),
                    ("enum", Value::Array(set)) => {
                        words.extend(set.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    ("name", Value::String(name)) => {
                        words.insert(name.clone());
                    }
                    _ => {}
                }
                collect(below, words);
            }
        }
        Value::Array(values) => values.iter().for_each(|it| collect(it, words)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    //! The guide is checked against a small API.

    use serde_json::json;

    use super::*;

    fn names() -> Names {
        let description = json!({
            "paths": {
                "/api/v1/incidents": { "get": { "parameters": [
                    { "name": "limit" }, { "$ref": "#/components/parameters/Q" }
                ] } },
                "/api/v1/incidents/{id}": { "get": {} }
            },
            "components": {
                "parameters": { "Q": { "name": "q" } },
                "schemas": { "A": { "properties": { "end_time": { "enum": ["too_early"] } } } }
            }
        });
        Names::of(&description, "# Problems\n\n## `/problems/conflict`\n").unwrap()
    }

    #[test]
    fn what_the_api_has_passes() {
        let guide = r#"`/api/v1/incidents/{id}`, `/problems/conflict`, `end_time`, `too_early`, `auth.tokens_file`
```sh
curl -s "$URL/api/v1/incidents?limit=1" -G --data-urlencode "q=out of memory"
location: /api/v1/incidents/434858
curl -s "$URL/api/v1/incidents/$id" -d '{ "end_time": null, "metadata": { "any_key": 1 } }'
	Ended string `json:"end_time,omitempty"`
```
"#;
        assert_eq!(check(guide, &names()), Vec::<String>::new());
    }

    #[test]
    fn what_the_api_lacks_is_named_with_its_line() {
        let lines = [
            ("see `/api/v1/incident`", "/api/v1/incident is no route"),
            ("see `/problems/conflicts`", "/problems/conflicts is no problem"),
            ("set `end_times`", "end_times is no field"),
            ("sort by `sort=-start_times`", "start_times is no field"),
            ("```\n\"$URL/api/v1/incidents?limits=1\"", "/api/v1/incidents has no parameter limits"),
            ("```\n\"$URL/api/v1/incidents\" --data-urlencode \"p=x\"", "has no parameter p"),
            ("```\n{ \"end_times\": null }", "end_times is no field"),
            ("```\nEnded string `json:\"ends\"`", "ends is no field"),
        ];
        for (guide, expected) in lines {
            let found = check(guide, &names());
            let line = format!("docs/api.md:{}: ", guide.lines().count());
            assert!(
                found.iter().any(|it| it.starts_with(&line) && it.contains(expected)),
                "{guide}: {found:?}"
            );
        }
    }
}
