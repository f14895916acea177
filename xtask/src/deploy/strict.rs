//! Objects of which no Kubernetes has a schema, and the compose file: a key that these structs do not know is a fault.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::facts::Facts;
use super::objects::Objects;
use super::tools::{Tools, dir};

/// What is wrong with the form of every ServiceMonitor.
pub(super) fn service_monitors(objects: &Objects) -> Vec<String> {
    let monitors = objects.of_kind("ServiceMonitor");
    monitors.filter_map(|it| fault::<ServiceMonitor>("ServiceMonitor", it)).collect()
}

/// What is wrong with the compose file, its form or what it names.
pub(super) fn compose(tools: &Tools, facts: &Facts) -> Result<Vec<String>> {
    const NAME: &str = "compose.yaml";
    let text = std::fs::read_to_string(dir().join(NAME)).context("cannot read deploy/compose.yaml")?;
    let documents = tools.documents(&text)?;
    let document = documents.first().context("deploy/compose.yaml is empty")?;
    let compose = match serde_json::from_value::<Compose>(document.clone()) {
        Ok(compose) => compose,
        Err(error) => return Ok(vec![format!("{NAME}: {error}")]),
    };
    let mut faults = Vec::new();
    for (name, service) in &compose.services {
        let unknown = service.depends_on.keys().filter(|it| !compose.services.contains_key(*it));
        faults.extend(unknown.map(|it| format!("{NAME}: {name} waits for {it}, which is not there")));
        let unknown = service.secrets.iter().filter(|it| !compose.secrets.contains_key(*it));
        faults
            .extend(unknown.map(|it| format!("{NAME}: {name} is given the secret {it}, which is not there")));
        let mode = service.environment.get("DATASTORAGE__AUTH__MODE");
        let address = service.environment.get("DATASTORAGE__SERVER__ADDR");
        if address.is_some_and(|it| !it.starts_with("127.")) && mode.is_none_or(|it| it == "none") {
            faults
                .push(format!("{NAME}: {name} is open without auth.mode, which ends the start with exit 78"));
        }
        if let Some(grace) = &service.stop_grace_period {
            let seconds: u64 = grace.trim_end_matches('s').parse().unwrap_or_default();
            if seconds <= facts.stop_budget.as_secs() {
                faults.push(format!("{NAME}: {name} is killed after {grace}, before a stop is over"));
            }
        }
    }
    Ok(faults)
}

fn fault<T: DeserializeOwned>(what: &str, value: &Value) -> Option<String> {
    serde_json::from_value::<T>(value.clone()).err().map(|error| format!("{what}: {error}"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "read for their names")]
struct ServiceMonitor {
    api_version: String,
    kind: String,
    metadata: BTreeMap<String, Value>,
    spec: MonitorSpec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "read for their names")]
struct MonitorSpec {
    job_label: String,
    selector: Selector,
    endpoints: Vec<Endpoint>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "read for their names")]
struct Selector {
    match_labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "read for their names")]
struct Endpoint {
    port: String,
    path: String,
    interval: String,
    scrape_timeout: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Compose {
    #[serde(rename = "name")]
    _name: String,
    services: BTreeMap<String, Service>,
    #[serde(default)]
    secrets: BTreeMap<String, IgnoredAny>,
    #[serde(default, rename = "volumes")]
    _volumes: BTreeMap<String, IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    depends_on: BTreeMap<String, Condition>,
    #[serde(default)]
    secrets: Vec<String>,
    stop_grace_period: Option<String>,
    #[serde(rename = "image")]
    _image: String,
    #[serde(rename = "build")]
    _build: Option<Build>,
    #[serde(rename = "command")]
    _command: Option<Vec<String>>,
    #[serde(default, rename = "ports")]
    _ports: Vec<String>,
    #[serde(default, rename = "volumes")]
    _volumes: Vec<String>,
    #[serde(rename = "healthcheck")]
    _healthcheck: Option<HealthCheck>,
    #[serde(rename = "restart")]
    _restart: Option<String>,
    #[serde(rename = "read_only")]
    _read_only: Option<bool>,
    #[serde(default, rename = "cap_drop")]
    _cap_drop: Vec<String>,
    #[serde(default, rename = "security_opt")]
    _security_opt: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Build {
    #[serde(rename = "context")]
    _context: String,
    #[serde(rename = "dockerfile")]
    _dockerfile: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    #[serde(rename = "condition")]
    _condition: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HealthCheck {
    #[serde(rename = "test")]
    _test: Vec<String>,
    #[serde(rename = "interval")]
    _interval: String,
    #[serde(rename = "retries")]
    _retries: u32,
}
