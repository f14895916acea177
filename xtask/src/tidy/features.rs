//! Checks that each third-party crate has the same features in every build, so that it is compiled once.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};

use crate::cargo::cargo;

/// The members that are built without tests.
const PROGRAMS: &[&str] = &["datastorage", "storage-bench", "storage-soak", "xtask"];

/// The package that names the features. It is never built alone.
const FEATURES: &str = "storage-features";

/// Dependencies that are looked at, of a program and of tests.
struct View {
    program: &'static str,
    tests: &'static str,
}

/// What runs; and that together with what the build itself runs, where a crate may have other features.
const VIEWS: &[View] = &[
    View { program: "normal,no-proc-macro", tests: "normal,dev,no-proc-macro" },
    View { program: "normal,build", tests: "normal,build,dev" },
];

/// Crates and the features that are chosen for each of them.
type Choice = BTreeSet<(String, String)>;

/// Every crate that has other features when a member is built than when the whole workspace is.
pub(super) fn check(members: &BTreeSet<&str>) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for view in VIEWS {
        let whole = choice(&["--workspace"], view.tests, members)?;
        let tested = members.iter().filter(|it| **it != FEATURES).map(|it| (*it, view.tests));
        for (member, edges) in tested.chain(PROGRAMS.iter().map(|it| (*it, view.program))) {
            faults.extend(compare(&whole, &choice(&["--package", member], edges, members)?, member));
        }
    }
    Ok(faults)
}

/// What cargo chooses for the selected packages, their `edges` included; without the workspace's own `members`.
fn choice(selection: &[&str], edges: &str, members: &BTreeSet<&str>) -> Result<Choice> {
    let mut tree = cargo();
    // Unstable, and would choose the same for all.
    tree.env_remove("CARGO_RESOLVER_FEATURE_UNIFICATION");
    tree.args(["tree", "--locked", "--prefix", "none", "--format", "{p}|{f}", "--edges", edges]);
    let output = tree.args(selection).output().context("cannot run cargo")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cannot read the features of {selection:?}\n{said}");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(lines.lines().filter_map(chosen).filter(|(name, _)| !is_one_of(members, name)).collect())
}

/// A crate and its features, from a line `NAME VERSION (NOTE)|FEATURES (*)`.
fn chosen(line: &str) -> Option<(String, String)> {
    let (package, features) = line.split_once('|')?;
    let mut words = package.split(' ');
    let name = format!("{} {}", words.next()?, words.next()?);
    Some((name, features.trim_end_matches(" (*)").to_owned()))
}

fn is_one_of(members: &BTreeSet<&str>, name: &str) -> bool {
    name.split(' ').next().is_some_and(|name| members.contains(name))
}

fn compare(whole: &Choice, part: &Choice, member: &str) -> Vec<String> {
    let others = part.difference(whole);
    let faults = others.map(|(name, features)| {
        let elsewhere = whole.iter().filter(|(other, _)| other == name).map(|(_, it)| format!("[{it}]"));
        let elsewhere = elsewhere.collect::<Vec<_>>().join(" or ");
        format!(
            "{name} has the features [{features}] for {member} and {elsewhere} for the workspace, so it is compiled \
             twice: add the missing features to crates/features/Cargo.toml"
        )
    });
    faults.collect()
}

#[cfg(test)]
mod tests {
    //! Tests for the comparison.

    use super::{Choice, chosen, compare};

    fn choice(lines: &[&str]) -> Choice {
        lines.iter().filter_map(|line| chosen(line)).collect()
    }

    #[test]
    fn a_crate_with_other_features_is_named_with_both() {
        let whole =
            choice(&["serde v1.0.1|alloc,std", "serde v1.0.1|std (*)", "syn v3.0.0 (proc-macro)|full"]);
        assert_eq!(compare(&whole, &choice(&["serde v1.0.1|std", "syn v3.0.0|full (*)"]), "x"), [""; 0]);
        let faults = compare(&whole, &choice(&["serde v1.0.1|alloc", "syn v3.0.0|full"]), "x");
        assert_eq!(faults.len(), 1, "{faults:?}");
        let begins = "serde v1.0.1 has the features [alloc] for x and [alloc,std] or [std] for the workspace";
        assert!(faults[0].starts_with(begins), "{faults:?}");
    }
}
