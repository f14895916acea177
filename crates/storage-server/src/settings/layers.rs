//! Where settings come from, the later source overriding the earlier.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::fault::SettingFault;

/// What an environment variable begins with, in letters of any size.
const PREFIX: &str = "datastorage__";

/// A setting given on the command line.
#[derive(Debug, Clone)]
pub struct Flag {
    /// Which setting, as `section.key`.
    pub key: &'static str,
    /// The flag's own name, such as `--db-host`.
    pub name: &'static str,
    /// Its value.
    pub value: String,
}

/// The sources of settings beside the defaults.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// A TOML or YAML file, by its ending.
    pub file: Option<PathBuf>,
    /// The environment; variables that do not begin with `DATASTORAGE__` are passed over.
    pub environment: Vec<(String, String)>,
    /// The command line.
    pub flags: Vec<Flag>,
}

/// A value and where it came from. A list or a table has no text.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) text: Option<String>,
    pub(super) origin: String,
}

/// Values by `section.key`.
pub(super) type Entries = BTreeMap<String, Entry>;

impl Sources {
    /// The process's own environment.
    #[must_use]
    pub fn of_process() -> Self {
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        });
        Self { environment: environment.collect(), ..Self::default() }
    }

    /// Everything given, overridden where it must be, and the file if it cannot be read.
    pub(super) fn entries(&self) -> (Entries, Vec<SettingFault>) {
        let (mut entries, mut faults) = (Entries::new(), Vec::new());
        let mut insert = |key: String, text, origin: &str| {
            entries.insert(key, Entry { text, origin: origin.to_owned() });
        };
        if let Some(path) = &self.file {
            let origin = path.display().to_string();
            match read(path) {
                Ok(sections) => flatten(sections, |key, text| insert(key, text, &origin)),
                Err(reason) => faults.push(SettingFault::new(origin, reason)),
            }
        }
        for (name, value) in &self.environment {
            if let Some(key) = name.to_lowercase().strip_prefix(PREFIX) {
                insert(key.replace("__", "."), Some(value.clone()), "the environment");
            }
        }
        for Flag { key, name, value } in &self.flags {
            insert((*key).to_owned(), Some(value.clone()), &format!("the flag {name}"));
        }
        (entries, faults)
    }
}

/// The sections of a file, or why there are none, without the lines of the file: one may hold a password.
fn read(path: &Path) -> Result<Map<String, Value>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("toml") => toml::from_str(&text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            format!("is not TOML in line {}: {}", before.matches('\n').count() + 1, error.message())
        }),
        Some("yaml" | "yml") => {
            // Words such as `no` and numbers such as `0123` stay the texts that they are.
            let options = serde_saphyr::options! {
                strict_booleans: true,
                leading_zero_numbers_as_strings: true,
                underscored_numbers_as_strings: true,
                with_snippet: false,
            };
            let sections = serde_saphyr::from_str_with_options::<Option<_>>(&text, options);
            Ok(sections.map_err(|error| format!("is not YAML: {error}"))?.unwrap_or_default())
        }
        _ => Err("is not a file of settings: give a file that ends in .toml, .yaml or .yml".to_owned()),
    }
}

/// Hands each field of each section to `insert`. A list or a table has no text.
fn flatten(sections: Map<String, Value>, mut insert: impl FnMut(String, Option<String>)) {
    let text = |value| match value {
        Value::Array(_) | Value::Object(_) => None,
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text),
        scalar => Some(scalar.to_string()),
    };
    for (section, value) in sections {
        match value {
            Value::Object(fields) => {
                for (field, value) in fields {
                    insert(format!("{section}.{field}"), text(value));
                }
            }
            value => insert(section, text(value)),
        }
    }
}
