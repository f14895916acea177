//! The page about performance, as Markdown.

use std::fmt::{Result as Written, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::machine::Machine;
use super::measured::Figures;
use super::{chart, limits};
use crate::report::{MEANINGLESS, Report, Series, Verdict, number};

const NAME: &str = "performance.md";
/// The folder of the charts, beside the page.
const CHARTS: &str = "performance";
/// The figures, beside the charts.
const FIGURES: &str = "figures.json";

/// Where the page and its charts go.
pub(super) struct Place {
    directory: PathBuf,
}

impl Place {
    /// Makes the folders.
    pub(super) fn prepare(directory: &Path) -> Result<Self> {
        let charts = directory.join(CHARTS);
        std::fs::create_dir_all(&charts).with_context(|| format!("cannot create {}", charts.display()))?;
        Ok(Self { directory: directory.to_owned() })
    }

    /// What the page says.
    pub(super) fn figures(&self) -> Result<Figures> {
        Figures::read(&self.directory.join(CHARTS).join(FIGURES))
    }

    /// Replaces the page and all charts; where the page is. Figures that mean nothing are not kept, and replace none.
    pub(super) fn write(&self, figures: &Figures, short: bool) -> Result<PathBuf> {
        let charts = self.directory.join(CHARTS);
        if !short {
            figures.write(&charts.join(FIGURES))?;
        }
        for file in std::fs::read_dir(&charts)? {
            let path = file?.path();
            if path.extension().is_some_and(|it| it == "svg") {
                std::fs::remove_file(path)?;
            }
        }
        for report in figures.reports().filter(|it| !it.series.is_empty()) {
            std::fs::write(charts.join(chart_name(report)), chart::svg(report)?)?;
        }
        let page = self.directory.join(NAME);
        std::fs::write(&page, text(figures, short)?)?;
        Ok(page)
    }
}

fn text(figures: &Figures, short: bool) -> Result<String> {
    let mut page = String::from(
        "# Performance\n\n\
         `cargo xtask bench all` has written this page; [CONTRIBUTING.md](../CONTRIBUTING.md#measuring) says how to run it.\n\
         Each scenario compares the service with something else on the same machine in the same run. Take the ratios: rates and\n\
         times depend on the machine, and drift on one that others use too. PostgreSQL, the service and the load share its cores.\n\n",
    );
    if short {
        writeln!(page, "**{MEANINGLESS}**\n")?;
    }
    goals(&mut page, figures)?;
    machines(&mut page, figures)?;
    for report in figures.reports() {
        section(&mut page, report)?;
    }
    Ok(page)
}

/// A column for each run.
fn machines(page: &mut String, figures: &Figures) -> Written {
    let mut runs: Vec<(&Machine, Vec<&str>)> = Vec::new();
    for measured in figures.iter().filter(|it| !it.machine.facts.is_empty()) {
        let names = measured.reports.iter().map(|it| &*it.scenario);
        match runs.iter_mut().find(|(machine, _)| **machine == measured.machine) {
            Some((_, of_run)) => of_run.extend(names),
            None => runs.push((&measured.machine, names.collect())),
        }
    }
    page.push_str("\n## Measured on\n\n");
    let mut row = |name: &str, cells: Vec<String>| writeln!(page, "| {name} | {} |", cells.join(" | "));
    row("", runs.iter().map(|(_, names)| names.join(", ")).collect())?;
    row("---", vec!["---".to_owned(); runs.len()])?;
    for (name, _) in runs.first().into_iter().flat_map(|(machine, _)| &machine.facts) {
        let of_run = |(machine, _): &(&Machine, _)| {
            let fact = machine.facts.iter().find(|(own, _)| own == name);
            fact.map(|(_, value)| cell(value)).unwrap_or_default()
        };
        row(name, runs.iter().map(of_run).collect())?;
    }
    Ok(())
}

/// What was promised, and what came of it.
fn goals(page: &mut String, figures: &Figures) -> Written {
    let verdicts = || figures.reports().flat_map(|it| &it.verdicts);
    let met = verdicts().filter(|it| it.is_met() == Some(true)).count();
    let missed = verdicts().filter(|it| it.is_met() == Some(false)).count();
    writeln!(
        page,
        "## Goals\n\n{met} met, {missed} missed.\n\n| figure | measured | goal | |\n|---|---:|---:|---|"
    )?;
    for verdict in verdicts() {
        if let Some(is_met) = verdict.is_met() {
            let Verdict { what, value, goal } = verdict;
            let outcome = if is_met { "met" } else { "**missed**" };
            writeln!(page, "| {} | {} | {goal} | {outcome} |", cell(what), number(*value))?;
        }
    }
    let skipped: Vec<_> =
        figures.reports().filter_map(|it| Some((&it.scenario, it.skipped.as_ref()?))).collect();
    if !skipped.is_empty() {
        writeln!(page, "\n**Not measured:**\n")?;
    }
    for (scenario, reason) in skipped {
        writeln!(page, "- {scenario}: {reason}")?;
    }
    Ok(())
}

fn section(page: &mut String, report: &Report) -> Written {
    writeln!(page, "\n## {}: {}\n", report.scenario, report.title)?;
    if let Some(reason) = &report.skipped {
        writeln!(page, "**Not measured**: {reason}.\n")?;
    }
    for (what, value) in &report.conditions {
        writeln!(page, "- {what}: {value}")?;
    }
    for verdict in report.verdicts.iter().filter(|it| it.is_met().is_none()) {
        writeln!(page, "- {}: {}", verdict.what, number(verdict.value))?;
    }
    if !report.series.is_empty() {
        let name = chart_name(report);
        writeln!(page, "\n![chart of the figures of {}]({CHARTS}/{name})\n", report.scenario)?;
        writeln!(page, "| figure | median | least | most | |\n|---|---:|---:|---:|---|")?;
    }
    for Series { label, unit, figures } in &report.series {
        let (median, least, most) = (number(figures.median), number(figures.least), number(figures.most));
        writeln!(page, "| {} | {median} | {least} | {most} | {unit} |", cell(label))?;
    }
    for scenario in report.scenario.split(", ") {
        let mark = format!("{scenario}: ");
        let misses = |it: &Verdict| it.what.starts_with(&mark) && it.is_met() == Some(false);
        if report.verdicts.iter().any(misses) {
            let limit = limits::of(scenario).unwrap_or("no profile has named it yet.");
            writeln!(page, "\nWhat limits {scenario}: {limit}")?;
        }
    }
    Ok(())
}

fn chart_name(report: &Report) -> String {
    format!("{}.svg", report.scenario.to_ascii_lowercase().replace(", ", "-").replace(' ', "-"))
}

/// A text in a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::super::machine::Machine;
    use super::super::measured::Figures;
    use super::super::scenarios;
    use super::text;
    use crate::report::{Goal, Report};

    fn page(short: bool) -> String {
        let mut measured = Report::new("W8, W9", "writes");
        measured
            .condition("rounds", 2)
            .verdict("W8: ratio", 2.5, Goal::AtLeast(2.0))
            .verdict("W9: p99, ms", 12.0, Goal::AtMost(10.0))
            .verdict("W9: beside a | copy", 0.5, Goal::None)
            .series("service: accepted", "/s", vec![1_000.0, 1_500.0]);
        let mut skipped = Report::new("S9", "not measured");
        skipped.skipped = Some("no server".to_owned());
        let [first, second, third, ..] = scenarios::ALL else { panic!("there are three scenarios") };
        let machine = |cores: &str| Machine { facts: vec![("cores".into(), cores.to_owned())] };
        let mut figures = Figures::none();
        figures.replace(first, &machine("2"), vec![measured]);
        let mut grown = Report::new("Growth of M9", "memory");
        grown.series("service", "MB", vec![40.0]);
        figures.replace(second, &machine("4"), vec![grown]);
        figures.replace(third, &machine("2"), vec![skipped]);
        text(&figures, short).unwrap()
    }

    #[test]
    fn the_page_has_goals_figures_and_what_was_skipped() {
        let page = page(false);
        for expected in [
            "1 met, 1 missed.",
            "| W8: ratio | 2.50 | at least 2 | met |",
            "| W9: p99, ms | 12.0 | at most 10 | **missed** |",
            "- S9: no server\n",
            "- C1: not measured yet\n",
            "\n## Measured on\n\n|  | W8, W9, S9 | Growth of M9 |\n| --- | --- | --- |\n| cores | 2 | 4 |\n",
            "## W8, W9: writes\n\n- rounds: 2\n- W9: beside a | copy: 0.500\n",
            "(performance/w8-w9.svg)",
            "(performance/growth-of-m9.svg)",
            "| service: accepted | 1,250 | 1,000 | 1,500 | /s |",
            "What limits W9: ",
            "**Not measured**: no server.",
        ] {
            assert!(page.contains(expected), "{expected} is not in\n{page}");
        }
        assert!(!page.contains("What limits W8") && !page.contains("MEAN NOTHING"), "{page}");
    }

    #[test]
    fn a_page_of_the_short_form_says_that_its_figures_mean_nothing() {
        assert!(page(true).contains("MEAN NOTHING"));
    }
}
