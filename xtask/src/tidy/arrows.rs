//! The arrows between the crates, and what must be nowhere.

use super::graph::Graph;

/// Which crates of the workspace a crate of the workspace may use; `None` for the ones that may use any.
const MAY_USE: &[(&str, Option<&[&str]>)] = &[
    ("storage-models", Some(&[])),
    ("storage-validation", Some(&["storage-models"])),
    ("storage-breaker", Some(&[])),
    ("storage-embedding", Some(&["storage-breaker", "storage-models"])),
    ("storage-query", Some(&["storage-models"])),
    ("storage-postgres", Some(&["storage-models"])),
    ("storage-dualwrite", Some(&["storage-breaker", "storage-models", "storage-postgres"])),
    ("storage-schema", Some(&["storage-models", "storage-postgres"])),
    (
        "storage-server",
        Some(&[
            "storage-breaker",
            "storage-models",
            "storage-postgres",
            "storage-validation",
            "storage-embedding",
            "storage-query",
            "storage-dualwrite",
            "storage-schema",
        ]),
    ),
    ("storage-fuzz", Some(&["storage-models", "storage-validation", "storage-query"])),
    ("storage-consumer", Some(&["storage-models", "storage-query", "storage-schema"])),
    ("storage-features", Some(&[])),
    ("devstack", Some(&[])),
    ("storage-testkit", Some(&["devstack", "storage-models", "storage-schema"])),
    ("datastorage", None),
    ("storage-tests", None),
    ("storage-bench", None),
    ("storage-soak", None),
    ("xtask", Some(&["devstack"])),
];

/// Names the features of third-party crates, and holds nothing; all members may use it but these, which others link, or
/// which are to be built in seconds.
const FEATURES: &str = "storage-features";
const WITHOUT_FEATURES: &[&str] =
    &["storage-models", "storage-query", "storage-consumer", "devstack", "xtask"];

/// Development support: nothing that is delivered may use it.
const DEVELOPMENT: &[&str] = &[
    "devstack",
    "storage-bench",
    "storage-consumer",
    "storage-fuzz",
    "storage-soak",
    "storage-testkit",
    "storage-tests",
    "xtask",
];

/// The crates that may know the web framework.
const KNOW_ACTIX: &[&str] = &["storage-server", "datastorage", "storage-bench", "storage-tests"];

/// All that the development stack may depend on directly: it is built before this program can say a word.
const DEVSTACK_MAY_USE: &[&str] = &["rustix"];

/// All that the shared query crate may depend on directly: other services take these into their builds with it.
const QUERY_MAY_USE: &[&str] = &[
    "base64",
    "chrono",
    "diesel",
    "diesel-async",
    "futures-util",
    "pgvector",
    "serde",
    "serde_json",
    "sha2",
    "storage-models",
    "thiserror",
    "tracing",
    "uuid",
];

/// Crates that must not reach the query crate, even indirectly. A name that ends with `*` is a prefix.
const NOT_IN_QUERY: &[&str] = &[
    "actix*",
    "axum",
    "candle*",
    "deadpool-redis",
    "hyper",
    "kube",
    "qdrant*",
    "redis*",
    "reqwest",
    "tokenizers",
    "tonic*",
];

/// Crates that must not be in the build: system libraries, a second crypto provider, a copyleft licence.
const NOWHERE: &[&str] =
    &["actix-governor", "aws-lc-rs", "aws-lc-sys", "native-tls", "onig_sys", "openssl-sys", "pq-sys"];

/// Every arrow that must not be.
pub(super) fn check(graph: &Graph) -> Vec<String> {
    let mut faults = Vec::new();
    let members = graph.members();
    for member in &members {
        match MAY_USE.iter().find(|(name, _)| name == member) {
            None => faults
                .push(format!("{member}: xtask/src/tidy/arrows.rs does not say which crates it may use")),
            Some((_, None)) => {}
            Some((_, Some(allowed))) => {
                let used = graph.direct(member).into_iter().filter(|it| members.contains(it));
                faults.extend(
                    used.filter(|it| !allowed.contains(it))
                        .filter(|it| *it != FEATURES || WITHOUT_FEATURES.contains(member))
                        .map(|it| format!("{member} must not use {it} (docs/ARCHITECTURE.md, arrows)")),
                );
            }
        }
        if !KNOW_ACTIX.contains(member) {
            faults.extend(reached(graph, member, &["actix*"]));
        }
        if !DEVELOPMENT.contains(member) {
            faults.extend(reached(graph, member, DEVELOPMENT));
        }
    }
    for (member, allowed) in [("storage-query", QUERY_MAY_USE), ("devstack", DEVSTACK_MAY_USE)] {
        let others = graph.direct(member).into_iter().filter(|it| !allowed.contains(it));
        faults
            .extend(others.map(|it| {
                format!("{member} depends on {it}, which xtask/src/tidy/arrows.rs does not allow")
            }));
    }
    faults.extend(reached(graph, "storage-query", NOT_IN_QUERY));
    let packages = graph.packages();
    let present = packages.iter().filter(|it| NOWHERE.contains(it));
    faults.extend(present.map(|it| {
        format!("{it} must not be in the build; find what brings it with `cargo tree -i {it} --target all`")
    }));
    faults
}

/// What of `forbidden` the package `from` depends on, by any way.
fn reached(graph: &Graph, from: &str, forbidden: &[&str]) -> Vec<String> {
    let is_forbidden = |name: &&str| {
        forbidden.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == pattern,
        })
    };
    let closure = graph.closure(from);
    closure
        .into_iter()
        .filter(is_forbidden)
        .map(|name| format!("{from} reaches {name} and must not"))
        .collect()
}

#[cfg(test)]
mod tests {
    //! Tests for the arrows: each rule is broken once.

    use super::{Graph, MAY_USE, check};

    const ALLOWED: &[(&str, &str)] = &[
        ("datastorage", "storage-server"),
        ("datastorage", "storage-dualwrite"),
        ("storage-server", "storage-query"),
        ("storage-server", "actix-web"),
        ("storage-query", "storage-models"),
        ("storage-query", "diesel"),
        ("storage-dualwrite", "storage-models"),
        ("storage-dualwrite", "qdrant-client"),
        ("storage-tests", "storage-testkit"),
        ("storage-testkit", "devstack"),
        ("storage-dualwrite", "storage-features"),
        ("storage-soak", "storage-testkit"),
        ("xtask", "devstack"),
    ];

    fn members() -> Vec<&'static str> {
        MAY_USE.iter().map(|(name, _)| *name).collect()
    }

    #[test]
    fn the_intended_arrows_pass() {
        assert_eq!(check(&Graph::of(&members(), ALLOWED)), Vec::<String>::new());
    }

    #[test]
    fn each_forbidden_edge_is_named() {
        for (edge, expected) in [
            (("storage-query", "storage-schema"), "storage-query must not use storage-schema"),
            (("storage-dualwrite", "storage-embedding"), "storage-dualwrite must not use storage-embedding"),
            (("storage-models", "storage-query"), "storage-models must not use storage-query"),
            (("storage-server", "storage-testkit"), "datastorage reaches storage-testkit"),
            (("storage-embedding", "actix-rt"), "storage-embedding reaches actix-rt"),
            (("storage-query", "anyhow"), "storage-query depends on anyhow"),
            (("devstack", "tokio"), "devstack depends on tokio"),
            (("storage-query", "storage-features"), "storage-query must not use storage-features"),
            (("xtask", "storage-models"), "xtask must not use storage-models"),
            (("diesel", "redis-protocol"), "storage-query reaches redis-protocol"),
            (("diesel", "tonic"), "storage-query reaches tonic"),
            (("qdrant-client", "openssl-sys"), "openssl-sys must not be in the build"),
            (("xtask", "native-tls"), "native-tls must not be in the build"),
            (("storage-models", "pq-sys"), "pq-sys must not be in the build"),
        ] {
            let faults = check(&Graph::of(&members(), &[ALLOWED, &[edge]].concat()));
            assert!(faults.iter().any(|fault| fault.starts_with(expected)), "{edge:?}: {faults:?}");
        }
    }

    #[test]
    fn a_crate_that_the_table_does_not_know_is_a_fault() {
        let faults = check(&Graph::of(&[members(), vec!["storage-new"]].concat(), ALLOWED));
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with("storage-new:"), "{faults:?}");
    }
}
