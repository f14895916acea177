//! What is wrong with the settings.

use std::fmt;
use std::path::PathBuf;

/// One setting that cannot be used, or a source of settings that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} {reason}")]
pub struct SettingFault {
    /// `section.key`, or the source.
    pub key: String,
    /// What is wrong with it, as the rest of a sentence that the key begins; never a secret's value.
    pub reason: String,
}

impl SettingFault {
    pub(super) fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { key: key.into(), reason: reason.into() }
    }

    /// What the setting is for refuses its value.
    pub(super) fn unusable(key: &str, error: &impl fmt::Display) -> Self {
        Self::new(key, format!("cannot be used: {error}"))
    }
}

/// The text of the file that a setting names, if it names one, without an end of line at its end.
pub(super) fn read(key: &str, path: &Option<PathBuf>) -> Result<Option<String>, SettingFault> {
    let Some(path) = path else { return Ok(None) };
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned())),
        Err(error) => Err(SettingFault::new(key, format!("names a file that cannot be read: {error}"))),
    }
}

/// Everything that is wrong with the settings. Displayed one a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InvalidSettings {
    pub(super) faults: Vec<SettingFault>,
}

impl InvalidSettings {
    /// Each fault: first what cannot be read, in the order of the sections, then what contradicts itself.
    #[must_use]
    pub fn faults(&self) -> &[SettingFault] {
        &self.faults
    }
}

impl fmt::Display for InvalidSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.faults.len() == 1 { "setting is" } else { "settings are" };
        write!(f, "{} {plural} wrong:", self.faults.len())?;
        self.faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl std::error::Error for InvalidSettings {}
