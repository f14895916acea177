//! The command line against its own examples and against the documents.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Command, CommandFactory as _, Parser as _};

use super::Arguments;

#[test]
fn the_command_line_is_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn flags_may_follow_the_command_and_become_settings() {
    let arguments =
        Arguments::parse_from(["datastorage", "serve", "--db-host", "h", "--addr", "127.0.0.1:1"]);
    let sources = arguments.settings.sources();
    let flags: Vec<_> = sources.flags.iter().map(|flag| (flag.key, flag.value.as_str())).collect();
    assert_eq!(flags, [("database.host", "h"), ("server.addr", "127.0.0.1:1")]);
}

#[test]
fn a_retry_names_records_or_says_all() {
    let parses = |arguments: &[&str]| Arguments::try_parse_from(arguments).is_ok();
    assert!(parses(&["datastorage", "outbox", "retry", "1", "2"]));
    assert!(parses(&["datastorage", "outbox", "retry", "--all"]));
    assert!(!parses(&["datastorage", "outbox", "retry"]));
    assert!(!parses(&["datastorage", "outbox", "retry", "1", "--all"]));
}

/// Every command with its path, without the program and the `help` that clap adds.
fn commands() -> Vec<(Vec<String>, Command)> {
    fn walk(path: &[String], command: &Command, found: &mut Vec<(Vec<String>, Command)>) {
        for child in command.get_subcommands().filter(|it| it.get_name() != "help") {
            let path = [path, &[child.get_name().to_owned()]].concat();
            walk(&path, child, found);
            found.push((path, child.clone()));
        }
    }
    let mut found = Vec::new();
    walk(&[], &Arguments::command(), &mut found);
    found
}

/// The words of a command line that runs the program: without settings in front of it and what the shell does with the
/// output behind it.
fn words(line: &str) -> Option<Vec<&str>> {
    let is_setting = |word: &&str| word.contains('=') && !word.starts_with('-');
    let words: Vec<_> = line.split_whitespace().skip_while(is_setting).collect();
    let is_end = |word: &&str| !matches!(*word, ">" | "|" | "#" | "…");
    (words.first() == Some(&"datastorage")).then(|| words.into_iter().take_while(is_end).collect())
}

fn parses(words: &[&str]) -> Result<Arguments, clap::Error> {
    Arguments::try_parse_from(words)
}

#[test]
fn the_help_of_every_command_ends_with_examples_that_run_it() {
    let commands = commands();
    assert!(commands.len() > 15, "{}", commands.len());
    for (path, command) in commands {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let (heading, examples) = help.split_once('\n').unwrap_or_default();
        assert!(matches!(heading, "Example:" | "Examples:"), "{path:?}: {help}");
        for example in examples.lines() {
            let words = words(example).unwrap_or_else(|| panic!("{path:?}: {example}"));
            let named: Vec<_> = words.iter().skip(1).take(path.len()).copied().collect();
            assert_eq!(named, path, "{example}");
            parses(&words).unwrap_or_else(|error| panic!("{example}: {error}"));
        }
    }
}

#[test]
fn the_examples_of_the_program_can_be_run() {
    let help = Arguments::command().get_after_help().unwrap().to_string();
    let (examples, _) = help.split_once("\n\n").unwrap();
    let lines: Vec<_> = examples.lines().skip(1).collect();
    assert!(lines.len() > 5, "{examples}");
    for line in lines {
        parses(&words(line).unwrap()).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}

/// Each flag that stands for a setting names one that docs/settings.md describes.
#[test]
fn flags_name_settings_that_the_documents_describe() {
    let settings = include_str!("../../../../docs/settings.md");
    let command = Arguments::command();
    let helps: Vec<_> = command.get_arguments().filter_map(|it| Some(it.get_help()?.to_string())).collect();
    let named: Vec<_> = helps
        .iter()
        .filter_map(|help| help.split_once('[')?.1.split_once(']'))
        .map(|(setting, _)| setting)
        .collect();
    assert!(named.len() > 8, "{helps:?}");
    for setting in named {
        assert!(settings.contains(&format!("| `{setting}` |")), "{setting}");
    }
}

/// The files of `docs/` and the README.
fn documents() -> Vec<PathBuf> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|it| it == "md") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = vec![root.join("README.md")];
    walk(&root.join("docs"), &mut found);
    found
}

/// Each command line of the program in a block of the documents, and each within a sentence that names a command of two
/// words or a flag.
fn mentions(page: &str) -> BTreeSet<String> {
    let page = page.replace("\\\n", " ");
    let blocks = page.split("```").skip(1).step_by(2).flat_map(str::lines);
    let sentences = page.split("```").step_by(2).flat_map(|it| it.split('`').skip(1).step_by(2));
    let sentences =
        sentences.filter(|it| it.starts_with("datastorage ") && it.split_whitespace().count() > 2);
    blocks.chain(sentences).filter(|it| words(it).is_some()).map(str::to_owned).collect()
}

/// A sentence may name a command without what the command requires.
#[test]
fn the_commands_of_the_documents_can_be_run() {
    let mut found = 0;
    for file in documents() {
        for mention in mentions(&std::fs::read_to_string(&file).unwrap()) {
            found += 1;
            if let Err(error) = parses(&words(&mention).unwrap()) {
                let is_incomplete = error.kind() == ErrorKind::MissingRequiredArgument;
                assert!(is_incomplete, "{}: {mention}: {error}", file.display());
            }
        }
    }
    assert!(found > 15, "{found}");
}
