//! The programs that render, validate and read what is deployed.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::progress::say;
use crate::python::Python;
use crate::workspace;

/// The oldest and the newest Kubernetes whose schemas kubernetes-validate has.
const VERSIONS: [&str; 2] = ["1.25", "1.37"];

/// Kinds that no Kubernetes has by itself; `strict.rs` checks them.
const CUSTOM_KINDS: [&str; 1] = ["ServiceMonitor"];

/// Where everything is deployed.
pub(super) const NAMESPACE: &str = "kubernaut-system";

/// `deploy/` in the checkout.
pub(super) fn dir() -> PathBuf {
    workspace::root().join("deploy")
}

pub(super) struct Tools {
    python: Python,
    promtool: Option<PathBuf>,
}

impl Tools {
    /// Installs what is missing. Without promtool the rest is checked, except in CI.
    pub(super) fn installed() -> Result<Self> {
        let python = Python::installed("deploy")?;
        if !python.dir().join("bin/helm").is_file() {
            let bin = python.dir().join("bin").display().to_string();
            run(&mut python.script("unpack.py", [&bin]), "")?;
        }
        let promtool = match find_promtool() {
            Ok(promtool) => Some(promtool),
            Err(error) if std::env::var_os("CI").is_some() => return Err(error),
            Err(error) => {
                say(&format!("SKIPPED: rules and dashboards are not read by promtool: {error:#}"));
                None
            }
        };
        Ok(Self { python, promtool })
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
        let Some(promtool) = &self.promtool else { return Ok(None) };
        let output = said(Command::new(promtool).args(arguments).arg(file), "")?;
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim().to_owned();
        Ok((!output.status.success()).then(|| format!("promtool {}: {text}", arguments.join(" "))))
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

/// promtool on PATH, else from an earlier run, else from the package `prometheus`, unpacked and not installed.
fn find_promtool() -> Result<PathBuf> {
    const NAME: &str = "promtool";
    let on_path = std::env::var_os("PATH")
        .and_then(|path| std::env::split_paths(&path).map(|it| it.join(NAME)).find(|it| it.is_file()));
    if let Some(promtool) = on_path {
        return Ok(promtool);
    }
    let dir = workspace::public_dir().join("prometheus");
    let promtool = dir.join("usr/bin").join(NAME);
    if promtool.is_file() {
        return Ok(promtool);
    }
    std::fs::create_dir_all(&dir)?;
    download(&dir)
        .or_else(|_| {
            // The lists of packages may be old, or not there yet.
            run(Command::new("apt-get").args(["update", "-qq"]), "")?;
            download(&dir)
        })
        .context(
            "there is no promtool on PATH, and the package prometheus cannot be had; install Prometheus",
        )?;
    let packages = std::fs::read_dir(&dir)?.filter_map(|it| Some(it.ok()?.path()));
    let Some(package) = packages.into_iter().find(|it| it.extension().is_some_and(|it| it == "deb")) else {
        bail!("apt-get has left no package in {}", dir.display());
    };
    run(Command::new("dpkg").arg("-x").arg(&package).arg(&dir), "")?;
    std::fs::remove_file(&package)?;
    Ok(promtool)
}

/// Puts the system's package into `dir`.
fn download(dir: &Path) -> Result<()> {
    let mut command = Command::new("apt-get");
    run(command.args(["download", "-qq", "prometheus"]).current_dir(dir), "").map(drop)
}

/// Runs `command` to its end, which is to be a good one; what it said.
fn run(command: &mut Command, input: &str) -> Result<String> {
    let output = said(command, input)?;
    ensure!(
        output.status.success(),
        "{} failed: {} {}",
        command.get_program().to_string_lossy(),
        String::from_utf8_lossy(&output.stdout).trim(),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// Runs `command` to its end, whatever it is.
fn said(command: &mut Command, input: &str) -> Result<Output> {
    let program = command.get_program().to_string_lossy().into_owned();
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().with_context(|| format!("cannot run {program}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).with_context(|| format!("{program} does not read"))?;
    }
    Ok(child.wait_with_output()?)
}
