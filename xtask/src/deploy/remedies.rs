//! Each warning and error of the log has a remedy in the page that operators search, and the page names no other.

use anyhow::{Context as _, Result};

use crate::files::Source;
use crate::{files, workspace};

/// The page.
const PAGE: &str = "docs/operations/troubleshoot.md";

/// Its section with a table of the beginnings of messages.
const SECTION: &str = "\n## Lines of the log\n";

/// Packages of tests, which have a log of their own.
const NOT_DEPLOYED: [&str; 3] = ["crates/storage-testkit/", "crates/storage-fuzz/", "crates/devstack/"];

/// The messages without a remedy and the remedies without a message.
pub(super) fn missing() -> Result<Vec<String>> {
    let page = std::fs::read_to_string(workspace::root().join(PAGE))
        .with_context(|| format!("cannot read {PAGE}"))?;
    let sources = files::with_endings(workspace::root(), &[".rs"])?;
    check(&page, &sources)
}

fn check(page: &str, sources: &[Source]) -> Result<Vec<String>> {
    let (_, section) =
        page.split_once(SECTION).with_context(|| format!("{PAGE} has no {}", SECTION.trim()))?;
    let section = section.split("\n## ").next().unwrap_or_default();
    let beginnings: Vec<&str> =
        section.lines().filter(|it| it.starts_with("| `")).flat_map(beginnings).collect();
    let messages: Vec<(&str, Vec<String>)> = sources
        .iter()
        .filter(|it| it.path.starts_with("crates/") || it.path.starts_with("bins/"))
        .filter(|it| !it.is_test() && !NOT_DEPLOYED.iter().any(|not| it.path.starts_with(not)))
        .flat_map(|it| calls(&it.text).map(|call| (it.path.as_str(), literals(call))))
        .collect();
    let unnamed = messages.iter().filter(|(_, texts)| {
        !texts.iter().any(|text| beginnings.iter().any(|beginning| text.starts_with(beginning)))
    });
    let unnamed = unnamed.map(|(path, texts)| format!("{path}: {PAGE} has no remedy for the line {texts:?}"));
    let gone = beginnings.iter().filter(|beginning| {
        !messages.iter().any(|(_, texts)| texts.iter().any(|text| text.starts_with(**beginning)))
    });
    let gone = gone.map(|it| format!("{PAGE}: no line of the log begins with `{it}`"));
    Ok(unnamed.chain(gone).collect())
}

/// What is in backticks in the first cell of a row, up to the part that differs from line to line.
fn beginnings(row: &str) -> impl Iterator<Item = &str> {
    let cell = row.trim_start_matches("| ").split(" | ").next().unwrap_or_default();
    cell.split('`').skip(1).step_by(2).filter_map(|it| it.split('…').next())
}

/// What follows each `warn!(` and `error!(`, outside of tests.
fn calls(source: &str) -> impl Iterator<Item = &str> {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    ["warn!(", "error!("].into_iter().flat_map(move |name| {
        source.match_indices(name).filter_map(move |(at, _)| {
            let (before, call) = source.split_at(at);
            let is_part = before.ends_with(|it: char| it.is_ascii_alphanumeric() || it == '_');
            (!is_part).then(|| call.strip_prefix(name)).flatten()
        })
    })
}

/// The texts in quotes up to the parenthesis that ends the call; a line that is continued is one.
fn literals(call: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut depth = 1_u32;
    let mut within: Option<String> = None;
    let mut chars = call.chars().peekable();
    while let Some(next) = chars.next() {
        match (&mut within, next) {
            (Some(_), '"') => texts.extend(within.take()),
            (Some(text), '\\') => match chars.next() {
                Some('\n') => while chars.next_if(|it| it.is_whitespace()).is_some() {},
                escaped => text.extend(escaped),
            },
            (Some(text), other) => text.push(other),
            (None, '"') => within = Some(String::new()),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, _) => {}
        }
        if depth == 0 {
            break;
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    //! A small page against small sources.

    use super::*;

    const SOURCE: &str = r#"
#[cfg(test)]
mod tests;

fn log() {
    tracing::warn!(error = %chain(")"), "the store is \
                   away ({why})");
    error!("the role {why} may too much");
    compile_error!("not of the log");
}
#[cfg(test)]
mod tests { fn log() { warn!("of a test"); } }
"#;

    fn faults(rows: &str) -> Vec<String> {
        let page = format!(
            "# Page\n\n## Lines of the log\n\n| message | do |\n|---|---|\n{rows}\n\n## Next\n\n| `x` | |\n"
        );
        let source = Source { path: "crates/a/src/b.rs".to_owned(), text: SOURCE.to_owned() };
        check(&page, &[source]).unwrap()
    }

    #[test]
    fn a_page_with_each_message_passes() {
        assert_eq!(faults("| `the store is away` | |\n| `the role …: x` | |"), Vec::<String>::new());
        assert_eq!(faults("| `the role`, `the store` | |"), Vec::<String>::new());
    }

    #[test]
    fn a_message_without_a_remedy_and_a_remedy_without_a_message_are_named() {
        let found = faults("| `the store is away` | |\n| `the index` | |");
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found.iter().any(|it| it.starts_with("crates/a/src/b.rs: ") && it.contains("the role {why}"))
        );
        assert!(found.iter().any(|it| it.ends_with("no line of the log begins with `the index`")));
    }
}
