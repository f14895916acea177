//! The dashboards: what every panel must have, and whether its expressions can be read.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::Result;
use serde_json::Value;

use super::expressions;
use super::facts::Facts;
use super::objects::{list, text};
use super::tools::{Tools, dir};
use crate::files;
use crate::progress::Step;

/// What Grafana puts in the place of variables, or could.
const VARIABLES: [(&str, &str); 2] = [("$__rate_interval", "5m"), ("$instance", ".*")];

/// The variable by which every panel names its source.
const SOURCE: &str = "${datasource}";

/// Checks `deploy/grafana`.
pub(super) fn check(tools: &Tools, facts: &Facts) -> Result<Vec<String>> {
    let step = Step::begin("dashboards");
    let mut faults = Vec::new();
    let mut uids = BTreeSet::new();
    let mut recorded = String::from("groups:\n  - name: panels\n    rules:\n");
    let mut panels = 0;
    for file in files::with_endings(&dir().join("grafana"), &[".json"])? {
        let dashboard: Value = serde_json::from_str(&file.text)?;
        let uid = text(&dashboard, "/uid").unwrap_or_default();
        let mut of_file = Vec::new();
        if uid.is_empty() || !uids.insert(uid.to_owned()) {
            of_file.push(format!("the uid `{uid}` is missing, or another dashboard's"));
        }
        if !text(&dashboard, "/time/from").is_some_and(|it| it.starts_with("now")) {
            of_file.push("the time must begin with now".to_owned());
        }
        let mut ids = BTreeSet::new();
        for panel in list(&dashboard, "/panels") {
            let title = text(panel, "/title").unwrap_or("a panel without a title");
            let mut of_panel = form(panel);
            if !panel.pointer("/id").and_then(Value::as_u64).is_some_and(|it| ids.insert(it)) {
                of_panel.push("its id is missing, or another panel's".to_owned());
            }
            for target in list(panel, "/targets") {
                let expression = with_variables(text(target, "/expr").unwrap_or_default());
                of_panel.extend(expressions::unknown(&expression, facts));
                let quoted = Value::String(expression);
                writeln!(
                    recorded,
                    "      - record: \"panel:{panels}:{}\"\n        expr: {quoted}",
                    recorded.len()
                )?;
            }
            panels += usize::from(text(panel, "/type") != Some("row"));
            of_file.extend(of_panel.into_iter().map(|it| format!("{title}: {it}")));
        }
        faults.extend(of_file.into_iter().map(|it| format!("{}: {it}", file.path)));
    }
    let recorded = tools.scratch("panels.yaml", &recorded)?;
    faults.extend(tools.promtool(&["check", "rules", "--lint=none"], &recorded)?);
    step.done(format!("{panels} panels"));
    Ok(faults)
}

/// What one panel asks, by the title of the panel.
pub(super) struct Query {
    pub(super) panel: String,
    pub(super) expression: String,
}

/// Every expression of every panel.
pub(super) fn queries() -> Result<Vec<Query>> {
    let mut queries = Vec::new();
    for file in files::with_endings(&dir().join("grafana"), &[".json"])? {
        let dashboard: Value = serde_json::from_str(&file.text)?;
        for panel in list(&dashboard, "/panels") {
            let title = text(panel, "/title").unwrap_or_default();
            let expressions = list(panel, "/targets").iter().filter_map(|it| text(it, "/expr"));
            queries.extend(
                expressions.map(|it| Query { panel: title.to_owned(), expression: with_variables(it) }),
            );
        }
    }
    Ok(queries)
}

/// What a panel lacks. A row is a heading and lacks nothing.
fn form(panel: &Value) -> Vec<String> {
    if text(panel, "/type") == Some("row") {
        return Vec::new();
    }
    let needed = ["/title", "/description", "/fieldConfig/defaults/unit"];
    let missing = needed.into_iter().filter(|it| text(panel, it).is_none_or(str::is_empty));
    let mut faults: Vec<_> = missing.map(|it| format!("{it} is missing")).collect();
    if list(panel, "/targets").is_empty() {
        faults.push("it asks nothing".to_owned());
    }
    let places = list(panel, "/targets").iter().chain([panel]);
    if places.into_iter().any(|it| text(it, "/datasource/uid") != Some(SOURCE)) {
        faults.push(format!("its source and its targets' must be {SOURCE}"));
    }
    faults
}

fn with_variables(expression: &str) -> String {
    VARIABLES.iter().fold(expression.to_owned(), |text, (name, value)| text.replace(name, value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_panel_lacks_is_named() {
        let source = json!({ "type": "prometheus", "uid": SOURCE });
        let panel = json!({
            "type": "timeseries", "title": "Writes", "description": "Writes a second.", "datasource": source,
            "fieldConfig": { "defaults": { "unit": "ops" } },
            "targets": [{ "expr": "up", "datasource": source }],
        });
        assert_eq!(form(&panel), Vec::<String>::new());
        let mut without_unit = panel.clone();
        without_unit["fieldConfig"] = json!({});
        assert_eq!(form(&without_unit), ["/fieldConfig/defaults/unit is missing"]);
        let mut other_source = panel;
        other_source["targets"][0]["datasource"]["uid"] = json!("mine");
        assert_eq!(form(&other_source), ["its source and its targets' must be ${datasource}"]);
    }
}
