//! Abbreviations of the trade, which a model of everyday language knows only by their full names.

/// Replaces each abbreviation among the space-separated lower-case `words` by its full name.
pub(crate) fn spell_out(words: &str) -> String {
    words.split(' ').map(|word| full_name(word).unwrap_or(word)).collect::<Vec<_>>().join(" ")
}

fn full_name(word: &str) -> Option<&'static str> {
    Some(match word {
        "5xx" => "server errors",
        "acl" => "access control list",
        "cfg" | "config" => "configuration",
        "cni" => "container network interface",
        "crd" => "custom resource definition",
        "db" => "database",
        "gc" => "garbage collection",
        "hpa" => "horizontal pod autoscaler",
        "iam" => "identity and access management",
        "k8s" => "kubernetes",
        "lb" => "load balancer",
        "mem" => "memory",
        "nfs" => "network file system",
        "ns" => "namespace",
        "ntp" => "network time",
        "oom" => "out of memory",
        "pdb" => "pod disruption budget",
        "pleg" => "pod lifecycle event generator",
        "pv" => "persistent volume",
        "pvc" => "persistent volume claim",
        "rbac" => "role based access control",
        "slo" => "service level objective",
        "svc" => "service",
        "tls" => "tls encryption",
        "vpa" => "vertical pod autoscaler",
        "wal" => "write ahead log",
        _ => return None,
    })
}
