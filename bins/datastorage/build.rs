//! Names the commit that is built: from the variable `DATASTORAGE_COMMIT`, as an image's build sets it, else from git.

use std::path::Path;
use std::process::Command;

/// The variable that names the commit, here and in the code.
const VARIABLE: &str = "DATASTORAGE_COMMIT";

/// Digits of the commit that are shown.
const DIGITS: usize = 12;

fn main() {
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    println!("cargo::rerun-if-changed=build.rs");
    let given = std::env::var(VARIABLE).ok().filter(|it| !it.is_empty());
    let commit = given.or_else(checked_out).unwrap_or_else(|| "unknown".to_owned());
    let shown: String = commit.chars().take(DIGITS).collect();
    println!("cargo::rustc-env={VARIABLE}={shown}");
}

/// The commit that is checked out; `None` outside a checkout. Cargo runs this again when the commit changes.
fn checked_out() -> Option<String> {
    for name in ["HEAD", "logs/HEAD"] {
        let file = git(&["rev-parse", "--git-path", name])?;
        if Path::new(&file).exists() {
            println!("cargo::rerun-if-changed={file}");
        }
    }
    git(&["rev-parse", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| said.trim().to_owned())
}
