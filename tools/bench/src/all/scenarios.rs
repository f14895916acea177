//! The list of the scenarios, in the order in which they run.

use anyhow::{Result, ensure};

use crate::report::Report;
use crate::{batches, crowd, freshness, growth, steady, writes};

/// How long a scenario runs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// A moment.
    Short,
    /// As long as its figures need; so many rounds if it has rounds.
    Long { rounds: Option<usize> },
}

/// A program of this crate that measures one or more of the named scenarios.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scenario {
    Writes,
    Steady,
    Batches,
    Crowd,
    Freshness,
    /// Takes long, and is left out unless it is asked for.
    Growth,
}

impl Scenario {
    pub(super) const ALL: &[Self] =
        &[Self::Writes, Self::Steady, Self::Batches, Self::Crowd, Self::Freshness, Self::Growth];

    /// The names in the specification, as one text.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Writes => "W1, W2",
            Self::Steady => "W3, M1, M2",
            Self::Batches => "W4",
            Self::Crowd => "C1",
            Self::Freshness => "F1",
            Self::Growth => "Growth",
        }
    }

    /// Those that measure one of `names`. Without names all, with growth only if it is wanted.
    pub(super) fn chosen(names: &[String], growth: bool) -> Result<Vec<Self>> {
        let measures =
            |it: &Self, name: &String| it.name().split(", ").any(|own| own.eq_ignore_ascii_case(name));
        for name in names {
            let known = Self::ALL.iter().map(|it| it.name()).collect::<Vec<_>>().join(", ");
            ensure!(
                Self::ALL.iter().any(|it| measures(it, name)),
                "there is no scenario {name}; there are {known}"
            );
        }
        let is_named = |it: &Self| names.iter().any(|name| measures(it, name));
        let is_chosen = |it: &&Self| match it {
            Self::Growth => growth || is_named(it),
            _ => names.is_empty() || is_named(it),
        };
        let chosen = Self::ALL.iter().filter(is_chosen);
        Ok(chosen.copied().collect())
    }

    /// The report of one that was not measured.
    pub(super) fn skipped(self, reason: &str) -> Report {
        let mut report = Report::new(self.name(), "not measured");
        report.skipped = Some(reason.to_owned());
        report
    }

    /// Runs it.
    pub(super) async fn reports(self, form: Form) -> Result<Vec<Report>> {
        match self {
            Self::Writes => Box::pin(writes::report(&form.arguments(writes::Arguments::short)?)).await,
            Self::Steady => Box::pin(steady::report(&form.arguments(steady::Arguments::short)?)).await,
            Self::Batches => Box::pin(batches::report(&form.arguments(batches::Arguments::short)?)).await,
            Self::Crowd => Box::pin(crowd::report(&form.arguments(crowd::Arguments::short)?)).await,
            Self::Freshness => {
                Box::pin(freshness::report(&form.arguments(freshness::Arguments::short)?)).await
            }
            Self::Growth => Box::pin(growth::report(&form.arguments(growth::Arguments::short)?)).await,
        }
    }
}

impl Form {
    /// What a scenario is told: in the long form what its subcommand takes by default.
    fn arguments<A: clap::Args>(self, short: impl FnOnce() -> A) -> Result<A> {
        let Self::Long { rounds } = self else { return Ok(short()) };
        let command = A::augment_args(clap::Command::new("scenario").no_binary_name(true));
        let has_rounds = command.get_arguments().any(|it| it.get_id() == "rounds");
        let given = rounds.filter(|_| has_rounds).map(|rounds| format!("--rounds={rounds}"));
        Ok(A::from_arg_matches(&command.try_get_matches_from(given)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::{Form, Scenario};
    use crate::writes;

    fn chosen(names: &[&str]) -> anyhow::Result<Vec<Scenario>> {
        Scenario::chosen(&names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>(), false)
    }

    #[test]
    fn scenarios_are_chosen_by_any_of_their_names() {
        let (growth, others) = Scenario::ALL.split_last().unwrap();
        assert_eq!((*growth, chosen(&[]).unwrap().as_slice()), (Scenario::Growth, others));
        assert_eq!(Scenario::chosen(&[], true).unwrap(), Scenario::ALL);
        assert_eq!(chosen(&["growth"]).unwrap(), [Scenario::Growth]);
        assert_eq!(chosen(&["m2", "W1", "W3"]).unwrap(), [Scenario::Writes, Scenario::Steady]);
        assert!(chosen(&["W1", "W9"]).unwrap_err().to_string().starts_with("there is no scenario W9"));
    }

    #[test]
    fn the_long_form_has_the_defaults_of_the_subcommand_and_the_rounds_of_the_run() {
        let told = |form: Form| format!("{:?}", form.arguments(writes::Arguments::short).unwrap());
        let long = told(Form::Long { rounds: None });
        assert!(long.contains("records: 50000, rounds: 3"), "{long}");
        let rounds = told(Form::Long { rounds: Some(7) });
        assert!(rounds.contains("records: 50000, rounds: 7"), "{rounds}");
        assert!(told(Form::Short).contains("records: 1000, rounds: 1"));
    }
}
