//! `cargo xtask tidy`: proves what no compiler checks: which crate may know which, that no files of a crate import each
//! other in a circle and no room of the server one above it, that no crate is compiled twice for its features, and how a file begins.

mod arrows;
mod circles;
mod features;
mod graph;
mod imports;
mod modules;
mod rooms;
mod sources;

use std::process::ExitCode;

use anyhow::Result;

use crate::progress::{answer, say};
use crate::{files, workspace};
use graph::Graph;

/// Kinds of files whose text is checked.
const CHECKED: &[&str] =
    &[".rs", ".md", ".toml", ".sql", ".yaml", ".yml", ".json", ".sh", "/run", "Dockerfile"];

/// Runs every check; exit 1 when one of them finds something.
pub(crate) fn run() -> Result<ExitCode> {
    let sources = files::with_endings(workspace::root(), CHECKED)?;
    let graph = Graph::of_workspace()?;
    let mut faults = arrows::check(&graph);
    faults.extend(circles::check(&sources));
    faults.extend(rooms::check(&sources));
    faults.extend(features::check(&graph.members())?);
    faults.extend(sources.iter().flat_map(sources::check));
    if faults.is_empty() {
        answer(&format!("tidy: no fault in {} files and {} packages", sources.len(), graph.len()));
        return Ok(ExitCode::SUCCESS);
    }
    for fault in &faults {
        say(fault);
    }
    say(&format!("tidy: {} faults", faults.len()));
    Ok(ExitCode::FAILURE)
}
