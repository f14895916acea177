//! Rules for the files of the project.

use crate::files::Source;

/// Longest source file, in lines; tests and the table definitions may be longer.
const LINES_MAX: usize = 400;

/// Texts that no file may have, with the reason. They are written in two halves, so that this file passes.
const FORBIDDEN: &[(&str, &str)] = &[
    (concat!("TO", "DO"), "do it, or open an issue"),
    (concat!("FIX", "ME"), "fix it, or open an issue"),
    (concat!("/ro", "ot/"), "is a path of one machine"),
    (concat!("/wo", "rk/"), "is a path of one machine"),
    (concat!("/Us", "ers/"), "is a path of one machine"),
    (concat!("/ho", "me/"), "is a path of one machine"),
    (concat!("crates", ".io"), "is a host name of a package registry"),
    (concat!("pypi", ".org"), "is a host name of a package registry"),
    (concat!("python", "hosted.org"), "is a host name of a package registry"),
    (concat!("npmjs", "."), "is a host name of a package registry"),
    (concat!("<<<<", "<<< "), "is left over from a merge: keep one side"),
    (concat!(">>>>", ">>> "), "is left over from a merge: keep one side"),
];

/// Words that leave open who is meant, or that take two readings, with the reason. In two halves as well.
const UNCLEAR: &[(&str, &str)] = &[
    (concat!("no", "body"), "leaves open who: name the subject, as in \"no caller\""),
    (concat!("who", "ever"), "leaves open who: name the subject, as in \"a client that\""),
    (concat!("every", "body"), "leaves open who: name the subject, as in \"all callers\""),
    (concat!("such ", "as are"), "takes two readings: say \"those that are\""),
    (concat!("be ", "it"), "takes two readings: name both cases"),
];

/// Endings of the files that people read as text.
const READ_BY_PEOPLE: [&str; 3] = [".rs", ".md", ".toml"];

/// Everything that is wrong with `source`.
pub(super) fn check(source: &Source) -> Vec<String> {
    let mut faults = forbidden_words(source);
    if READ_BY_PEOPLE.iter().any(|ending| source.path.ends_with(ending)) {
        faults.extend(unclear_words(source));
    }
    if source.path.ends_with(".rs") {
        faults.extend(begins_without_doc(source));
        faults.extend(is_too_long(source));
        faults.extend(has_statements(source));
    }
    if source.path.ends_with("Cargo.toml") {
        faults.extend(relaxes_lints(source));
        faults.extend(allows_unsafe(source));
    }
    faults
}

fn forbidden_words(source: &Source) -> Vec<String> {
    let lines = source.text.lines().enumerate();
    lines
        .flat_map(|(number, line)| {
            let found = FORBIDDEN.iter().filter(move |(word, _)| line.contains(word));
            found.map(move |(word, why)| format!("{}:{}: `{word}` {why}", source.path, number + 1))
        })
        .collect()
}

fn unclear_words(source: &Source) -> Vec<String> {
    let lines = source.text.lines().map(str::to_lowercase).enumerate();
    lines
        .flat_map(|(number, line)| {
            let found = UNCLEAR.iter().filter(move |(words, _)| says(&line, words));
            found.map(move |(words, why)| format!("{}:{}: `{words}` {why}", source.path, number + 1))
        })
        .collect()
}

/// Whether a line has these words in a sentence. In an address, a query or quotes of its own, a word is a name.
fn says(line: &str, words: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || "_@=/".contains(c);
    line.split(words).collect::<Vec<_>>().windows(2).any(|sides| {
        let [before, after] = sides else { return false };
        let is_quoted = before.ends_with('"') && after.starts_with('"');
        let is_joined = before.ends_with(joins) || after.starts_with(joins);
        let is_in_a_list = after.starts_with(':') && !after.starts_with(": ") || before.ends_with(':');
        !is_quoted && !is_joined && !is_in_a_list
    })
}

fn begins_without_doc(source: &Source) -> Option<String> {
    (!source.text.starts_with("//!"))
        .then(|| format!("{}:1: begin the file with `//!` and its purpose", source.path))
}

fn is_too_long(source: &Source) -> Option<String> {
    let exempt = source.is_test() || source.path.ends_with("/schema.rs");
    let lines = source.text.lines().count();
    (!exempt && lines > LINES_MAX).then(|| {
        format!("{}: {lines} lines, and the limit is {LINES_MAX}: split the file by purpose", source.path)
    })
}

/// The crates whose statements of fixed text are files, each of which a test has PostgreSQL prepare.
const STATEMENTS_IN_FILES: [&str; 2] = ["crates/storage-dualwrite/src/", "crates/storage-schema/src/"];

fn has_statements(source: &Source) -> Vec<String> {
    if source.is_test() || !STATEMENTS_IN_FILES.iter().any(|crate_| source.path.starts_with(crate_)) {
        return Vec::new();
    }
    let calls = source.text.lines().enumerate().filter(|(_, line)| line.contains("sql_query("));
    calls
        .map(|(number, _)| {
            format!(
                "{}:{}: put the statement into a file of the folder sql and define it with `statement!`",
                source.path,
                number + 1
            )
        })
        .collect()
}

/// A package's manifest must take the workspace's lints; the workspace's own manifest is where they are.
fn relaxes_lints(source: &Source) -> Option<String> {
    let takes_them = section(&source.text, "[lints]").any(|line| line == "workspace = true");
    let is_package = source.text.lines().any(|line| line.trim() == "[package]");
    (is_package && !takes_them).then(|| {
        format!("{}: add `[lints] workspace = true`, without which the package is not checked", source.path)
    })
}

/// Every workspace must forbid unsafe code; with [`relaxes_lints`], every package then does.
fn allows_unsafe(source: &Source) -> Option<String> {
    let forbids =
        section(&source.text, "[workspace.lints.rust]").any(|line| line == "unsafe_code = \"forbid\"");
    let is_workspace = source.text.lines().any(|line| line.trim() == "[workspace]");
    (is_workspace && !forbids)
        .then(|| format!("{}: add `unsafe_code = \"forbid\"` to `[workspace.lints.rust]`", source.path))
}

/// The lines of one section of a TOML file, trimmed.
fn section<'a>(text: &'a str, header: &str) -> impl Iterator<Item = &'a str> {
    let lines = text.lines().map(str::trim).skip_while(move |line| *line != header).skip(1);
    lines.take_while(|line| !line.starts_with('['))
}

#[cfg(test)]
mod tests {
    //! Tests for the file checks: each one finds its bad example.

    use super::{LINES_MAX, Source, check};

    fn faults(path: &str, text: &str) -> Vec<String> {
        check(&Source { path: path.to_owned(), text: text.to_owned() })
    }

    #[test]
    fn good_files_pass() {
        let long = format!("//! x\n{}", "\n".repeat(LINES_MAX));
        for (path, text) in [
            ("crates/a/src/lib.rs", "//! What it is.\nfn main() {}\n"),
            ("crates/a/src/b/tests.rs", &long),
            ("tests/it/main.rs", &long),
            ("crates/storage-models/src/schema.rs", &long),
            (
                "a.md",
                concat!(
                    "`who",
                    "ever_asks` of postgres://no",
                    "body@h?x=no",
                    "body, \"no",
                    "body\" maybe it\n"
                ),
            ),
            ("Cargo.toml", "[workspace]\nmembers = []\n[workspace.lints.rust]\nunsafe_code = \"forbid\"\n"),
            ("a/Cargo.toml", "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n\n[dependencies]\n"),
        ] {
            assert_eq!(faults(path, text), Vec::<String>::new(), "{path}");
        }
    }

    #[test]
    fn each_kind_of_bad_file_is_found() {
        let long = format!("//! x\n{}", "\n".repeat(LINES_MAX));
        for (path, text, expected) in [
            ("a.rs", "use x;\n", "a.rs:1: begin the file with"),
            ("a/src/b.rs", &long, "a/src/b.rs: 401 lines"),
            (
                "crates/storage-schema/src/a.rs",
                "//! x\nlet rows = sql_query(\"SELECT 1\");\n",
                "crates/storage-schema/src/a.rs:2: put the statement",
            ),
            ("a/Cargo.toml", "[package]\n[lints]\n[x]\nworkspace = true\n", "a/Cargo.toml: add `[lints]"),
            ("a/Cargo.toml", "[workspace]\n[workspace.lints.rust]\n", "a/Cargo.toml: add `unsafe_code"),
            (
                "b/Cargo.toml",
                "[workspace]\n[x]\nunsafe_code = \"forbid\"\n",
                "b/Cargo.toml: add `unsafe_code",
            ),
            ("a.md", &format!("x\nsee {}{}\n", "/ro", "ot/x"), "a.md:2: `/root"),
            ("a.md", &format!("x\n{}{} HEAD\n", "<<<<", "<<<"), "a.md:2: `<<<<"),
            ("a.md", concat!("x\nWho", "ever asks.\n"), "a.md:2: `who"),
            ("a.rs", concat!("//! x\n// for every", "body: it\n"), "a.rs:2: `every"),
            ("a/b.toml", concat!("# cut, be ", "it here\n"), "a/b.toml:1: `be"),
            ("a.sql", &format!("-- {}{}: x\n", "TO", "DO"), "a.sql:1: `TO"),
            ("a.sh", &format!("curl https://{}{}/x\n", "crates", ".io"), "a.sh:1: `crates"),
        ] {
            let found = faults(path, text);
            assert_eq!(found.len(), 1, "{path}: {found:?}");
            assert!(found[0].starts_with(expected), "{path}: {found:?}");
        }
    }
}
