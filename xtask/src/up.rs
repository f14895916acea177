//! `cargo xtask up` and `down`: the service on a private PostgreSQL, to try and to develop against.

mod arguments;
mod port;
mod redis;
mod stack;
mod state;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

pub(crate) use arguments::UpArguments;
pub(crate) use state::{external_database_url, external_redis_url, stack_database_url};

use crate::progress::{answer, say};
use crate::signals::{self, Signals};
use crate::workspace;
use stack::Stack;

/// Longest the service may take to stop; its own budget is 25 s.
const SERVICE_STOP_BOUND: Duration = Duration::from_secs(30);

#[derive(Debug, clap::Args)]
pub(crate) struct DownArguments {
    /// Also remove the data, and everything that was fetched.
    #[arg(long)]
    purge: bool,
}

/// Starts the stack, except the parts that already run.
pub(crate) fn up(arguments: &UpArguments) -> Result<()> {
    let signals = Signals::listen()?;
    let dev = workspace::development_dir()?;
    let stack = match Stack::bring_up(&dev, arguments, &signals) {
        // The terminal's interrupt has ended the program that was waited for, which is no fault of its own.
        Err(_) if signals.end_is_requested() => bail!(signals::INTERRUPTED),
        brought_up => brought_up?,
    };
    print_tour(&stack);
    if arguments.detach {
        stack.detach();
        say("The stack keeps running; stop it with `cargo xtask down`.");
        return Ok(());
    }
    say("Press Ctrl-C to stop the service and its database. The service's log follows.");
    let followed = stack.follow_service(&signals);
    say("stopping");
    stop()?;
    followed
}

/// Stops the stack.
pub(crate) fn down(arguments: &DownArguments) -> Result<()> {
    let stopped = stop()?;
    if arguments.purge {
        purge()?;
        say("everything under .dev has been removed");
    } else if stopped {
        say("stopped; the data is kept (`cargo xtask down --purge` removes it)");
    } else {
        say("nothing was running");
    }
    Ok(())
}

/// Stops the service, then what it uses; whether anything ran.
fn stop() -> Result<bool> {
    let mut state = state::State::load()?;
    let mut stopped = false;
    if let Some(service) = state.service.take().filter(|it| it.process.is_running()) {
        service.process.terminate()?;
        if service.process.wait_gone(SERVICE_STOP_BOUND).is_err() {
            say("the service did not stop in time; killing it");
            service.process.kill9()?;
        }
        stopped = true;
    }
    let dev = workspace::development_dir()?;
    stopped |= devstack::Cluster::stop_in(&stack::cluster_root(&dev))?;
    stopped |= devstack::RedisServer::stop_in(&redis::root(&dev))?;
    state.save()?;
    state::remove_environment()?;
    Ok(stopped)
}

/// Removes what `up` and `test` have made and fetched.
fn purge() -> Result<()> {
    let dev = workspace::development_dir()?;
    let entries_of = |dir: &Path| std::fs::read_dir(dir).into_iter().flatten().flatten();
    if crate::clusters::is_any_running(&dev) {
        bail!("`cargo xtask test` is running and uses these files: wait for its end");
    }
    crate::clusters::sweep(&dev);
    for dir in [dev.path(), &workspace::public_dir()] {
        for entry in entries_of(dir) {
            let path = entry.path();
            let removed =
                if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
            removed.with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

fn print_tour(stack: &Stack) {
    let (url, admin) = (stack.url(), stack.admin_url());
    for line in [
        String::new(),
        format!("Explorer   {url}/ui/"),
        format!("API        {url}/api/v1"),
        format!("Admin      {admin}/ready, {admin}/metrics"),
        format!("PostgreSQL {}", stack.database_url()),
        stack.redis_url().map(|url| format!("Redis      {url}\n")).unwrap_or_default(),
        "Try:".to_owned(),
        format!("  curl '{url}/api/v1/audit/remediation?namespace=payments&limit=3'"),
        format!("  curl '{url}/api/v1/audit/search?q=pod+killed+because+it+ran+out+of+memory&limit=3'"),
        format!(
            "  curl '{url}/api/v1/audit/search?q=a+pod+keeps+crashing+after+start&severity=critical&limit=3'"
        ),
        String::new(),
    ] {
        answer(&line);
    }
}
