//! The alerts: each names what is wrong and where the remedy is, and has a test that is silent before it fires.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::expressions;
use super::facts::Facts;
use super::objects::{list, text};
use super::tools::{Tools, dir};
use crate::progress::Step;
use crate::workspace;

/// Checks `deploy/prometheus`.
pub(super) fn check(tools: &Tools, facts: &Facts) -> Result<Vec<String>> {
    let step = Step::begin("alerts");
    let rules_file = dir().join("prometheus/rules.yaml");
    let tests_file = dir().join("prometheus/rules_test.yaml");
    let rules = read(tools, &rules_file)?;
    let tests = read(tools, &tests_file)?;
    let alerts: Vec<_> = list(&rules, "/groups").iter().flat_map(|it| list(it, "/rules")).collect();
    let mut faults = Vec::new();
    for alert in &alerts {
        let name = text(alert, "/alert").unwrap_or("an alert without a name");
        let of_alert = form(alert)?.into_iter().chain(proof(name, &tests));
        let of_expression = expressions::unknown(text(alert, "/expr").unwrap_or_default(), facts);
        faults.extend(of_alert.chain(of_expression).map(|it| format!("rules.yaml: {name}: {it}")));
    }
    faults.extend(tools.promtool(&["check", "rules", "--lint=all", "--lint-fatal"], &rules_file)?);
    faults.extend(tools.promtool(&["test", "rules"], &tests_file)?);
    step.done(format!("{}, each with a test", alerts.len()));
    Ok(faults)
}

/// The expression of every alert, by its name.
pub(super) fn expressions(tools: &Tools) -> Result<Vec<(String, String)>> {
    let rules = read(tools, &dir().join("prometheus/rules.yaml"))?;
    let alerts = list(&rules, "/groups").iter().flat_map(|it| list(it, "/rules"));
    let of_alert = |it: &Value| Some((text(it, "/alert")?.to_owned(), text(it, "/expr")?.to_owned()));
    Ok(alerts.filter_map(of_alert).collect())
}

fn read(tools: &Tools, file: &Path) -> Result<Value> {
    let yaml = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let documents = tools.documents(&yaml)?;
    documents.into_iter().next().with_context(|| format!("{} is empty", file.display()))
}

/// What an alert must say of itself.
fn form(alert: &Value) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    if !matches!(text(alert, "/labels/severity"), Some("critical" | "warning" | "info")) {
        faults.push("the label severity must be critical, warning or info".to_owned());
    }
    for annotation in ["summary", "description"] {
        if text(alert, &format!("/annotations/{annotation}")).is_none_or(str::is_empty) {
            faults.push(format!("the annotation {annotation} is missing"));
        }
    }
    let Some((page, anchor)) = text(alert, "/annotations/runbook_url").and_then(|it| it.split_once('#'))
    else {
        faults.push("the annotation runbook_url must be PAGE#ANCHOR".to_owned());
        return Ok(faults);
    };
    let file = workspace::root().join(page);
    let page_text =
        std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    if !headings(&page_text).any(|it| it == anchor) {
        faults.push(format!("{page} has no heading for #{anchor}"));
    }
    Ok(faults)
}

/// The anchors of the headings of a page.
fn headings(page: &str) -> impl Iterator<Item = String> {
    page.lines().filter(|line| line.starts_with('#')).map(|line| {
        let title = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        title.chars().filter(|it| it.is_alphanumeric() || matches!(it, '-' | '_')).collect()
    })
}

/// An alert must be silent at one time of a test, and fire at a later one of it.
fn proof(name: &str, tests: &Value) -> Option<String> {
    let is_proven = list(tests, "/tests").iter().any(|test| {
        let of_alert =
            list(test, "/alert_rule_test").iter().filter(|it| text(it, "/alertname") == Some(name));
        let mut was_silent = false;
        of_alert.into_iter().any(|it| {
            let fires = !list(it, "/exp_alerts").is_empty();
            let is_proof = was_silent && fires;
            was_silent |= !fires;
            is_proof
        })
    });
    (!is_proven).then(|| "no test is silent first and fires then".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tests_of(fires: &[bool]) -> Value {
        let times: Vec<_> = fires
            .iter()
            .map(|it| json!({ "alertname": "One", "exp_alerts": if *it { vec![json!({})] } else { vec![] } }))
            .collect();
        json!({ "tests": [{ "alert_rule_test": times }] })
    }

    #[test]
    fn an_alert_must_be_silent_before_it_fires() {
        assert_eq!(proof("One", &tests_of(&[false, true])), None);
        for unproven in [&[true][..], &[false], &[true, false], &[]] {
            assert!(proof("One", &tests_of(unproven)).is_some(), "{unproven:?}");
        }
        assert!(proof("Other", &tests_of(&[false, true])).is_some());
    }

    #[test]
    fn a_heading_is_found_by_its_anchor() {
        let anchors: Vec<_> = headings("# Trouble\n\n## DataStorageDown, and why\ntext\n").collect();
        assert_eq!(anchors, ["trouble", "datastoragedown-and-why"]);
    }
}
