//! The normal dependencies between packages.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::cargo::cargo;

/// The used part of the output of `cargo metadata`.
#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Debug, Deserialize)]
struct Package {
    id: String,
    name: String,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Debug, Deserialize)]
struct DependencyKind {
    /// `dev` or `build`; none for a normal one.
    kind: Option<String>,
}

/// The packages of a build and their normal dependencies. Several versions of a package are several nodes.
#[derive(Debug, Default)]
pub(super) struct Graph {
    names: BTreeMap<String, String>,
    edges: BTreeMap<String, BTreeSet<String>>,
    members: BTreeSet<String>,
}

impl Graph {
    /// The graph that cargo resolves for the workspace, with all features.
    pub(super) fn of_workspace() -> Result<Self> {
        let mut metadata = cargo();
        metadata.args(["metadata", "--format-version", "1", "--all-features", "--locked"]);
        let output = metadata.output().context("cannot run cargo")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "cannot read the dependency graph; check that Cargo.lock is up to date\n{said}"
        );
        let metadata = serde_json::from_slice(&output.stdout).context("cannot read cargo's metadata")?;
        Ok(Self::from_metadata(metadata))
    }

    fn from_metadata(metadata: Metadata) -> Self {
        let is_normal = |dependency: &Dependency| dependency.dep_kinds.iter().any(|it| it.kind.is_none());
        let targets = |node: Node| {
            let normal = node.deps.into_iter().filter(is_normal).map(|dependency| dependency.pkg);
            (node.id, normal.collect())
        };
        Self {
            names: metadata.packages.into_iter().map(|package| (package.id, package.name)).collect(),
            edges: metadata.resolve.nodes.into_iter().map(targets).collect(),
            members: metadata.workspace_members.into_iter().collect(),
        }
    }

    /// How many packages there are.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// The names of all packages.
    pub(super) fn packages(&self) -> BTreeSet<&str> {
        self.names.values().map(String::as_str).collect()
    }

    /// The names of the workspace's own packages.
    pub(super) fn members(&self) -> BTreeSet<&str> {
        self.members.iter().filter_map(|id| self.name(id)).collect()
    }

    /// The names of what `package` depends on directly.
    pub(super) fn direct(&self, package: &str) -> BTreeSet<&str> {
        let nodes = self.nodes(package);
        nodes.iter().flat_map(|id| self.targets(id)).filter_map(|id| self.name(id)).collect()
    }

    /// The names of all that `package` depends on, directly or not.
    pub(super) fn closure(&self, package: &str) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut open = self.nodes(package);
        while let Some(id) = open.pop() {
            for target in self.targets(id) {
                if seen.insert(target) {
                    open.push(target);
                }
            }
        }
        seen.into_iter().filter_map(|id| self.name(id)).collect()
    }

    fn nodes(&self, package: &str) -> Vec<&str> {
        self.names.iter().filter(|(_, name)| *name == package).map(|(id, _)| id.as_str()).collect()
    }

    fn targets(&self, id: &str) -> impl Iterator<Item = &str> {
        self.edges.get(id).into_iter().flatten().map(String::as_str)
    }

    fn name(&self, id: &str) -> Option<&str> {
        self.names.get(id).map(String::as_str)
    }

    /// A graph in which each name is its own id.
    #[cfg(test)]
    pub(super) fn of(members: &[&str], edges: &[(&str, &str)]) -> Self {
        let mut graph = Self::default();
        for name in members {
            graph.names.insert((*name).to_owned(), (*name).to_owned());
            graph.members.insert((*name).to_owned());
        }
        for (from, to) in edges {
            for name in [from, to] {
                graph.names.insert((*name).to_owned(), (*name).to_owned());
            }
            graph.edges.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        graph
    }
}
