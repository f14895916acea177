//! Where things are in the checkout, and how cargo is called.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use storage_testkit::DevelopmentDir;
use tokio::process::Command;

/// The checkout's root directory.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// `.dev` in the checkout: state and environment of the stack, wherever its data is.
pub(crate) fn public_dir() -> PathBuf {
    root().join(".dev")
}

/// The directory for everything that is fetched or made, with a word when it is not where one would look.
pub(crate) fn development_dir() -> Result<DevelopmentDir> {
    let dir = DevelopmentDir::prepare(&public_dir())?;
    if let Some(wanted) = dir.instead_of() {
        crate::progress::say(&format!(
            "the account PostgreSQL runs under cannot reach {}; using {} instead",
            wanted.display(),
            dir.path().display()
        ));
    }
    Ok(dir)
}

/// The cargo that runs this task, in the checkout.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    // What cargo says of this task to this task. Build scripts that look at it (ring's) would run again for every cargo
    // that is called directly or by a task after the other, and all that depends on them be built anew.
    let about_this_task = |name: &str| {
        name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "OUT_DIR"
    };
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(about_this_task) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Builds the service and returns the path of its binary.
pub(crate) async fn build_service(release: bool) -> Result<PathBuf> {
    // `--workspace` makes cargo choose the features it chooses for the tests, so nothing is built twice.
    let mut build = cargo();
    build.args(["build", "--workspace", "--bin", "datastorage", "--message-format=json-render-diagnostics"]);
    if release {
        build.arg("--release");
    }
    build.stdout(std::process::Stdio::piped()).kill_on_drop(true);
    let output = build.spawn().context("cannot run cargo")?.wait_with_output().await?;
    if !output.status.success() {
        bail!("the service does not build");
    }
    cargo_metadata::Message::parse_stream(output.stdout.as_slice())
        .filter_map(|message| match message {
            Ok(cargo_metadata::Message::CompilerArtifact(artifact)) => artifact.executable,
            _ => None,
        })
        .find(|path| path.file_name() == Some("datastorage"))
        .map(Into::into)
        .context("cargo built no binary called datastorage")
}
