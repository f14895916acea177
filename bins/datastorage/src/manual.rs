//! `datastorage man` and `datastorage completions`: what is installed beside the program, made from its command line.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::command_line::{Arguments, VERSION};
use crate::failure::Failure;

/// The name of the program.
const NAME: &str = "datastorage";

/// The command line is wrong.
const USAGE: u8 = 2;

/// Prints the manual page of the command with this path, which is the program's own when it is empty.
pub(crate) fn man(path: &[String]) -> Result<ExitCode, Failure> {
    let Some(command) = find(path) else {
        let error = anyhow!("there is no command `{}`; `{NAME} --help` lists the commands", path.join(" "));
        return Err(Failure::with_code(error.as_ref(), USAGE));
    };
    print(&page(command).context("cannot make the page")?)
}

/// Prints what `shell` needs to complete the program's commands and flags.
pub(crate) fn completions(shell: Shell) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), NAME, &mut script);
    print(&script)
}

fn print(bytes: &[u8]) -> Result<ExitCode, Failure> {
    std::io::stdout().lock().write_all(bytes).context("cannot write")?;
    Ok(ExitCode::SUCCESS)
}

fn find(path: &[String]) -> Option<Command> {
    let mut program = Arguments::command().disable_help_subcommand(true);
    // Gives each command its full name and the flags that all commands take.
    program.build();
    let found = path.iter().try_fold(&program, |command, name| command.find_subcommand(name))?;
    Some(found.clone())
}

fn page(command: Command) -> std::io::Result<Vec<u8>> {
    let has_commands = command.has_subcommands();
    let last = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let (man, mut page) = (Man::new(command).source(format!("{NAME} {VERSION}")), Vec::new());
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if has_commands {
        man.render_subcommands_section(&mut page)?;
    }
    closing(&last).to_writer(&mut page)?;
    man.render_version_section(&mut page)?;
    Ok(page)
}

/// The paragraphs that close the help, each as a section, line by line. `Man` would fill the lines of examples.
fn closing(help: &str) -> Roff {
    let mut roff = Roff::new();
    for paragraph in help.split("\n\n") {
        let (heading, text) = paragraph.split_once('\n').unwrap_or((paragraph, ""));
        roff.control("SH", [heading.trim_end_matches(':').to_uppercase().as_str()]);
        roff.control("nf", []);
        for line in text.lines() {
            roff.text([roman(line)]);
        }
        roff.control("fi", []);
    }
    roff
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every command of the program, by its path.
    fn paths() -> Vec<Vec<String>> {
        let mut paths = vec![Vec::new()];
        let mut next = 0;
        while let Some(path) = paths.get(next).cloned() {
            let command = find(&path).unwrap();
            let children =
                command.get_subcommands().map(|it| [&path[..], &[it.get_name().to_owned()]].concat());
            paths.extend(children);
            next += 1;
        }
        paths
    }

    /// As man(1) shows it, roughly: without what escapes a hyphen, a dot or an apostrophe.
    fn shown(command: Command) -> String {
        let page = String::from_utf8(page(command).unwrap()).unwrap();
        page.replace("\\*(Aq", "'")
            .replace("\\&", "")
            .replace("\\fB", "")
            .replace("\\fR", "")
            .replace('\\', "")
    }

    #[test]
    fn the_page_of_a_command_has_its_flags_and_its_examples() {
        let paths = paths();
        assert!(paths.len() > 15, "{paths:?}");
        for path in paths {
            let command = find(&path).unwrap();
            let page = shown(command.clone());
            let name = [&[NAME.to_owned()], &path[..]].concat().join("-");
            assert!(page.contains(&format!(".TH {name} ")), "{name}: {page}");
            for flag in command.get_arguments().filter_map(clap::Arg::get_long) {
                assert!(page.contains(&format!("--{flag}")), "{name} lacks --{flag}: {page}");
            }
            for line in command.get_after_help().unwrap().to_string().lines().filter(|it| it.starts_with(' '))
            {
                assert!(page.contains(line), "{name} lacks {line}: {page}");
            }
        }
    }

    #[test]
    fn there_is_no_page_of_a_command_that_is_not() {
        assert!(find(&["outbox".to_owned(), "rety".to_owned()]).is_none());
    }

    #[test]
    fn completions_name_every_command() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), NAME, &mut script);
            let script = String::from_utf8(script).unwrap();
            for path in paths().iter().filter_map(|it| it.last()) {
                assert!(script.contains(path.as_str()), "{shell}: {path}");
            }
        }
    }
}
