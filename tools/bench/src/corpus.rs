//! Texts as remediations of a busy platform would have them, made from a seed.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use storage_embedding::{RecordText, compose};

pub(super) const ACTIONS: &[&str] = &[
    "restart-pod",
    "scale-deployment",
    "rollback-release",
    "drain-node",
    "cordon-node",
    "expand-volume",
    "renew-certificate",
    "rotate-secret",
    "increase-memory-limit",
    "delete-stuck-finalizer",
    "flush-dns-cache",
    "restart-statefulset",
    "rebalance-shards",
    "evict-pods",
    "reschedule-workload",
    "clear-disk-space",
];
pub(super) const ALERTS: &[&str] = &[
    "KubePodCrashLooping",
    "KubePodNotReady",
    "KubeDeploymentReplicasMismatch",
    "NodeMemoryPressure",
    "NodeDiskPressure",
    "KubePersistentVolumeFillingUp",
    "CertificateExpiringSoon",
    "EtcdHighFsyncDurations",
    "HighErrorRate",
    "HighLatencyP99",
    "KafkaConsumerLag",
    "IngressBackendDown",
    "CoreDNSErrors",
    "ContainerOOMKilled",
];
pub(super) const SERVICES: &[&str] = &[
    "checkout",
    "payments",
    "inventory",
    "search",
    "gateway",
    "billing",
    "orders",
    "catalog",
    "recommendations",
    "notifications",
    "identity",
    "shipping",
    "analytics",
    "reporting",
    "scheduler",
    "media",
    "pricing",
    "fraud",
    "loyalty",
    "returns",
    "warehouse",
    "ledger",
    "audit",
    "profile",
    "reviews",
    "ads",
    "coupons",
    "support",
    "chat",
];
pub(super) const FAULTS: &[&str] = &[
    "Back-off restarting failed container {s} after exit code {n}",
    "container {s} was killed: memory limit of {n}Mi exceeded",
    "failed to pull image {s}: manifest unknown",
    "no space left on device while writing the journal of {s}",
    "readiness probe of {s} failed: HTTP status {n}",
    "liveness probe of {s} timed out after {n} seconds",
    "x509: certificate of {s} has expired",
    "dial tcp: lookup {s}: no such host",
    "connection refused by {s} on port {n}",
    "{n} nodes are available: insufficient memory for {s}",
    "volume of {s} is already attached to another node",
    "deadline exceeded while waiting for {s} to become leader",
    "too many open files in {s}",
    "secret for {s} not found",
    "quota exceeded: requested {n} CPUs for {s}",
    "consumer group of {s} lags {n} messages behind",
    "admission webhook denied the request of {s}",
    "rollout of {s} stalled at {n} replicas",
];

/// `count` distinct composed texts.
pub(super) fn texts(count: usize, seed: u64) -> Vec<String> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut texts = BTreeSet::new();
    while texts.len() < count {
        texts.insert(text(&mut random));
    }
    let mut texts: Vec<String> = texts.into_iter().collect();
    rand::seq::SliceRandom::shuffle(texts.as_mut_slice(), &mut random);
    texts
}

fn text(random: &mut StdRng) -> String {
    let mut pick = |words: &'static [&'static str]| words.choose(random).copied().unwrap_or_default();
    let (action, alert, service, fault) = (pick(ACTIONS), pick(ALERTS), pick(SERVICES), pick(FAULTS));
    let severity = pick(&["critical", "high", "warning"]);
    let (phase, status) = *[("completed", "success"), ("failed", "failed"), ("processing", "running")]
        .choose(random)
        .unwrap_or(&("", ""));
    let error = fault.replace("{s}", service).replace("{n}", &random.random_range(1..64).to_string());
    compose(&RecordText {
        action_type: action,
        target_name: Some(service),
        phase,
        status,
        alert_name: Some(alert),
        severity: Some(severity),
        error_message: Some(&error),
        ..RecordText::default()
    })
}
