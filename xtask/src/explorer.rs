//! `cargo xtask vendor-ui`: the libraries of the explorer, copied into it, and the check that the page is sound.
//!
//! npm installs what `ui/package-lock.json` names, and refuses a package whose SHA-512 is not the one written there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::progress::say;
use crate::workspace;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Write nothing: compare the copies with the packages, and check the types of the page.
    #[arg(long)]
    check: bool,
}

/// A library as the page has it.
struct Library {
    package: &'static str,
    file: &'static str,
    copy: &'static str,
    licence: &'static str,
}

const LIBRARIES: [Library; 3] = [
    Library { package: "preact", file: "dist/preact.mjs", copy: "preact.mjs", licence: "MIT" },
    Library { package: "preact", file: "hooks/dist/hooks.mjs", copy: "hooks.mjs", licence: "MIT" },
    Library { package: "htm", file: "dist/htm.mjs", copy: "htm.mjs", licence: "Apache-2.0" },
];

/// Copies the libraries, or checks the copies and the page.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let (ui, packages) = (workspace::root().join("ui"), install()?);
    let mut files =
        LIBRARIES.iter().map(|it| Ok((it.copy, copy_of(&packages, it)?))).collect::<Result<Vec<_>>>()?;
    files.push(("README.md", readme(&packages)?));
    for (name, text) in files {
        let path = ui.join(name);
        if !arguments.check {
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        } else if fs::read_to_string(&path).unwrap_or_default() != text {
            bail!("ui/{name} is not what its package has: run `cargo xtask vendor-ui`");
        }
    }
    if arguments.check { check_types(&packages) } else { Ok(()) }
}

/// Has npm install the packages under `target/npm`; where they are.
fn install() -> Result<PathBuf> {
    let directory = workspace::root().join("target/npm");
    fs::create_dir_all(&directory)?;
    for name in ["package.json", "package-lock.json"] {
        fs::copy(workspace::root().join("ui").join(name), directory.join(name))?;
    }
    run_program(
        Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(&directory),
    )?;
    Ok(directory.join("node_modules"))
}

/// A library with its imports as the page has them: next to it.
fn copy_of(packages: &Path, library: &Library) -> Result<String> {
    let path = packages.join(library.package).join(library.file);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines = text.lines().filter(|line| !line.starts_with("//# sourceMappingURL"));
    Ok(lines.collect::<Vec<_>>().join("\n").replace("from\"preact\"", "from\"./preact.mjs\"") + "\n")
}

fn readme(packages: &Path) -> Result<String> {
    let mut text = "# The explorer\n\nThe page that the service shows under `/ui`. Its files are served as they are written: nothing builds them.\n\n\
                    `cargo xtask vendor-ui` writes this page and copies these libraries, as `package.json` and\n\
                    `package-lock.json` name them. Run it only to take another version.\n\n\
                    | file | package | version | licence |\n|---|---|---|---|\n"
        .to_owned();
    for library in &LIBRARIES {
        let path = packages.join(library.package).join("package.json");
        let about: Value = serde_json::from_str(&fs::read_to_string(path)?)?;
        let version = about.get("version").and_then(Value::as_str).context("a package without a version")?;
        text += &format!("| {} | {} | {version} | {} |\n", library.copy, library.package, library.licence);
    }
    Ok(text)
}

/// Checks the types of the page, with those of the API as its description has them.
fn check_types(packages: &Path) -> Result<()> {
    let root = workspace::root();
    let node = |program: &str| {
        let mut command = Command::new("node");
        command.arg(packages.join(program)).current_dir(root);
        command
    };
    run_program(node("openapi-typescript/bin/cli.js").args([
        "docs/openapi.json",
        "--output",
        "target/npm/api.d.ts",
    ]))?;
    run_program(node("typescript/bin/tsc").args(["--project", "ui"]))?;
    say("the explorer's types are sound");
    Ok(())
}

fn run_program(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| {
        format!("cannot run {}: install Node with npm", command.get_program().to_string_lossy())
    })?;
    ensure!(status.success(), "{} failed", command.get_program().to_string_lossy());
    Ok(())
}
