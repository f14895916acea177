//! The commands of `docs/operations/troubleshoot.md`, run against a running service.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::commands::said;
use crate::progress::Step;
use crate::standing::Standing;
use crate::workspace;

/// The page.
const PAGE: &str = "docs/operations/troubleshoot.md";

/// The admin port in the commands of the page.
const ADMIN: &str = "localhost:9090";

/// What commands that are not run begin with, each with the reason.
const LEFT_OUT: [(&str, &str); 3] = [
    ("kubectl ", "there is no cluster"),
    ("datastorage reconcile --rebuild", "there is no Qdrant to fill"),
    ("datastorage schema roles", "the service of the check is the owner itself"),
];

/// Runs every command; those that fail.
pub(super) fn check(service: &Standing) -> Result<Vec<String>> {
    let step = Step::begin("commands of the runbook");
    let page = std::fs::read_to_string(workspace::root().join(PAGE))
        .with_context(|| format!("cannot read {PAGE}"))?;
    let (mut faults, mut done) = (Vec::new(), 0);
    let is_left_out = |command: &str| LEFT_OUT.iter().any(|(beginning, _)| command.starts_with(beginning));
    for command in commands(&page).into_iter().filter(|it| !is_left_out(it)) {
        let output = said(&mut runnable(&command, service)?, "")?;
        done += 1;
        if !output.status.success() {
            let error = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            faults.push(format!("{PAGE}: `{command}` ends with {}: {error}", output.status));
        }
    }
    let left_out =
        LEFT_OUT.map(|(beginning, reason)| format!("`{}` ({reason})", beginning.trim())).join(", ");
    step.done(format!("{done} run; left out: {left_out}"));
    Ok(faults)
}

/// The lines of the blocks for a shell, and what sentences name: statements, and commands of the program with what follows
/// their name.
fn commands(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (place, part) in page.split("```").enumerate() {
        if place % 2 == 1 {
            let lines = part.strip_prefix("sh\n").unwrap_or_default().lines();
            found.extend(lines.filter(|it| !it.trim().is_empty()).map(str::to_owned));
        } else {
            let spans = part.split('`').skip(1).step_by(2);
            let is_command = |it: &&str| it.starts_with("select ") || it.starts_with("datastorage ");
            found.extend(spans.filter(is_command).map(str::to_owned));
        }
    }
    found
}

/// A command with the service's address, its database and its programs in the place of the operator's.
fn runnable(command: &str, service: &Standing) -> Result<Command> {
    let bin = |path: &Path| path.parent().map(|it| it.display().to_string()).unwrap_or_default();
    let path = std::env::var("PATH").context("PATH is not set")?;
    let path = format!("{}:{}:{path}", bin(service.service().bin()), service.programs().bin().display());
    let mut shell = Command::new("bash");
    if command.starts_with("select ") {
        shell.args(["-c", "exec psql --set ON_ERROR_STOP=1 --dbname \"$1\" --command \"$2\"", "psql"]);
        shell.args([service.database_url(), command]);
    } else {
        let admin = service.admin_url();
        // curl alone would take an answer that is an error for a success.
        let command =
            command.replace("curl -s ", "curl -sf ").replace(ADMIN, admin.trim_start_matches("http://"));
        shell.args(["-o", "pipefail", "-c", &command]);
    }
    shell.env("PATH", path).env("DATASTORAGE__DATABASE__URL", service.database_url());
    Ok(shell)
}

#[cfg(test)]
mod tests {
    use super::commands;

    #[test]
    fn commands_are_lines_of_blocks_and_what_sentences_name() {
        let page = "Ask `/ready`:\n\n```sh\ncurl -s localhost:9090/ready  # state\n\npsql\n```\n\n```yaml\na: b\n```\n\
                    Look: `select 1`, then `datastorage reconcile --dry-run`.\n";
        let found = commands(page);
        let expected =
            ["curl -s localhost:9090/ready  # state", "psql", "select 1", "datastorage reconcile --dry-run"];
        assert_eq!(found, expected);
    }
}
