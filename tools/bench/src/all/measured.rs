//! The figures of the page, kept beside it: a run of some scenarios replaces theirs and leaves those of the others.

use std::borrow::Cow;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::machine::Machine;
use super::scenarios::{self, Scenario};
use crate::report::Report;

/// What a scenario found when it ran last.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Measured {
    /// Its name in the list of scenarios.
    pub(super) scenario: Cow<'static, str>,
    /// No facts if it never ran.
    pub(super) machine: Machine,
    pub(super) reports: Vec<Report>,
}

/// What every scenario found when it ran last, in the order of the list.
#[derive(Debug)]
pub(super) struct Figures(Vec<Measured>);

impl Figures {
    /// Of a place that has none.
    pub(super) fn none() -> Self {
        Self::with(Vec::new())
    }

    /// From a file, if there is one.
    pub(super) fn read(file: &Path) -> Result<Self> {
        if !file.try_exists()? {
            return Ok(Self::none());
        }
        let read = || anyhow::Ok(serde_json::from_slice(&std::fs::read(file)?)?);
        Ok(Self::with(read().with_context(|| {
            format!("{} is not what this program writes; restore or delete it", file.display())
        })?))
    }

    /// At once, so that hours of measuring are not lost to a process that ends meanwhile.
    pub(super) fn write(&self, file: &Path) -> Result<()> {
        let ran: Vec<_> = self.0.iter().filter(|it| !it.machine.facts.is_empty()).collect();
        let mut text = serde_json::to_vec_pretty(&ran)?;
        text.push(b'\n');
        let unfinished = file.with_extension("unfinished");
        std::fs::write(&unfinished, text)
            .and_then(|()| std::fs::rename(&unfinished, file))
            .with_context(|| format!("cannot write {}", file.display()))
    }

    /// Those of scenarios that are not in the list any more are left out.
    fn with(mut kept: Vec<Measured>) -> Self {
        let of = |scenario: &Scenario| {
            let place = kept.iter().position(|it| it.scenario == scenario.name);
            place.map(|place| kept.swap_remove(place)).unwrap_or_else(|| Measured {
                scenario: scenario.name.into(),
                machine: Machine::default(),
                reports: vec![scenario.skipped("not measured yet")],
            })
        };
        Self(scenarios::ALL.iter().map(of).collect())
    }

    pub(super) fn replace(&mut self, scenario: &Scenario, machine: &Machine, reports: Vec<Report>) {
        if let Some(measured) = self.0.iter_mut().find(|it| it.scenario == scenario.name) {
            measured.machine = machine.clone();
            measured.reports = reports;
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Measured> {
        self.0.iter()
    }

    pub(super) fn reports(&self) -> impl Iterator<Item = &Report> {
        self.iter().flat_map(|it| &it.reports)
    }
}

#[cfg(test)]
mod tests {
    use super::super::machine::Machine;
    use super::super::scenarios;
    use super::Figures;
    use crate::report::{Goal, Report};

    #[test]
    fn what_a_scenario_found_stays_until_it_finds_something_else() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("figures.json");
        let [first, second, ..] = scenarios::ALL else { panic!("there are two scenarios") };
        for (scenario, date, rate) in [(first, "a", 1.0), (second, "b", f64::NAN), (first, "c", 3.0)] {
            let mut figures = Figures::read(&file).unwrap();
            let mut report = Report::new(scenario.name, "writes");
            report.verdict("rate", rate, Goal::AtLeast(2.0)).series("rate", "/s", vec![rate]);
            let machine = Machine { facts: vec![("date".into(), date.to_owned())] };
            figures.replace(scenario, &machine, vec![report]);
            figures.write(&file).unwrap();
        }
        let figures = Figures::read(&file).unwrap();
        let dates: Vec<_> =
            figures.iter().filter_map(|it| Some(it.machine.facts.first()?.1.as_str())).collect();
        assert_eq!(dates, ["c", "b"]);
        let values: Vec<_> = figures.reports().flat_map(|it| &it.verdicts).map(|it| it.value).collect();
        assert!(matches!(values[..], [rate, none] if rate == 3.0 && none.is_nan()), "{values:?}");
        assert_eq!(figures.iter().count(), scenarios::ALL.len());

        std::fs::write(&file, "[{}]").unwrap();
        assert!(Figures::read(&file).unwrap_err().to_string().ends_with("restore or delete it"));
    }
}
