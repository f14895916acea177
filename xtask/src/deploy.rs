//! What `deploy/` holds, checked without a cluster, and what needs the service to run.
//!
//! - Both overlays are rendered by kubectl and both sets of values by helm. What kubectl and helm render must be equal,
//!   valid in the oldest and the newest Kubernetes that kubernetes-validate knows, and such that it starts.
//! - Every name of a setting, a metric, a route, a port, a path or a secret's key must be one that the service has,
//!   which the generated pages under `docs/` say. Every route, parameter and field in the guide to the API must be one
//!   that the description of the API has. Each warning of the log has a remedy.
//! - promtool checks the rules, tests each alert, and reads every expression of the dashboards.
//! - A Prometheus scrapes the service while it is used: every panel shows something, every alert can be evaluated.
//! - The commands of the runbook are run.
//! - hadolint reads the Dockerfile; buildah builds its last stage, and the service starts in it.
//!
//! kubectl, helm, kubernetes-validate and hadolint are installed into `.dev/` from pinned wheels; Prometheus and buildah
//! are looked for on PATH, else taken from the system's packages.

mod commands;
mod dashboards;
mod expressions;
mod facts;
mod guide;
mod image;
mod live;
mod names;
mod objects;
mod packages;
mod remedies;
mod rules;
mod runbook;
mod starts;
mod strict;
mod tools;

use std::process::ExitCode;

use anyhow::Result;

use crate::progress::{Step, answer, say};
use crate::standing::Standing;
use facts::Facts;
use objects::Objects;
use tools::{Tools, dir};

/// What is deployed together: an overlay, and the values that make the chart the same.
struct Variant {
    name: &'static str,
    values: Option<&'static str>,
    /// What the overlay has beyond the chart, by the label that it carries.
    beyond_chart: Option<&'static str>,
}

const VARIANTS: [Variant; 2] = [
    Variant { name: "production", values: None, beyond_chart: None },
    Variant { name: "development", values: Some("values-development.yaml"), beyond_chart: Some("postgres") },
];

/// Runs every check; exit 1 when one finds a fault, after all have been named.
pub(crate) fn run() -> Result<ExitCode> {
    let tools = Tools::installed()?;
    let facts = Facts::read()?;
    let mut faults = Vec::new();
    for variant in &VARIANTS {
        faults.extend(manifests(&tools, &facts, variant)?);
    }
    faults.extend(strict::compose(&tools, &facts)?);
    faults.extend(names::mentions(&facts)?);
    faults.extend(guide::mentions()?);
    faults.extend(remedies::missing()?);
    faults.extend(rules::check(&tools, &facts)?);
    faults.extend(dashboards::check(&tools, &facts)?);
    faults.extend(in_use(&tools)?);
    for fault in &faults {
        say(&format!("error: {fault}"));
    }
    if !faults.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    answer("what is in deploy/ can be used");
    Ok(ExitCode::SUCCESS)
}

/// What only shows when the service runs: the commands of the runbook, the image, the dashboards and alerts.
fn in_use(tools: &Tools) -> Result<Vec<String>> {
    let service = Standing::start("deploy", &[])?;
    let mut faults = runbook::check(&service)?;
    faults.extend(image::check(tools, &service)?);
    if let Some(prometheus) = tools.prometheus() {
        faults.extend(live::check(tools, prometheus, &service)?);
    }
    service.end()?;
    Ok(faults)
}

fn manifests(tools: &Tools, facts: &Facts, variant: &Variant) -> Result<Vec<String>> {
    let step = Step::begin(format!("manifests for {}", variant.name));
    let rendered = tools.kustomize(variant.name)?;
    let chart = tools.helm(variant.values)?;
    let objects = Objects::read(tools, &rendered)?;
    let of_chart = Objects::read(tools, &chart)?;
    let mut faults = objects.without_label(variant.beyond_chart).differences(&of_chart);
    faults.extend(tools.validate(variant.name, &rendered)?);
    faults.extend(strict::service_monitors(&objects));
    let secrets =
        Objects::read(tools, &std::fs::read_to_string(dir().join("kubernetes/secrets.example.yaml"))?)?;
    faults.extend(starts::check(&objects, &secrets, facts));
    step.done(format!("{} objects of kubectl, {} of helm", objects.len(), of_chart.len()));
    Ok(faults.into_iter().map(|it| format!("{}: {it}", variant.name)).collect())
}
