//! Names of settings, metrics and routes in whatever operators read.

use anyhow::Result;

use super::facts::Facts;
use crate::{files, workspace};

/// Where names must be those of the service.
const PLACES: [&str; 3] = ["deploy/", "docs/operations/", "docs/api.md"];

/// The files there that are read.
const ENDINGS: [&str; 6] = [".md", ".yaml", ".json", ".tpl", "Dockerfile", ".toml"];

/// What a variable that is a setting begins with.
const VARIABLE: &str = "DATASTORAGE__";

/// What a metric's name begins with.
const METRIC: &str = "datastorage_";

/// The names that nothing of the service has, each with its file and line.
pub(super) fn mentions(facts: &Facts) -> Result<Vec<String>> {
    let sources = files::with_endings(workspace::root(), &ENDINGS)?;
    let read = sources.iter().filter(|it| PLACES.iter().any(|place| it.path.starts_with(place)));
    let lines =
        read.flat_map(|it| it.text.lines().enumerate().map(|(at, line)| (it.path.as_str(), at + 1, line)));
    let faults = lines.flat_map(|(path, number, line)| {
        unknown(line, facts).into_iter().map(move |it| format!("{path}:{number}: {it}"))
    });
    Ok(faults.collect())
}

fn unknown(line: &str, facts: &Facts) -> Vec<String> {
    let mut faults = Vec::new();
    for word in line.split(|it: char| !(it.is_ascii_alphanumeric() || it == '_')) {
        if let Some(name) = word.strip_prefix(VARIABLE) {
            let setting = name.to_ascii_lowercase().replace("__", ".");
            if !facts.settings.contains_key(&setting) {
                faults.push(format!("{word} is no setting: there is no {setting}"));
            }
        } else if word.starts_with(METRIC)
            && !facts.metrics.contains_key(word)
            && facts.metric_of(word).is_none()
        {
            faults.push(format!("{word} is no metric in docs/metrics.md"));
        }
    }
    for word in line.split('`').skip(1).step_by(2) {
        if is_setting(word, facts) && !facts.settings.contains_key(word) {
            faults.push(format!("{word} is no setting"));
        }
        if word.starts_with("/api/") && !facts.routes.contains(word) {
            faults.push(format!("{word} is no route"));
        }
    }
    faults
}

/// Whether `word` has the form of a setting in a section that there is.
fn is_setting(word: &str, facts: &Facts) -> bool {
    let is_name = |it: &str| !it.is_empty() && it.chars().all(|it| it.is_ascii_lowercase() || it == '_');
    word.split_once('.').is_some_and(|(section, key)| {
        is_name(key)
            && key != "md"
            && facts
                .settings
                .range(format!("{section}.")..)
                .next()
                .is_some_and(|(it, _)| it.strip_prefix(section).is_some_and(|it| it.starts_with('.')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts::example()
    }

    #[test]
    fn what_the_service_has_passes() {
        let lines = [
            "DATASTORAGE__SERVER__ADDR: 0.0.0.0:8080",
            "datastorage_write_total, datastorage_lag_seconds, datastorage_lag_seconds_bucket",
            "`server.addr` and `/api/v1/incidents`, see `server.md`",
        ];
        for line in lines {
            assert_eq!(unknown(line, &facts()), Vec::<String>::new(), "{line}");
        }
    }

    #[test]
    fn what_the_service_lacks_is_named() {
        let lines = [
            ("DATASTORAGE__SERVER__ADRR=1", "no server.adrr"),
            ("datastorage_writes_total", "is no metric"),
            ("datastorage_write_total_bucket", "is no metric"),
            ("`server.adrr`", "is no setting"),
            ("`/api/v1/incident`", "is no route"),
        ];
        for (line, expected) in lines {
            let found = unknown(line, &facts());
            assert!(found.iter().any(|it| it.contains(expected)), "{line}: {found:?}");
        }
    }
}
