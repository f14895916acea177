//! How good search is: the labelled set in `tests/data/quality` and the measures over it.

mod scores;
#[cfg(test)]
mod tests;

use crate::composition::RecordText;
pub use scores::Scores;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// Grades of the answers to one query, by record name: 3 the thing itself, 2 much the same, 1 related. Other records
/// are irrelevant.
pub type Grades = BTreeMap<String, u8>;

/// A query of the labelled set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelledQuery {
    /// The text to search for.
    pub text: String,
    /// Its answers.
    pub relevant: Grades,
}

/// A record of the labelled set: what search looks at, of a body that can be posted.
#[derive(Debug, Clone, Deserialize)]
pub struct LabelledRecord {
    /// Tells the records of the set apart.
    pub name: String,
    action_type: String,
    target_name: Option<String>,
    phase: String,
    status: String,
    alert_name: Option<String>,
    severity: Option<String>,
    error_message: Option<String>,
    metadata: Option<Box<RawValue>>,
}

impl LabelledRecord {
    /// The record as a composition sees it.
    #[must_use]
    pub fn text(&self) -> RecordText<'_> {
        RecordText {
            name: &self.name,
            action_type: &self.action_type,
            target_name: self.target_name.as_deref(),
            phase: &self.phase,
            status: &self.status,
            alert_name: self.alert_name.as_deref(),
            severity: self.severity.as_deref(),
            error_message: self.error_message.as_deref(),
            metadata: self.metadata.as_deref().map(RawValue::get),
            alterations: None,
        }
    }
}

/// The labelled set; its README says how it was made.
#[derive(Debug, Clone)]
pub struct QualitySet {
    /// The records to find.
    pub records: Vec<LabelledRecord>,
    /// Queries about incidents that recur among the records.
    pub queries: Vec<LabelledQuery>,
    /// Queries about incidents that occurred once, most of them without any word in common.
    pub rare: Vec<LabelledQuery>,
    /// Sentences that share words with their answers: pasted lines, descriptions of alerts, questions.
    pub pasted: Vec<LabelledQuery>,
    /// The same about other incidents, to choose by: no goal rests on them.
    pub tuning: Vec<LabelledQuery>,
}

impl QualitySet {
    /// Reads `records.json`, `queries.json`, `queries-rare.json`, `queries-pasted.json` and `queries-pasted-tuning.json`.
    ///
    /// # Errors
    /// When a file cannot be read, or is not what it should be (`InvalidData`).
    pub fn read(directory: &Path) -> io::Result<Self> {
        Ok(Self {
            records: read(&directory.join("records.json"))?,
            queries: read(&directory.join("queries.json"))?,
            rare: read(&directory.join("queries-rare.json"))?,
            pasted: read(&directory.join("queries-pasted.json"))?,
            tuning: read(&directory.join("queries-pasted-tuning.json"))?,
        })
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}
