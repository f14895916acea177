//! What is wrong with the settings, gathered before it is told.

use std::fmt;

/// One setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingFault {
    /// `section.key`, or the source that could not be read.
    pub key: String,
    /// What is wrong with it, and where it came from; never a secret's value.
    pub reason: String,
}

/// Everything that is wrong with the settings. Displayed one a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InvalidSettings {
    faults: Vec<SettingFault>,
}

impl InvalidSettings {
    /// Each fault, in the order of the sections.
    #[must_use]
    pub fn faults(&self) -> &[SettingFault] {
        &self.faults
    }
}

impl fmt::Display for InvalidSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.faults.len() == 1 { "setting is" } else { "settings are" };
        write!(f, "{} {plural} wrong:", self.faults.len())?;
        for SettingFault { key, reason } in &self.faults {
            write!(f, "\n  {key} {reason}")?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidSettings {}

/// The faults found so far.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<SettingFault>);

impl Faults {
    /// Notes a fault; `reason` reads as the rest of a sentence that the key begins.
    pub(super) fn push(&mut self, key: impl Into<String>, reason: impl Into<String>) {
        self.0.push(SettingFault { key: key.into(), reason: reason.into() });
    }

    /// Notes a number outside its range.
    pub(super) fn range<T: PartialOrd + fmt::Display>(&mut self, key: &str, value: T, low: T, high: T) {
        if value < low || value > high {
            self.push(key, format!("must be from {low} to {high}, not {value}"));
        }
    }

    /// Notes a duration of nothing, which would switch a bound off or make it always pass.
    pub(super) fn above_zero(&mut self, key: &str, value: std::time::Duration) {
        if value.is_zero() {
            self.push(key, "must be longer than 0s");
        }
    }

    pub(super) fn into_invalid(self) -> Option<InvalidSettings> {
        (!self.0.is_empty()).then_some(InvalidSettings { faults: self.0 })
    }
}
