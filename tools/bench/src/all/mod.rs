//! Every scenario in turn, printed and written as a page with a chart for each (`docs/performance.md`).
//!
//! Each scenario has PostgreSQL and the service to itself. One that fails is named on the page, and the others still run.

mod chart;
mod limits;
mod machine;
mod measured;
mod page;
mod scenarios;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::progress::{answer, say};
use crate::report::{MEANINGLESS, Report};
use machine::Machine;
use measured::{Figures, Measured};
use scenarios::Form;

/// Where the page of the project is.
const DOCUMENTS: &str = "docs";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only the scenarios that measure these, such as `W1,R1`.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,
    /// Run each scenario for a moment, to see that it works. The figures mean nothing.
    #[arg(long)]
    pub(crate) short: bool,
    /// Rounds of each scenario that has rounds, instead of its own number.
    #[arg(long, conflicts_with = "short")]
    rounds: Option<usize>,
    /// Measure writes, lists and searches up to ten million rows as well, which takes two hours.
    #[arg(long)]
    growth: bool,
    /// Where to write the page `performance.md` and the folder `performance` with its charts. Figures there of scenarios
    /// that do not run stay. By default `docs` if every scenario runs in its long form, and nowhere otherwise.
    #[arg(long, value_name = "DIRECTORY")]
    out: Option<PathBuf>,
}

impl Arguments {
    fn directory(&self) -> Option<&Path> {
        let is_whole = self.only.is_empty() && !self.short;
        self.out.as_deref().or(is_whole.then_some(Path::new(DOCUMENTS)))
    }
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    if arguments.short {
        say(MEANINGLESS);
    }
    scenarios::know(&arguments.only)?;
    // First, so that a directory that cannot be written costs no hours.
    let page = arguments.directory().map(page::Place::prepare).transpose()?;
    let mut figures = match &page {
        Some(page) if !arguments.short => page.figures()?,
        _ => Figures::none(),
    };
    let machine = Machine::look().await?;
    let form = if arguments.short { Form::Short } else { Form::Long { rounds: arguments.rounds } };
    let mut failed = Vec::new();
    let chosen = || scenarios::ALL.iter().filter(|it| it.is_chosen(&arguments.only, arguments.growth));
    for scenario in chosen() {
        let reports = scenario.reports(form).await.unwrap_or_else(|error| {
            say(&format!("error: {}: {error:#}", scenario.name));
            failed.push(scenario.name);
            vec![scenario.skipped(&format!("it failed: {error:#}"))]
        });
        reports.iter().for_each(Report::print);
        figures.replace(scenario, &machine, reports);
        // After each, so that a run that is ended early leaves what it has measured.
        if let Some(page) = &page {
            let written = page.write(&figures, arguments.short).context("the page cannot be written")?;
            say(&format!("written: {}", written.display()));
        }
    }
    let is_of_this_run = |it: &&Measured| chosen().any(|scenario| scenario.name == it.scenario);
    let reports: Vec<_> = figures.iter().filter(is_of_this_run).flat_map(|it| &it.reports).collect();
    tell_goals(&reports);
    if arguments.short {
        say(MEANINGLESS);
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join("; "));
    Ok(())
}

/// All goals once more, below all that the scenarios said.
fn tell_goals(reports: &[&Report]) {
    answer("Goals:");
    for verdict in reports.iter().flat_map(|it| &it.verdicts).filter(|it| it.is_met().is_some()) {
        answer(&format!("  {verdict}"));
    }
    for report in reports {
        if let Some(reason) = &report.skipped {
            answer(&format!("  {}: SKIPPED: {reason}", report.scenario));
        }
    }
}
