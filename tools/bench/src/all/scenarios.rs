//! The list of the scenarios, in the order in which they run.

use anyhow::{Result, ensure};
use futures_util::future::LocalBoxFuture;

use crate::report::Report;
use crate::{batches, crowd, embedding, freshness, growth, pages, reconcile, search, start, steady, writes};

/// How long a scenario runs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// A moment.
    Short,
    /// As long as its figures need; so many rounds if it has rounds.
    Long { rounds: Option<usize> },
}

/// What measures one or more of the goals.
#[derive(Debug)]
pub(super) struct Scenario {
    /// The names of the goals, as the specification has them.
    pub(super) name: &'static str,
    reports: fn(Form) -> LocalBoxFuture<'static, Result<Vec<Report>>>,
}

/// The scenario of a module that has `Arguments`, with `short` among their constructors, and `report`.
macro_rules! scenario {
    ($name:expr, $module:ident) => {
        Scenario {
            name: $name,
            reports: |form| {
                Box::pin(async move { $module::report(&form.arguments($module::Arguments::short)?).await })
            },
        }
    };
}

/// All of them, in the order in which they run.
pub(super) const ALL: &[Scenario] = &[
    scenario!("W1, W2", writes),
    scenario!("W3, M1, M2", steady),
    scenario!("W4", batches),
    scenario!("C1", crowd),
    scenario!("F1", freshness),
    scenario!("R1, R2", pages),
    scenario!("S1, S2", search),
    scenario!("E1", embedding),
    scenario!("T1", start),
    scenario!("G1", reconcile),
    scenario!("Growth", growth),
    Scenario {
        name: "Growth of R1, Growth of R2",
        reports: |form| {
            Box::pin(async move {
                pages::growth(&form.choose(pages::Arguments::short, pages::Arguments::of_all_sizes)).await
            })
        },
    },
    Scenario {
        name: "Growth of S2",
        reports: |form| {
            Box::pin(async move {
                search::growth(&form.choose(search::Growth::short, search::Growth::of_all_sizes)).await
            })
        },
    },
];

/// How the names of those begin that take long and run only if they are asked for.
const GROWTH: &str = "Growth";

/// Checks that each of these is the name of a scenario.
pub(super) fn know(names: &[String]) -> Result<()> {
    for name in names {
        let known = ALL.iter().map(|it| it.name).collect::<Vec<_>>().join(", ");
        ensure!(ALL.iter().any(|it| it.has(name)), "there is no scenario {name}; there are {known}");
    }
    Ok(())
}

impl Scenario {
    /// Whether it measures one of `names`. Without names all do, growth only if it is wanted.
    pub(super) fn is_chosen(&self, names: &[String], growth: bool) -> bool {
        let is_named = names.iter().any(|name| self.has(name));
        is_named || if self.name.starts_with(GROWTH) { growth } else { names.is_empty() }
    }

    fn has(&self, name: &str) -> bool {
        self.name.split(", ").any(|own| own.eq_ignore_ascii_case(name))
    }

    /// The report of one that was not measured.
    pub(super) fn skipped(&self, reason: &str) -> Report {
        let mut report = Report::new(self.name, "not measured");
        report.skipped = Some(reason.to_owned());
        report
    }

    /// Runs it.
    pub(super) async fn reports(&self, form: Form) -> Result<Vec<Report>> {
        (self.reports)(form).await
    }
}

impl Form {
    fn choose<A>(self, short: fn() -> A, long: fn() -> A) -> A {
        match self {
            Self::Short => short(),
            Self::Long { .. } => long(),
        }
    }

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
    use super::{ALL, Form, know};
    use crate::writes;

    #[test]
    fn scenarios_are_chosen_by_any_of_their_names() {
        let chosen = |names: &[&str], growth| {
            let names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
            know(&names)?;
            anyhow::Ok(
                ALL.iter().filter(|it| it.is_chosen(&names, growth)).map(|it| it.name).collect::<Vec<_>>(),
            )
        };
        assert_eq!(chosen(&["m2", "W1", "W3"], false).unwrap(), ["W1, W2", "W3, M1, M2"]);
        assert_eq!(chosen(&["growth"], false).unwrap(), ["Growth"]);
        assert_eq!(chosen(&[], true).unwrap().len(), ALL.len());
        assert!(!chosen(&[], false).unwrap().iter().any(|it| it.starts_with("Growth")));
        assert!(chosen(&["W1", "W9"], false).unwrap_err().to_string().starts_with("there is no scenario W9"));
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
