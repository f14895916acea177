//! Who depends on whom, by normal dependencies.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata};

/// The packages of a build and their normal dependencies. Several versions of a package are several nodes.
#[derive(Debug, Default)]
pub(super) struct Graph {
    names: BTreeMap<String, String>,
    edges: BTreeMap<String, BTreeSet<String>>,
    members: BTreeSet<String>,
}

impl Graph {
    /// The graph that cargo has resolved.
    pub(super) fn from_metadata(metadata: &Metadata) -> Result<Self> {
        let resolve = metadata.resolve.as_ref().context("cargo metadata came without a dependency graph")?;
        let mut graph = Self::default();
        for package in &metadata.packages {
            graph.names.insert(package.id.repr.clone(), package.name.to_string());
        }
        for node in &resolve.nodes {
            let normal = node
                .deps
                .iter()
                .filter(|dependency| dependency.dep_kinds.iter().any(|it| it.kind == DependencyKind::Normal));
            let edges = normal.map(|dependency| dependency.pkg.repr.clone()).collect();
            graph.edges.insert(node.id.repr.clone(), edges);
        }
        graph.members = metadata.workspace_members.iter().map(|id| id.repr.clone()).collect();
        Ok(graph)
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
