//! `cargo xtask openapi`: the description, held against the one that clients were last promised.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{changes, document, shape};
use crate::progress::{answer, say};
use crate::workspace;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Record the description as it is now; later descriptions are compared with it.
    #[arg(long)]
    bless: bool,
}

/// Names every change that breaks clients; exit 1 when there is one and the version is the one that was promised.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let present = shape::of(read(&document())?);
    if arguments.bless {
        let text = serde_json::to_string_pretty(&present)? + "\n";
        std::fs::write(promised(), text).with_context(|| format!("cannot write {}", promised().display()))?;
        answer(&format!("{} now has the description of version {}", promised().display(), version(&present)));
        return Ok(ExitCode::SUCCESS);
    }
    let promised = read(&promised())?;
    let broken = changes::breaking(&promised, &present);
    for change in &broken {
        say(change);
    }
    let (before, now) = (version(&promised), version(&present));
    let is_kept = broken.is_empty() || changes::is_later(before, now);
    answer(&format!(
        "the description has {} changes since version {before} that break clients{}",
        broken.len(),
        match (is_kept, broken.is_empty()) {
            (_, true) => String::new(),
            (true, false) => format!("; they are allowed, because the version is {now}"),
            (false, false) =>
                "; undo them, or raise the version and run `cargo xtask openapi --bless`".to_owned(),
        }
    ));
    Ok(if is_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The shape of the description that was promised last.
fn promised() -> PathBuf {
    workspace::root().join("docs/openapi-blessed.json")
}

fn read(path: &PathBuf) -> Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))
}

fn version(document: &Value) -> &str {
    document.pointer("/info/version").and_then(Value::as_str).unwrap_or_default()
}
