//! Messages to the user during a run.

/// Writes one line to standard error.
#[expect(clippy::print_stderr, reason = "a command line tool speaks to its user here")]
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}

/// Writes one line to standard output: what the command was asked for.
#[expect(clippy::print_stdout, reason = "a command line tool answers its user here")]
pub(crate) fn answer(line: &str) {
    println!("{line}");
}
