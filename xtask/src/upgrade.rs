//! `cargo xtask upgrade`: builds an earlier version of the service beside this one, and has `storage-soak rollout` upgrade
//! three replicas from it and roll them back.

use std::process::ExitCode;

use anyhow::{Result, ensure};

use crate::previous::{build, commit, git};
use crate::progress::say;
use crate::tools;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The commit to upgrade from. By default the newest one without the newest migration.
    #[arg(long, value_name = "REV")]
    previous: Option<String>,
    /// Build with optimisations.
    #[arg(long)]
    release: bool,
    /// Passed to the rollout, such as `--writes 300`.
    #[arg(last = true)]
    rollout: Vec<String>,
}

/// Runs it; the exit code says whether no request failed and nothing was lost.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let previous = match &arguments.previous {
        Some(rev) => commit(rev)?,
        None => commit(&format!("{}^", newest_migration()?))?,
    };
    say(&format!("upgrading from {previous}"));
    let program = build(&previous, arguments.release)?;
    let mut rollout = vec!["rollout".to_owned(), "--previous".to_owned(), program.display().to_string()];
    rollout.extend(arguments.rollout.iter().cloned());
    tools::run_soak(&rollout, arguments.release)
}

/// The commit that added the newest migration.
fn newest_migration() -> Result<String> {
    let added = git(&["log", "-1", "--diff-filter=A", "--format=%H", "--", "migrations/*/up.sql"])?;
    ensure!(!added.is_empty(), "no commit has added a migration: name a commit with --previous");
    Ok(added)
}
