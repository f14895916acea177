//! What the service has: settings, metrics, routes and bounds, as its generated pages and its source say.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::{files, workspace};

/// The names and figures that deployment relies on.
#[derive(Debug)]
pub(super) struct Facts {
    /// Settings with their defaults, as text.
    pub(super) settings: BTreeMap<String, String>,
    /// Metrics with their labels.
    pub(super) metrics: BTreeMap<String, BTreeSet<String>>,
    /// Those among the metrics that are histograms.
    pub(super) histograms: BTreeSet<String>,
    /// Paths of the API and of the admin port.
    pub(super) routes: BTreeSet<String>,
    /// Connections of a replica beside those that settings count.
    pub(super) other_connections: u64,
    /// The longest stop that settings may ask for.
    pub(super) stop_budget: Duration,
}

impl Facts {
    pub(super) fn read() -> Result<Self> {
        let page = |name: &str| {
            let path = workspace::root().join("docs").join(name);
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        let metrics: Vec<_> = rows(&page("metrics.md")?).collect();
        let description: Value = serde_json::from_str(&page("openapi.json")?)?;
        let paths = description.pointer("/paths").and_then(Value::as_object).context("no paths")?;
        let source = settings_source()?;
        Ok(Self {
            settings: rows(&page("settings.md")?)
                .filter_map(|row| Some((row.first()?.clone(), row.get(1)?.clone())))
                .collect(),
            histograms: metrics
                .iter()
                .filter(|row| row.get(1).is_some_and(|it| it == "histogram"))
                .filter_map(|row| row.first().cloned())
                .collect(),
            metrics: metrics
                .iter()
                .filter_map(|row| Some((row.first()?.clone(), labels(row.get(2)?))))
                .collect(),
            routes: paths.keys().cloned().chain(["/metrics".to_owned()]).collect(),
            other_connections: constant(&source, "OTHER_CONNECTIONS: usize = ")?,
            stop_budget: Duration::from_secs(constant(
                &source,
                "STOP_BUDGET: Duration = Duration::from_secs(",
            )?),
        })
    }

    /// The metric that a series of this name belongs to.
    pub(super) fn metric_of<'a>(&self, series: &'a str) -> Option<&'a str> {
        let of_histogram = ["_bucket", "_sum", "_count"].into_iter().find_map(|it| series.strip_suffix(it));
        match of_histogram {
            Some(name) if self.histograms.contains(name) => Some(name),
            _ => (self.metrics.contains_key(series) && !self.histograms.contains(series)).then_some(series),
        }
    }
}

/// The cells of the rows whose first cell is a name in backticks, without the backticks.
fn rows(page: &str) -> impl Iterator<Item = Vec<String>> {
    page.lines().filter(|line| line.starts_with("| `")).map(|line| {
        let cells = line.trim_matches('|').split(" | ");
        cells.map(|it| it.trim().trim_matches('`').to_owned()).collect()
    })
}

fn labels(cell: &str) -> BTreeSet<String> {
    cell.split(", ").map(|it| it.trim_matches('`').to_owned()).filter(|it| !it.is_empty()).collect()
}

/// The source of the settings, in which the bounds are that no page states.
fn settings_source() -> Result<String> {
    let root = workspace::root().join("crates/storage-server/src");
    let sources = files::with_endings(&root, &[".rs"])?;
    Ok(sources.into_iter().map(|it| it.text).collect())
}

/// The number behind `declaration`.
fn constant(source: &str, declaration: &str) -> Result<u64> {
    let behind = source.split_once(declaration).map(|(_, behind)| behind);
    let digits = behind.map(|it| it.chars().take_while(char::is_ascii_digit).collect::<String>());
    digits
        .and_then(|it| it.parse().ok())
        .with_context(|| format!("the settings' source has no `{declaration}NUMBER`; look for its new name"))
}

#[cfg(test)]
impl Facts {
    /// Those of a small service.
    pub(super) fn example() -> Self {
        let settings = [
            ("auth.mode", "none"),
            ("database.password_file", "none"),
            ("database.read_connections", "8"),
            ("database.start_timeout", "30s"),
            ("export.connections", "2"),
            ("projector.workers", "1"),
            ("server.addr", "127.0.0.1:8080"),
            ("server.admin_addr", "127.0.0.1:9090"),
            ("writer.batch_connections", "1"),
            ("writer.strict_connections", "2"),
            ("writer.update_connections", "2"),
            ("writer.writers", "2"),
        ];
        let metrics = [("datastorage_write_total", "`table`, `status`"), ("datastorage_lag_seconds", "")];
        let routes = ["/api/v1/incidents", "/health", "/livez", "/metrics", "/ready"];
        Self {
            settings: settings.map(|(name, default)| (name.to_owned(), default.to_owned())).into(),
            metrics: metrics.map(|(name, cell)| (name.to_owned(), labels(cell))).into(),
            histograms: ["datastorage_lag_seconds".to_owned()].into(),
            routes: routes.map(str::to_owned).into(),
            other_connections: 9,
            stop_budget: Duration::from_secs(25),
        }
    }
}
