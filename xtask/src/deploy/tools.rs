//! The programs that render, validate and read what is deployed.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::commands::{run, said};
use super::packages::{self, Unpacked};
use crate::progress::say;
use crate::python::Python;
use crate::workspace;

/// The oldest and the newest Kubernetes whose schemas kubernetes-validate has.
const VERSIONS: [&str; 2] = ["1.25", "1.37"];

/// Kinds that no Kubernetes has by itself; `strict.rs` checks them.
const CUSTOM_KINDS: [&str; 1] = ["ServiceMonitor"];

/// The package with promtool and Prometheus.
const PROMETHEUS: [&str; 1] = ["prometheus"];

/// Where everything is deployed.
pub(super) const NAMESPACE: &str = "kubernaut-system";

/// `deploy/` in the checkout.
pub(super) fn dir() -> PathBuf {
    workspace::root().join("deploy")
}

pub(super) struct Tools {
    python: Python,
    prometheus: Option<Unpacked>,
}

impl Tools {
    /// Installs what is missing. Without promtool the rest is checked, except in CI.
    pub(super) fn installed() -> Result<Self> {
        let python = Python::installed("deploy")?;
        if !python.dir().join("bin/helm").is_file() {
            let bin = python.dir().join("bin").display().to_string();
            run(&mut python.script("unpack.py", [&bin]), "")?;
        }
        let prometheus = match packages::find("prometheus", &PROMETHEUS) {
            Ok(unpacked) => Some(unpacked),
            Err(error) if std::env::var_os("CI").is_some() => return Err(error),
            Err(error) => {
                say(&format!(
                    "SKIPPED: rules and dashboards are not read by promtool, and no Prometheus runs: {error:#}"
                ));
                None
            }
        };
        Ok(Self { python, prometheus })
    }

    /// What an overlay makes.
    pub(super) fn kustomize(&self, overlay: &str) -> Result<String> {
        let mut command = self.python.command("kubectl");
        command.arg("kustomize").arg(dir().join("kubernetes/overlays").join(overlay));
        run(&mut command, "")
    }

    /// What the chart makes, with `values` on top of its own, after `helm lint`.
    pub(super) fn helm(&self, values: Option<&str>) -> Result<String> {
        let chart = dir().join("helm");
        let mut lint = self.python.command("helm");
        lint.args(["lint", "--strict", "--quiet"]).arg(&chart);
        let mut template = self.python.command("helm");
        template.args(["template", "data-storage", "--namespace", NAMESPACE]).arg(&chart);
        for command in [&mut lint, &mut template] {
            command.args(values.map(|it| format!("--values={}", chart.join(it).display())));
        }
        run(&mut lint, "")?;
        run(&mut template, "")
    }

    /// What kubernetes-validate says against `objects`.
    pub(super) fn validate(&self, name: &str, objects: &str) -> Result<Vec<String>> {
        let file = self.scratch(&format!("{name}.yaml"), objects)?;
        let mut faults = Vec::new();
        for version in VERSIONS {
            let mut command = self.python.command("kubernetes-validate");
            command.args(["--strict", "--quiet", "--kubernetes-version", version]).arg(&file);
            let output = said(&mut command, "")?;
            let text = [output.stdout, output.stderr].concat();
            let text = String::from_utf8_lossy(&text).into_owned();
            let lines = text.lines().filter(|line| !CUSTOM_KINDS.iter().any(|it| is_unknown_kind(line, it)));
            faults.extend(lines.map(|it| format!("Kubernetes {version}: {it}")));
            ensure!(output.status.success() || !faults.is_empty(), "kubernetes-validate failed silently");
        }
        Ok(faults)
    }

    /// YAML as JSON, one value a document.
    pub(super) fn documents(&self, yaml: &str) -> Result<Vec<Value>> {
        Ok(serde_json::from_str(&run(&mut self.python.script("to_json.py", []), yaml)?)?)
    }

    /// Runs promtool, if it is there; what it has against `file`.
    pub(super) fn promtool(&self, arguments: &[&str], file: &Path) -> Result<Option<String>> {
        let Some(prometheus) = &self.prometheus else { return Ok(None) };
        let output = said(prometheus.command("promtool").args(arguments).arg(file), "")?;
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim().to_owned();
        Ok((!output.status.success()).then(|| format!("promtool {}: {text}", arguments.join(" "))))
    }

    /// Prometheus and promtool, if they are there.
    pub(super) fn prometheus(&self) -> Option<&Unpacked> {
        self.prometheus.as_ref()
    }

    /// What hadolint says against the Dockerfile.
    pub(super) fn hadolint(&self, dockerfile: &Path) -> Result<Vec<String>> {
        let output = said(self.python.command("hadolint").arg("--no-color").arg(dockerfile), "")?;
        let text = [output.stdout, output.stderr].concat();
        let faults: Vec<_> =
            String::from_utf8_lossy(&text).lines().map(|it| format!("hadolint: {it}")).collect();
        ensure!(output.status.success() || !faults.is_empty(), "hadolint failed silently");
        Ok(faults)
    }

    /// Runs a script of ours, which is to succeed.
    pub(super) fn script<const N: usize>(&self, name: &str, arguments: [&str; N]) -> Result<String> {
        run(&mut self.python.script(name, arguments), "")
    }

    /// Writes what a tool is to read.
    pub(super) fn scratch(&self, name: &str, text: &str) -> Result<PathBuf> {
        let file = self.python.dir().join(name);
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(file)
    }
}

fn is_unknown_kind(line: &str, kind: &str) -> bool {
    line.starts_with("WARN") && line.contains(&format!("Couldn't find schema for kind {kind} "))
}
