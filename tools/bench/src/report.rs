//! What a scenario found: figures over rounds, and how they stand against the goals.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::progress::answer;

/// What is said of figures in the short form.
pub(crate) const MEANINGLESS: &str =
    "SHORT FORM: everything ran for a moment, to prove that it works. THE FIGURES MEAN NOTHING.";

/// The result of one scenario.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The name in the list of scenarios, such as `W1`.
    pub(crate) scenario: Cow<'static, str>,
    /// What was measured, in a line.
    pub(crate) title: String,
    /// What a reader must know to repeat it: records, connections, settings.
    pub(crate) conditions: Vec<(Cow<'static, str>, String)>,
    pub(crate) series: Vec<Series>,
    pub(crate) verdicts: Vec<Verdict>,
    /// Why nothing, or not all, was measured.
    pub(crate) skipped: Option<String>,
}

/// One figure, measured in each round.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Series {
    pub(crate) label: String,
    /// Such as `/s`, `ms` or `MB`; series of one unit share a chart.
    pub(crate) unit: Cow<'static, str>,
    pub(crate) figures: Figures,
}

/// A figure beside its goal.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Verdict {
    pub(crate) what: String,
    #[serde(deserialize_with = "maybe_not_a_number")]
    pub(crate) value: f64,
    pub(crate) goal: Goal,
}

/// What a figure is to be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// Shown for comparison.
    None,
}

/// One figure over all rounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figures {
    #[serde(deserialize_with = "maybe_not_a_number")]
    pub(crate) median: f64,
    #[serde(deserialize_with = "maybe_not_a_number")]
    pub(crate) least: f64,
    #[serde(deserialize_with = "maybe_not_a_number")]
    pub(crate) most: f64,
}

impl Report {
    pub(crate) fn new(scenario: &'static str, title: impl Into<String>) -> Self {
        Self {
            scenario: scenario.into(),
            title: title.into(),
            conditions: Vec::new(),
            series: Vec::new(),
            verdicts: Vec::new(),
            skipped: None,
        }
    }

    pub(crate) fn condition(&mut self, what: &'static str, value: impl fmt::Display) -> &mut Self {
        self.conditions.push((what.into(), value.to_string()));
        self
    }

    /// Adds a figure, with its value in each round.
    pub(crate) fn series(
        &mut self,
        label: impl Into<String>,
        unit: &'static str,
        rounds: Vec<f64>,
    ) -> &mut Self {
        self.series.push(Series { label: label.into(), unit: unit.into(), figures: Figures::of(rounds) });
        self
    }

    pub(crate) fn verdict(&mut self, what: impl Into<String>, value: f64, goal: Goal) -> &mut Self {
        self.verdicts.push(Verdict { what: what.into(), value, goal });
        self
    }

    /// Writes the report to standard output.
    pub(crate) fn print(&self) {
        answer(&format!("{}: {}", self.scenario, self.title));
        for (what, value) in &self.conditions {
            answer(&format!("  {what}: {value}"));
        }
        if let Some(reason) = &self.skipped {
            answer(&format!("  SKIPPED: {reason}"));
        }
        for Series { label, unit, figures } in &self.series {
            answer(&format!("  {label:<60} {figures} {unit}"));
        }
        for verdict in &self.verdicts {
            answer(&format!("  {verdict}"));
        }
    }
}

impl Verdict {
    /// Whether the goal is met; nothing when there is none.
    pub(crate) fn is_met(&self) -> Option<bool> {
        match self.goal {
            Goal::AtLeast(goal) => Some(self.value >= goal),
            Goal::AtMost(goal) => Some(self.value <= goal),
            Goal::None => None,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = match self.is_met() {
            Some(true) => ": met",
            Some(false) => ": MISSED",
            None => "",
        };
        write!(f, "{:<60} {:>10}   goal: {}{outcome}", self.what, number(self.value), self.goal)
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(goal) => write!(f, "at least {goal}"),
            Self::AtMost(goal) => write!(f, "at most {goal}"),
            Self::None => f.write_str("none"),
        }
    }
}

impl Figures {
    /// Of the values of all rounds; not a number where there are none.
    pub(crate) fn of(mut rounds: Vec<f64>) -> Self {
        rounds.sort_by(f64::total_cmp);
        let at = |place: usize| rounds.get(place).copied().unwrap_or(f64::NAN);
        let last = rounds.len().saturating_sub(1);
        Self { median: f64::midpoint(at(last / 2), at(last.div_ceil(2))), least: at(0), most: at(last) }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>10} ({} to {})", number(self.median), number(self.least), number(self.most))
    }
}

/// JSON has no number for it, and `null` instead.
fn maybe_not_a_number<'de, D: Deserializer<'de>>(value: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(value)?.unwrap_or(f64::NAN))
}

/// A value in at least three digits, with a comma before every three of a large one.
pub(crate) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        0.0 => 0,
        size if size < 1.0 => 3,
        size if size < 10.0 => 2,
        size if size < 100.0 => 1,
        _ => 0,
    };
    let mut text = format!("{value:.decimals$}");
    let mut end = text.find('.').unwrap_or(text.len());
    while end > 3 && value.is_finite() && value.abs() >= 1_000.0 {
        end -= 3;
        if text.get(..end).is_some_and(|before| before.ends_with(|it: char| it.is_ascii_digit())) {
            text.insert(end, ',');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Figures, Goal, Verdict, number};

    #[test]
    fn numbers_have_three_digits_or_more() {
        for (value, text) in [
            (0.0, "0"),
            (0.2512, "0.251"),
            (9.876, "9.88"),
            (42.0, "42.0"),
            (-123.4, "-123"),
            (1_234.0, "1,234"),
            (-123_456.0, "-123,456"),
            (12_345_678.0, "12,345,678"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn figures_are_the_median_and_the_ends() {
        assert_eq!(Figures::of(vec![3.0, 1.0, 2.0]), Figures { median: 2.0, least: 1.0, most: 3.0 });
        assert_eq!(Figures::of(vec![4.0, 1.0]).median, 2.5);
        assert!(Figures::of(Vec::new()).median.is_nan());
    }

    #[test]
    fn a_goal_is_met_up_to_its_bound() {
        for (value, goal, met) in [
            (2.0, Goal::AtLeast(2.0), Some(true)),
            (1.9, Goal::AtLeast(2.0), Some(false)),
            (10.0, Goal::AtMost(10.0), Some(true)),
            (10.1, Goal::AtMost(10.0), Some(false)),
            (1.0, Goal::None, None),
        ] {
            assert_eq!(Verdict { what: String::new(), value, goal }.is_met(), met, "{value} {goal}");
        }
        assert_eq!(
            Verdict { what: String::new(), value: f64::NAN, goal: Goal::AtMost(1.0) }.is_met(),
            Some(false)
        );
    }
}
