//! Finds where source files name requirements.

use crate::files::Source;

/// A place that names a requirement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mention {
    /// The id, as in the catalogue.
    pub(super) id: String,
    /// The file, from the root.
    pub(super) path: String,
    /// The test, when a test names it; `None` when other code does.
    pub(super) test: Option<String>,
}

/// How requirements are named in documentation.
const REQUIREMENT: &str = "BR-STORAGE-";

/// Every mention in `source`. A test counts when its documentation or its name has the id (`BR-STORAGE-007`, `F07`; in
/// names `br_storage_007`, or `f07_` in front).
pub(super) fn mentions(source: &Source) -> Vec<Mention> {
    let mut found = Vec::new();
    let (mut ids, mut is_test) = (Vec::new(), false);
    for line in source.text.lines().map(str::trim) {
        if let Some(doc) = line.strip_prefix("//!").or_else(|| line.strip_prefix("///")) {
            ids.extend(ids_in(doc));
            if line.starts_with("//!") {
                found.extend(mentioned(&mut ids, source, None));
            }
        } else if line.starts_with("#[") {
            is_test |= is_test_attribute(line);
        } else if let Some(name) = function_name(line).filter(|_| is_test) {
            ids.extend(ids_in_name(name));
            found.extend(mentioned(&mut ids, source, Some(name)));
            is_test = false;
        } else if !line.is_empty() && !line.starts_with("//") {
            found.extend(mentioned(&mut ids, source, None));
            is_test = false;
        }
    }
    found
}

fn mentioned(ids: &mut Vec<String>, source: &Source, test: Option<&str>) -> Vec<Mention> {
    let mention = |id| Mention { id, path: source.path.clone(), test: test.map(str::to_owned) };
    ids.drain(..).map(mention).collect()
}

fn is_test_attribute(line: &str) -> bool {
    let name = line.trim_start_matches("#[").split([']', '(']).next().unwrap_or_default();
    name == "test" || name.ends_with("::test")
}

/// The name of the function that `line` begins, if it does.
fn function_name(line: &str) -> Option<&str> {
    let start = line.trim_start_matches("pub ").trim_start_matches("async ");
    start.strip_prefix("fn ")?.split(['(', '<']).next()
}

fn ids_in(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter_map(id).collect()
}

/// `word` as an id, if it has the form of one.
fn id(word: &str) -> Option<String> {
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|it| it.is_ascii_digit());
    let requirement = word.strip_prefix(REQUIREMENT).is_some_and(|number| digits(number, 3));
    let failure = word.strip_prefix('F').is_some_and(|number| digits(number, 2));
    (requirement || failure).then(|| word.to_owned())
}

fn ids_in_name(name: &str) -> Vec<String> {
    let upper = name.to_ascii_uppercase().replace('_', "-");
    let failure = upper.split('-').next().and_then(id);
    let requirements = upper.match_indices(REQUIREMENT).filter_map(|(at, _)| {
        let word = upper.get(at..at + REQUIREMENT.len() + 3)?;
        id(word)
    });
    failure.into_iter().chain(requirements).collect()
}

#[cfg(test)]
mod tests {
    //! Tests for finding mentions.

    use super::{Mention, Source, mentions};

    fn found(text: &str) -> Vec<(String, Option<String>)> {
        let source = Source { path: "a.rs".to_owned(), text: text.to_owned() };
        mentions(&source).into_iter().map(|Mention { id, test, .. }| (id, test)).collect()
    }

    fn pair(id: &str, test: Option<&str>) -> (String, Option<String>) {
        (id.to_owned(), test.map(str::to_owned))
    }

    #[test]
    fn tests_are_told_from_other_code() {
        // The ids are put together here, so that this file names none.
        let (one, two, failure) =
            ("BR-STORAGE-".to_owned() + "901", "BR-STORAGE-".to_owned() + "902", "F".to_owned() + "91");
        for (text, expected) in [
            (
                format!("/// Proves `{one}` ({failure}).\n/// More: {two}.\n#[test]\nfn holds() {{}}\n"),
                vec![pair(&one, Some("holds")), pair(&failure, Some("holds")), pair(&two, Some("holds"))],
            ),
            (
                format!("    #[tokio::test(flavor = \"x\")]\n    /// {one}\n    async fn later() {{}}\n"),
                vec![pair(&one, Some("later"))],
            ),
            (format!("//! {one}\n\nfn x() {{}}\n"), vec![pair(&one, None)]),
            (format!("/// {one}\nfn code() {{}}\n#[test]\nfn other() {{}}\n"), vec![pair(&one, None)]),
            (format!("/// {one}\npub struct X;\n"), vec![pair(&one, None)]),
            (format!("// {one}\n#[test]\nfn x() {{}}\n"), vec![]),
            (
                "#[test]\nfn br_storage_901_and_br_storage_902() {}\n".to_owned(),
                vec![
                    pair(&one, Some("br_storage_901_and_br_storage_902")),
                    pair(&two, Some("br_storage_901_and_br_storage_902")),
                ],
            ),
            (
                "#[test]\nfn f91_is_ruled_out() {}\n".to_owned(),
                vec![pair(&failure, Some("f91_is_ruled_out"))],
            ),
            ("#[test]\nfn reads_f91_values() {}\n".to_owned(), vec![]),
            (format!("/// {one}4 {failure}2 x{failure}\n#[test]\nfn x() {{}}\n"), vec![]),
        ] {
            assert_eq!(found(&text), expected, "{text}");
        }
    }
}
