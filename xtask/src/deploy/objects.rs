//! Rendered objects, and in what two renderings differ.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::tools::Tools;

/// The label that says what an object belongs to.
const LABEL: &str = "/metadata/labels/app.kubernetes.io~1name";

/// The ConfigMap whose name ends with a digest of what it holds, another in kustomize than in the chart.
const DIGESTED: &str = "data-storage-settings-";

/// Objects by kind and name, the digest left out of names.
#[derive(Debug)]
pub(super) struct Objects(BTreeMap<String, Value>);

impl Objects {
    /// Reads documents of YAML.
    pub(super) fn read(tools: &Tools, yaml: &str) -> Result<Self> {
        Self::new(tools.documents(yaml)?)
    }

    /// Of objects that are read already.
    pub(super) fn new(documents: Vec<Value>) -> Result<Self> {
        let named = documents.into_iter().map(|mut object| {
            cut_digests(&mut object);
            let kind = text(&object, "/kind").context("an object has no kind")?;
            let name = text(&object, "/metadata/name").context("an object has no name")?;
            Ok((format!("{kind}/{name}"), object))
        });
        named.collect::<Result<_>>().map(Self)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Those of a kind.
    pub(super) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.0.values().filter(move |it| text(it, "/kind") == Some(kind))
    }

    /// All of them, each with its kind and name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, object)| (name.as_str(), object))
    }

    /// Those that do not carry `label`, and no Secrets when there is one: where the chart is used they are there already.
    pub(super) fn without_label(&self, label: Option<&str>) -> Self {
        let is_left = |object: &&Value| {
            label.is_none() || (text(object, LABEL) != label && text(object, "/kind") != Some("Secret"))
        };
        Self(
            self.0
                .iter()
                .filter(|(_, it)| is_left(it))
                .map(|(name, it)| (name.clone(), it.clone()))
                .collect(),
        )
    }

    /// In what the chart's objects differ from these.
    pub(super) fn differences(&self, chart: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let names: BTreeSet<_> = self.0.keys().chain(chart.0.keys()).collect();
        for name in names {
            match (self.0.get(name), chart.0.get(name)) {
                (Some(one), Some(other)) => compare(name, one, other, &mut found),
                (Some(_), None) => found.push(format!("the chart lacks {name}")),
                (None, _) => found.push(format!("the chart alone has {name}")),
            }
        }
        found
    }
}

/// The text at a JSON pointer.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str()
}

/// The list at a JSON pointer; empty when there is none.
pub(super) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn cut_digests(value: &mut Value) {
    match value {
        Value::String(text) if text.starts_with(DIGESTED) => {
            text.truncate(DIGESTED.len() - 1);
        }
        Value::Array(items) => items.iter_mut().for_each(cut_digests),
        Value::Object(fields) => fields.values_mut().for_each(cut_digests),
        _ => {}
    }
}

fn compare(place: &str, one: &Value, other: &Value, found: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(fields), Value::Object(others)) => {
            let keys: BTreeSet<_> = fields.keys().chain(others.keys()).collect();
            for key in keys {
                let value = |of: &serde_json::Map<String, Value>| of.get(key).cloned().unwrap_or_default();
                compare(&format!("{place}/{key}"), &value(fields), &value(others), found);
            }
        }
        (Value::Array(items), Value::Array(others)) if items.len() == others.len() => {
            for (index, (item, other)) in items.iter().zip(others).enumerate() {
                compare(&format!("{place}/{index}"), item, other, found);
            }
        }
        _ if one == other => {}
        _ => found.push(format!("{place} is {one} of kubectl and {other} of helm")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn service(port: u16) -> Value {
        json!({ "kind": "Service", "metadata": { "name": "one" }, "spec": { "ports": [{ "port": port }] } })
    }

    #[test]
    fn a_difference_is_named_with_its_place() {
        let one = Objects::new(vec![service(1)]).unwrap();
        let other = Objects::new(vec![service(2)]).unwrap();
        assert_eq!(one.differences(&other), ["Service/one/spec/ports/0/port is 1 of kubectl and 2 of helm"]);
        assert!(one.differences(&one).is_empty());
    }

    #[test]
    fn an_object_that_one_side_lacks_is_named() {
        let one = Objects::new(vec![service(1)]).unwrap();
        let none = Objects::new(Vec::new()).unwrap();
        assert_eq!(one.differences(&none), ["the chart lacks Service/one"]);
        assert_eq!(none.differences(&one), ["the chart alone has Service/one"]);
    }

    #[test]
    fn digests_in_names_do_not_count() {
        let map = |digest: &str| {
            let name = format!("data-storage-settings-{digest}");
            Objects::new(vec![json!({ "kind": "ConfigMap", "metadata": { "name": name } })]).unwrap()
        };
        assert!(map("fbf22g788b").differences(&map("2f6927c032")).is_empty());
    }
}
