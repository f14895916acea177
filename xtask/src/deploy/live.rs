//! A real Prometheus that scrapes a running service while it is used: every panel shows something, and every alert can be
//! evaluated.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::commands::said;
use super::dashboards::{self, Query};
use super::packages::Unpacked;
use super::rules;
use super::tools::Tools;
use crate::progress::Step;
use crate::standing::Standing;

/// How long the panels may take to show something. A Prometheus scrapes nothing in its first five seconds, and the service
/// compares its stores after fourteen.
const PATIENCE: Duration = Duration::from_secs(60);

/// Panels that show nothing here, each with the reason.
const EMPTY: [(&str, &str); 2] = [
    ("Until the certificate ends", "the service of the check speaks no TLS"),
    ("Records that reach Qdrant", "there is no Qdrant beside it"),
];

/// A service that compares its stores soon, and that has a breaker: Redis is away.
const SETTINGS: [(&str, &str); 7] = [
    ("DATASTORAGE__REDIS__URL", "redis://127.0.0.1:1/0"),
    ("DATASTORAGE__RECONCILE__INTERVAL", "1s"),
    ("DATASTORAGE__RECONCILE__GAP", "13s"),
    ("DATASTORAGE__DATABASE__STATEMENT_TIMEOUT", "2s"),
    ("DATASTORAGE__SERVER__REQUEST_TIMEOUT", "3s"),
    ("DATASTORAGE__WRITER__STEP_TIMEOUT", "2500ms"),
    ("DATASTORAGE__WRITER__SETTLE_TIMEOUT", "1s"),
];

/// Uses a service until every panel shows something; what is wrong. `other` is a service that has no callers.
pub(super) fn check(tools: &Tools, prometheus: &Unpacked, other: &Standing) -> Result<Vec<String>> {
    let tokens = other.scratch().join("tokens").display().to_string();
    let token = other.service().make_token(&tokens)?;
    let of_callers =
        [("DATASTORAGE__AUTH__MODE", "tokens"), ("DATASTORAGE__AUTH__TOKENS_FILE", tokens.as_str())];
    let service = Standing::start("panels", &[&SETTINGS[..], &of_callers].concat())?;
    let step = Step::begin("panels and alerts against a running service");
    let admin = service.admin_url();
    let running = Running::start(prometheus, service.scratch(), admin.trim_start_matches("http://"))?;
    let mut silent = dashboards::queries()?;
    let all = silent.len();
    let begun = Instant::now();
    while silent.iter().any(|it| reason(it).is_none()) && begun.elapsed() < PATIENCE {
        tools.script("exercise.py", [&service.url(), &token])?;
        let mut left = Vec::new();
        for query in silent {
            if !running.shows(&query.expression)? {
                left.push(query);
            }
        }
        silent = left;
    }
    let mut faults: Vec<_> = silent
        .iter()
        .filter(|it| reason(it).is_none())
        .map(|it| format!("the panel `{}` shows nothing: {}", it.panel, it.expression))
        .collect();
    let shown = EMPTY.iter().filter(|(panel, _)| !silent.iter().any(|it| it.panel == *panel));
    faults.extend(
        shown.map(|(panel, _)| format!("the panel `{panel}` shows something: take it off the list EMPTY")),
    );
    let alerts = rules::expressions(tools)?;
    for (name, expression) in &alerts {
        let answer = running.ask(expression)?;
        faults.extend(answer.err().map(|error| format!("{name} cannot be evaluated: {error}")));
    }
    let (shown, alerts) = (all - silent.len(), alerts.len());
    let empty = EMPTY.map(|(panel, reason)| format!("{panel} ({reason})")).join(", ");
    step.done(format!(
        "{shown} of {all} expressions show something, {alerts} alerts evaluated; empty: {empty}"
    ));
    drop(running);
    service.end()?;
    Ok(faults)
}

/// Why a panel may be empty.
fn reason(query: &Query) -> Option<&'static str> {
    EMPTY.iter().find(|(panel, _)| *panel == query.panel).map(|(_, reason)| *reason)
}

/// A Prometheus, killed when this value is dropped.
struct Running<'a> {
    programs: &'a Unpacked,
    child: Child,
    url: String,
}

impl<'a> Running<'a> {
    /// Starts one that scrapes `target` every second and keeps what it finds in `dir`.
    fn start(programs: &'a Unpacked, dir: &Path, target: &str) -> Result<Self> {
        let configuration = dir.join("prometheus.yml");
        let text = format!(
            "global: {{ scrape_interval: 1s }}\nscrape_configs:\n  - job_name: data-storage\n    static_configs: [{{ targets: \
             [\"{target}\"] }}]\n"
        );
        std::fs::write(&configuration, text)?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let log = std::fs::File::create(dir.join("prometheus.log"))?;
        let mut command = programs.command("prometheus");
        command
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--storage.tsdb.path={}", dir.join("prometheus").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let child = command.spawn().context("cannot run prometheus")?;
        Ok(Self { programs, child, url: format!("http://{address}") })
    }

    /// Whether the expression has a series with a number. A Prometheus that does not answer yet has none.
    fn shows(&self, expression: &str) -> Result<bool> {
        let values = self.ask(expression)?.unwrap_or_default();
        let mut values = values.lines().filter_map(|line| line.split_once(" => ")).map(|(_, value)| value);
        Ok(values.any(|value| !value.starts_with("NaN")))
    }

    /// What the expression has: a line for each series, or why it cannot be evaluated.
    fn ask(&self, expression: &str) -> Result<Result<String, String>> {
        let mut command = self.programs.command("promtool");
        let output = said(command.args(["query", "instant", &self.url, expression]), "")?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        Ok(if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) })
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            let _ = self.child.wait();
        }
    }
}
