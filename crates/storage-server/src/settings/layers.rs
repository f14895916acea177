//! Where settings come from, the later source overriding the earlier.

use std::collections::BTreeMap;
use std::path::PathBuf;

use config::{Config, Environment, File, Map, Source, Value, ValueKind};

use super::fault::Faults;

/// What an environment variable begins with, before `__`.
const PREFIX: &str = "DATASTORAGE";

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

    /// Everything given, overridden where it must be.
    pub(super) fn entries(&self, faults: &mut Faults) -> Entries {
        let mut entries = Entries::new();
        if let Some(path) = &self.file {
            let origin = path.display().to_string();
            match collect(File::from(path.as_path())) {
                Ok(sections) => flatten(sections, &origin, &mut entries),
                Err(error) => {
                    let error = without_source(&error.to_string());
                    faults.push(origin, format!("cannot be read as settings: {error}"));
                }
            }
        }
        let variables = self.environment.iter().cloned().collect();
        let environment =
            Environment::with_prefix(PREFIX).prefix_separator("__").separator("__").source(Some(variables));
        match collect(environment) {
            Ok(sections) => flatten(sections, "the environment", &mut entries),
            Err(error) => faults.push("the environment", format!("cannot be read as settings: {error}")),
        }
        for Flag { key, name, value } in &self.flags {
            let origin = format!("the flag {name}");
            entries.insert((*key).to_owned(), Entry { text: Some(value.clone()), origin });
        }
        entries
    }
}

/// What a parser says, without the lines of the file that it shows: one may hold a password. It draws a bar before each.
fn without_source(error: &str) -> String {
    let is_source =
        |line: &&str| line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ').starts_with('|');
    error.lines().filter(|line| !is_source(line)).collect::<Vec<_>>().join("; ")
}

fn collect(source: impl Source + Send + Sync + 'static) -> Result<Map<String, Value>, config::ConfigError> {
    Config::builder().add_source(source).build()?.collect()
}

fn flatten(sections: Map<String, Value>, origin: &str, entries: &mut Entries) {
    let mut insert = |key: String, value: Value| {
        let text = match value.kind {
            ValueKind::Table(_) | ValueKind::Array(_) => None,
            ValueKind::Nil => Some(String::new()),
            scalar => Some(scalar.to_string()),
        };
        entries.insert(key, Entry { text, origin: origin.to_owned() });
    };
    for (section, value) in sections {
        match value.kind {
            ValueKind::Table(fields) => {
                for (field, value) in fields {
                    insert(format!("{section}.{field}"), value);
                }
            }
            _ => insert(section, value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::without_source;

    #[test]
    fn a_parser_shows_no_line_of_the_file() {
        let told = "TOML parse error at line 2, column 12\n  |\n2 | password = \"abc\n  |            ^\ninvalid string\n in f";
        assert_eq!(without_source(told), "TOML parse error at line 2, column 12; invalid string;  in f");
        assert_eq!(without_source("found unexpected end"), "found unexpected end");
    }
}
