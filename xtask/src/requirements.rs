//! `cargo xtask requirements`: which test proves which requirement, found by what the tests say of themselves.

mod catalogue;
mod report;
mod scan;

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::progress::{answer, say};
use crate::{files, workspace};
use report::Report;

/// The generated page.
const PAGE: &str = "docs/requirements.md";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Write nothing; exit 1 if the page is stale.
    #[arg(long)]
    check: bool,
    /// Exit 1 also if no test proves a requirement.
    #[arg(long)]
    strict: bool,
}

/// Writes the page, or checks it.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let sources = files::with_endings(workspace::root(), &[".rs"])?;
    // This task's own files name ids to explain their form.
    let others = sources.iter().filter(|it| !it.path.starts_with("xtask/src/requirements"));
    let report = Report::new(others.flat_map(scan::mentions).collect());
    let mut faults = report.unknown();
    let path = workspace::root().join(PAGE);
    let page = report.render();
    if !arguments.check {
        std::fs::write(&path, &page).with_context(|| format!("cannot write {}", path.display()))?;
    } else if std::fs::read_to_string(&path).unwrap_or_default() != page {
        faults.push(format!("{PAGE} is stale: write it again with `cargo xtask requirements`"));
    }
    if arguments.strict {
        faults.extend(report.unproven().map(|entry| format!("no test proves {}", entry.id)));
    }
    answer(&format!("requirements: {}", report.summary()));
    for fault in &faults {
        say(fault);
    }
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
