//! The image: its last stage, built without a network from the service that the tests use, and the service started in it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use devstack::{ServiceOptions, ServiceProcess};
use serde_json::Value;

use super::commands::run;
use super::objects::{list, text};
use super::packages::{self, Unpacked};
use super::tools::{Tools, dir};
use crate::files;
use crate::progress::{Step, say};
use crate::stand::copy_model;
use crate::standing::Standing;

/// The packages with buildah and its libraries.
const BUILDAH: [&str; 3] = ["buildah", "libgpgme11", "libassuan0"];

/// The name of the image.
const TAG: &str = "data-storage:check";

/// The account of the service in the image.
const USER: &str = "65532:65532";

/// Every file of the image.
const FILES: [&str; 5] = [
    "datastorage",
    "etc/passwd",
    "etc/ssl/certs/ca-certificates.crt",
    "model/model.safetensors",
    "model/tokenizer.json",
];

/// The authorities of the system.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Checks the Dockerfile, builds its last stage, and starts the service in it. Where buildah cannot be had, says so.
pub(super) fn check(tools: &Tools, service: &Standing) -> Result<Vec<String>> {
    let step = Step::begin("image");
    let dockerfile = dir().join("Dockerfile");
    let mut faults = tools.hadolint(&dockerfile)?;
    let built = if rustix::process::geteuid().is_root() {
        packages::find("buildah", &BUILDAH)
    } else {
        Err(anyhow::anyhow!("images are built and started by root alone here"))
    };
    let buildah = match built {
        Ok(programs) => Buildah::new(programs, service.scratch())?,
        Err(error) => {
            say(&format!("SKIPPED: the image is neither built nor started: {error:#}"));
            return Ok(faults);
        }
    };
    let stage = first_stage(&dockerfile, service)?;
    buildah.build(&dockerfile, &stage)?;
    let image: Value = serde_json::from_str(&buildah.run(["inspect", "--type", "image", TAG])?)?;
    faults.extend(configuration(&image));
    let container = buildah.run(["from", "--pull-never", TAG])?;
    let root = PathBuf::from(buildah.run(["mount", container.trim()])?.trim());
    faults.extend(content(&root)?);
    let bytes = sizes(&root)?;
    start(&root, &image, service)?;
    // The size of the image, several times.
    fs::remove_dir_all(&buildah.store)?;
    step.done(format!("{} layers, {bytes}; the service is ready in it", layers(&image).len()));
    Ok(faults)
}

/// buildah with a store of its own, which nothing else on this machine sees.
struct Buildah {
    programs: Unpacked,
    store: PathBuf,
}

impl Buildah {
    fn new(programs: Unpacked, scratch: &Path) -> Result<Self> {
        let store = scratch.join("images");
        fs::create_dir_all(&store)?;
        fs::write(store.join("registries.conf"), "")?;
        fs::write(store.join("policy.json"), r#"{ "default": [{ "type": "insecureAcceptAnything" }] }"#)?;
        Ok(Self { programs, store })
    }

    /// Builds the last stage with the directory `stage` in the place of the first.
    fn build(&self, dockerfile: &Path, stage: &Path) -> Result<()> {
        let context = format!("builder={}", stage.display());
        let policy = self.store.join("policy.json").display().to_string();
        let (dockerfile, stage) = (dockerfile.display().to_string(), stage.display().to_string());
        self.run([
            "build",
            "--quiet",
            "--isolation",
            "chroot",
            "--layers",
            "--timestamp",
            "0",
            "--build-arg",
            "COMMIT=checked",
            "--signature-policy",
            &policy,
            "--build-context",
            &context,
            "--file",
            &dockerfile,
            "--tag",
            TAG,
            &stage,
        ])
        .map(drop)
    }

    fn run<const N: usize>(&self, arguments: [&str; N]) -> Result<String> {
        let mut command = self.programs.command("buildah");
        command
            .arg("--root")
            .arg(self.store.join("root"))
            .arg("--runroot")
            .arg(self.store.join("run"))
            .arg("--registries-conf")
            .arg(self.store.join("registries.conf"))
            .args(["--storage-driver", "vfs"])
            .args(arguments);
        run(&mut command, "")
    }
}

/// What the first stage of the Dockerfile leaves for the last one, with the service that the tests use.
fn first_stage(dockerfile: &Path, service: &Standing) -> Result<PathBuf> {
    let stage = service.scratch().join("stage");
    let out = stage.join("out");
    copy_model(&out.join("model"))?;
    fs::copy(service.service().bin(), out.join("datastorage"))?;
    fs::copy(AUTHORITIES, out.join("ca-certificates.crt"))
        .with_context(|| format!("{AUTHORITIES} is missing; install ca-certificates"))?;
    let steps = fs::read_to_string(dockerfile)?;
    let account = steps.split_once(" > /out/passwd").and_then(|(before, _)| before.rsplit('\'').nth(1));
    let account = account.context("the Dockerfile writes no /out/passwd")?;
    fs::write(out.join("passwd"), format!("{account}\n"))?;
    Ok(stage)
}

fn layers(image: &Value) -> &[Value] {
    list(image, "/OCIv1/rootfs/diff_ids")
}

/// What is wrong with the configuration of the image.
fn configuration(image: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let config = image.pointer("/OCIv1/config").unwrap_or(&Value::Null);
    if text(config, "/User") != Some(USER) {
        faults.push(format!("the image's user is not {USER}"));
    }
    for (pointer, expected) in [("/Entrypoint", "/datastorage"), ("/Cmd", "serve")] {
        if list(config, pointer) != [expected] {
            faults.push(format!("{pointer} of the image is not {expected} alone"));
        }
    }
    let labels = ["title", "description", "licenses", "revision"];
    let label =
        |it: &str| text(config, &format!("/Labels/org.opencontainers.image.{it}")).unwrap_or_default();
    faults.extend(
        labels.iter().filter(|it| label(it).is_empty()).map(|it| format!("the image has no label {it}")),
    );
    if label("revision") != "checked" {
        faults.push("the label revision is not the build argument COMMIT".to_owned());
    }
    let first = list(image, "/OCIv1/history")
        .iter()
        .find_map(|it| text(it, "/created_by").filter(|it| it.contains("COPY")));
    if layers(image).len() < 2 || !first.is_some_and(|it| it.contains(" in /model")) {
        faults.push("the model is no layer of its own before the binary".to_owned());
    }
    faults
}

/// Files that are missing, too many, or that the service could change.
fn content(root: &Path) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    let found: BTreeSet<_> = files::below(root)?.into_iter().collect();
    let expected: BTreeSet<_> = FILES.iter().map(PathBuf::from).collect();
    faults.extend(expected.difference(&found).map(|it| format!("the image lacks /{}", it.display())));
    faults.extend(
        found.difference(&expected).map(|it| format!("the image has /{}, which it needs not", it.display())),
    );
    for file in found.intersection(&expected) {
        let metadata = fs::metadata(root.join(file))?;
        if metadata.uid() != 0 || metadata.permissions().mode() & 0o022 != 0 {
            faults.push(format!("the service could change /{}", file.display()));
        }
    }
    Ok(faults)
}

/// The size of each file, in words.
fn sizes(root: &Path) -> Result<String> {
    let sizes = FILES.map(|it| Ok(format!("{it} {} kB", fs::metadata(root.join(it))?.len() / 1000)));
    Ok(sizes.into_iter().collect::<Result<Vec<_>>>()?.join(", "))
}

/// Starts the service in the image's directory as the image says, with the files that a container is given beside it, until
/// it is ready.
fn start(root: &Path, image: &Value, service: &Standing) -> Result<()> {
    give(root, Path::new("/etc/hosts"))?;
    for library in libraries(service.service().bin())? {
        give(root, &library)?;
    }
    let script = service.scratch().join("start");
    let command =
        format!("#!/bin/sh\nexec chroot --userspec={USER} '{}' /datastorage \"$@\"\n", root.display());
    fs::write(&script, command)?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    let variables = list(image, "/OCIv1/config/Env").iter().filter_map(|it| it.as_str()?.split_once('='));
    let options = ServiceOptions { bin: Some(script), ..ServiceOptions::default() };
    let options = variables.fold(options, |options, (name, value)| options.set(name, value));
    // By a name, which the service must be able to look up.
    let database = service.another_database("image")?.replace("127.0.0.1", "localhost");
    ServiceProcess::start(&database, options).map(drop).context("the service does not start in the image")
}

/// The libraries of a service that is not linked statically, as the tests' one is not.
fn libraries(bin: &Path) -> Result<Vec<PathBuf>> {
    let listed = Command::new("ldd").arg(bin).output().context("cannot run ldd")?;
    let listed = String::from_utf8(listed.stdout)?;
    let paths = listed.split_whitespace().filter(|it| it.starts_with('/'));
    Ok(paths.map(PathBuf::from).collect())
}

/// Copies a file of this machine into the same place of `root`.
fn give(root: &Path, file: &Path) -> Result<()> {
    let target = root.join(file.strip_prefix("/")?);
    fs::create_dir_all(target.parent().context("a file is in a directory")?)?;
    fs::copy(file, &target).with_context(|| format!("cannot copy {}", file.display())).map(drop)
}
