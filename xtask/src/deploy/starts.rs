//! What would be valid, and would not start, or not stop, or not be reached.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::facts::Facts;
use super::objects::{Objects, list, text};
use super::tools::NAMESPACE;

/// Between the longest stop and the kill, for the container's own end.
const GRACE: Duration = Duration::from_secs(5);

/// What PostgreSQL keeps for superusers.
const RESERVED_CONNECTIONS: u64 = 3;

/// Each is a connection of the schema's Job, or of a person who looks.
const SPARE_CONNECTIONS: u64 = 2;

/// max_connections of a PostgreSQL that was told nothing.
const DEFAULT_MAX_CONNECTIONS: u64 = 100;

/// Where HorizontalPodAutoscaler says what PostgreSQL has.
const MAX_CONNECTIONS: &str = "/metadata/annotations/datastorage.kubernaut.ai~1postgres-max-connections";

/// The settings that count connections.
const CONNECTIONS: [&str; 7] = [
    "database.read_connections",
    "export.connections",
    "writer.writers",
    "writer.batch_connections",
    "writer.strict_connections",
    "writer.update_connections",
    "projector.workers",
];

/// The faults of what is deployed together. `example` holds the Secrets that the operator makes.
pub(super) fn check(objects: &Objects, example: &Objects, facts: &Facts) -> Vec<String> {
    let mut faults = Vec::new();
    let Some(deployment) = objects.of_kind("Deployment").find(|it| name_of(it) == "data-storage") else {
        return vec!["there is no Deployment data-storage".to_owned()];
    };
    let Some(given) = objects.of_kind("ConfigMap").find_map(|it| it.pointer("/data/settings.yaml")) else {
        return vec!["there is no ConfigMap with settings.yaml".to_owned()];
    };
    let settings = Settings { given, facts };
    faults.extend(settings.unknown());
    faults.extend(addresses(&settings, deployment));
    faults.extend(stop(deployment, facts));
    faults.extend(start(&settings, deployment));
    faults.extend(connections(&settings, objects, deployment));
    faults.extend(files(&settings, objects, example));
    faults.extend(ports(objects, deployment));
    faults.extend(probes(facts, objects, deployment));
    faults.extend(groups(objects));
    faults
}

/// Settings of a ConfigMap, with the service's defaults behind them.
struct Settings<'a> {
    given: &'a Value,
    facts: &'a Facts,
}

impl Settings<'_> {
    fn get(&self, name: &str) -> String {
        let given = self.given.pointer(&format!("/{}", name.replace('.', "/")));
        match given {
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => self.facts.settings.get(name).cloned().unwrap_or_default(),
        }
    }

    fn number(&self, name: &str) -> u64 {
        self.get(name).parse().unwrap_or_default()
    }

    /// The names that are given.
    fn names(&self) -> impl Iterator<Item = String> {
        let sections = self.given.as_object().into_iter().flatten();
        sections.flat_map(|(section, keys)| {
            keys.as_object().into_iter().flatten().map(move |(key, _)| format!("{section}.{key}"))
        })
    }

    fn unknown(&self) -> Vec<String> {
        let unknown = self.names().filter(|it| !self.facts.settings.contains_key(it));
        unknown.map(|it| format!("settings.yaml: there is no setting {it}")).collect()
    }
}

fn name_of(object: &Value) -> &str {
    text(object, "/metadata/name").unwrap_or_default()
}

fn containers(object: &Value) -> impl Iterator<Item = &Value> {
    ["/spec/template/spec/initContainers", "/spec/template/spec/containers"]
        .into_iter()
        .flat_map(|it| list(object, it))
}

/// The address that others reach must have a mode, and be the one of the port that the pod opens.
fn addresses(settings: &Settings<'_>, deployment: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, port) in [("server.addr", "http"), ("server.admin_addr", "admin")] {
        let address = settings.get(name);
        let (host, number) = address.rsplit_once(':').unwrap_or_default();
        if host.starts_with("127.") || host == "[::1]" {
            faults.push(format!(
                "{name} is {address}, which nothing outside the pod reaches; make it 0.0.0.0:{number}"
            ));
        }
        let mut open = containers(deployment).flat_map(|it| list(it, "/ports"));
        let is_open = open.any(|it| {
            text(it, "/name") == Some(port)
                && it.pointer("/containerPort").and_then(Value::as_u64) == number.parse().ok()
        });
        if !is_open {
            faults.push(format!("{name} is {address}, and the container's port {port} is another"));
        }
    }
    if settings.get("auth.mode") == "none" {
        faults.push(
            "server.addr is open and auth.mode is none: the start ends with exit 78; set auth.mode"
                .to_owned(),
        );
    }
    faults
}

/// A stop must be over before the pod is killed.
fn stop(deployment: &Value, facts: &Facts) -> Vec<String> {
    let grace =
        deployment.pointer("/spec/template/spec/terminationGracePeriodSeconds").and_then(Value::as_u64);
    let grace = Duration::from_secs(grace.unwrap_or(30));
    let needed = facts.stop_budget + GRACE;
    let fault = format!(
        "terminationGracePeriodSeconds is {}, and a stop may take {} s; make it at least {}",
        grace.as_secs(),
        facts.stop_budget.as_secs(),
        needed.as_secs()
    );
    if grace < needed { vec![fault] } else { Vec::new() }
}

/// A start that waits for PostgreSQL must not be taken for one that hangs.
fn start(settings: &Settings<'_>, deployment: &Value) -> Vec<String> {
    let probe = containers(deployment).find_map(|it| it.pointer("/startupProbe"));
    let number = |key: &str| probe.and_then(|it| it.pointer(key)).and_then(Value::as_u64).unwrap_or_default();
    let allowed = Duration::from_secs(number("/periodSeconds") * number("/failureThreshold"));
    let Some(needed) = duration(&settings.get("database.start_timeout")) else {
        return vec!["database.start_timeout is no duration".to_owned()];
    };
    if allowed > needed {
        return Vec::new();
    }
    vec![format!(
        "the startup probe gives up after {} s, and the start waits {} s for PostgreSQL",
        allowed.as_secs(),
        needed.as_secs()
    )]
}

/// All replicas of a rollout at the maximum must get their connections.
fn connections(settings: &Settings<'_>, objects: &Objects, deployment: &Value) -> Vec<String> {
    let autoscaler = objects.of_kind("HorizontalPodAutoscaler").next();
    let number = |object: &Value, pointer: &str| object.pointer(pointer).and_then(Value::as_u64);
    let replicas = match autoscaler {
        Some(it) => number(it, "/spec/maxReplicas"),
        None => number(deployment, "/spec/replicas"),
    };
    let surge = number(deployment, "/spec/strategy/rollingUpdate/maxSurge");
    let (Some(replicas), Some(surge)) = (replicas, surge) else {
        return vec![
            "replicas and maxSurge must be whole numbers, from which connections are counted".to_owned(),
        ];
    };
    let available = match autoscaler.map(|it| text(it, MAX_CONNECTIONS).and_then(|it| it.parse().ok())) {
        Some(Some(stated)) => stated,
        Some(None) => {
            return vec!["the autoscaler does not say what max_connections of PostgreSQL is".to_owned()];
        }
        None => DEFAULT_MAX_CONNECTIONS,
    };
    let each: u64 =
        CONNECTIONS.iter().map(|it| settings.number(it)).sum::<u64>() + settings.facts.other_connections;
    let needed = (replicas + surge) * each + RESERVED_CONNECTIONS + SPARE_CONNECTIONS;
    if needed <= available {
        return Vec::new();
    }
    vec![format!(
        "{} replicas and {surge} of a rollout hold {each} connections each, which makes {needed} with those that \
         PostgreSQL reserves, and it has {available}; lower maxReplicas or raise max_connections",
        replicas
    )]
}

/// Every file that settings, arguments and variables name must be mounted, and every key be in its Secret.
fn files(settings: &Settings<'_>, objects: &Objects, example: &Objects) -> Vec<String> {
    let mut faults = Vec::new();
    let keys = secret_keys(objects, example);
    let mut used: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let ours = objects.iter().filter(|(_, it)| name_of(it).starts_with("data-storage"));
    for (name, object) in ours {
        for container in containers(object) {
            let mounted = mounts(object, container, &keys);
            let configured = settings.names().filter(|it| it.ends_with("_file")).map(|it| settings.get(&it));
            let arguments = list(container, "/args").iter().filter_map(Value::as_str).map(str::to_owned);
            for path in configured.chain(arguments.filter(|it| it.starts_with('/'))) {
                match mounted.get(path.as_str()) {
                    None => faults.push(format!("{name}: {path} is not mounted")),
                    Some(Some((secret, key))) => {
                        used.entry(secret).or_default().insert(key.clone());
                    }
                    Some(None) => {}
                }
            }
        }
    }
    for (name, object) in objects.iter() {
        for variable in containers(object).flat_map(|it| list(it, "/env")) {
            let Some(secret) = text(variable, "/valueFrom/secretKeyRef/name") else { continue };
            let key = text(variable, "/valueFrom/secretKeyRef/key").unwrap_or_default();
            if !keys.get(secret).is_some_and(|it| it.contains(key)) {
                faults.push(format!("{name}: the Secret {secret} has no key {key}"));
            }
            let is_owner = text(variable, "/name") == Some("DATASTORAGE__SCHEMA__OWNER_URL");
            if is_owner && text(object, "/kind") != Some("Job") {
                faults.push(format!(
                    "{name} is given the owner's address, which is for the schema's Job alone"
                ));
            }
            used.entry(secret).or_default().insert(key.to_owned());
        }
    }
    for (secret, keys) in &keys {
        let unused = keys.iter().filter(|it| !used.get(secret).is_some_and(|used| used.contains(**it)));
        faults.extend(unused.map(|it| format!("nothing uses the key {it} of the Secret {secret}")));
    }
    faults
}

/// The keys of each Secret: of those that are part of it, else of those that the operator makes.
fn secret_keys<'a>(objects: &'a Objects, example: &'a Objects) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let source = if objects.of_kind("Secret").next().is_some() { objects } else { example };
    let keys = |secret: &'a Value| {
        let maps = ["/data", "/stringData"].into_iter().filter_map(|it| secret.pointer(it)?.as_object());
        maps.flatten().map(|(key, _)| key.as_str()).collect()
    };
    source.of_kind("Secret").map(|it| (name_of(it), keys(it))).collect()
}

/// The files that a container sees; of those that are of a Secret, which key of which.
fn mounts<'a>(
    object: &'a Value,
    container: &'a Value,
    keys: &BTreeMap<&str, BTreeSet<&str>>,
) -> BTreeMap<String, Option<(&'a str, String)>> {
    let mut files = BTreeMap::new();
    for mount in list(container, "/volumeMounts") {
        let path = text(mount, "/mountPath").unwrap_or_default();
        let volumes = list(object, "/spec/template/spec/volumes").iter();
        let Some(volume) = volumes.into_iter().find(|it| text(it, "/name") == text(mount, "/name")) else {
            continue;
        };
        if let Some(secret) = text(volume, "/secret/secretName") {
            let keys = keys.get(secret).into_iter().flatten();
            files.extend(keys.map(|it| (format!("{path}/{it}"), Some((secret, (*it).to_owned())))));
        }
        if text(volume, "/configMap/name").is_some_and(|it| it == "data-storage-settings") {
            files.insert(format!("{path}/settings.yaml"), None);
        }
    }
    files
}

/// Ports that a Service, a ServiceMonitor or a NetworkPolicy names must be open in the pod.
fn ports(objects: &Objects, deployment: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let open: Vec<_> = containers(deployment).flat_map(|it| list(it, "/ports")).collect();
    let is_open = |key: &str, port: &Value| open.iter().any(|it| it.pointer(key) == Some(port));
    let services = objects.of_kind("Service").filter(|it| name_of(it) == "data-storage");
    let of_service: Vec<_> = services.flat_map(|it| list(it, "/spec/ports")).collect();
    let targets = of_service.iter().filter_map(|it| it.pointer("/targetPort"));
    for port in targets.filter(|it| !is_open("/name", it)) {
        faults.push(format!("the Service leads to the port {port}, which no container has"));
    }
    for endpoint in objects.of_kind("ServiceMonitor").flat_map(|it| list(it, "/spec/endpoints")) {
        let port = endpoint.pointer("/port");
        if !of_service.iter().any(|it| it.pointer("/name") == port) {
            faults
                .push(format!("the ServiceMonitor names the port {port:?}, which the Service does not have"));
        }
    }
    let rules = objects.of_kind("NetworkPolicy").flat_map(|it| list(it, "/spec/ingress"));
    let allowed: Vec<_> =
        rules.flat_map(|it| list(it, "/ports")).filter_map(|it| it.pointer("/port")).collect();
    for port in allowed.iter().filter(|it| !is_open("/containerPort", it)) {
        faults.push(format!("the NetworkPolicy lets callers reach the port {port}, which no container has"));
    }
    let numbers = open.iter().filter_map(|it| it.pointer("/containerPort"));
    for port in numbers.filter(|it| !allowed.contains(it)) {
        faults.push(format!("the NetworkPolicy lets nothing reach the port {port}"));
    }
    faults
}

/// What probes and Prometheus ask for must be a route.
fn probes(facts: &Facts, objects: &Objects, deployment: &Value) -> Vec<String> {
    let kinds = ["/startupProbe/httpGet/path", "/livenessProbe/httpGet/path", "/readinessProbe/httpGet/path"];
    let of_pods =
        containers(deployment).flat_map(|it| kinds.map(|kind| text(it, kind).unwrap_or("no probe")));
    let monitors = objects.of_kind("ServiceMonitor").flat_map(|it| list(it, "/spec/endpoints"));
    let of_monitors = monitors.map(|it| text(it, "/path").unwrap_or("/metrics"));
    let unknown = of_pods.chain(of_monitors).filter(|it| !facts.routes.contains(*it));
    unknown.map(|it| format!("{it} is asked for, and is no route")).collect()
}

/// A group of accounts is one of the namespace that everything is in.
fn groups(objects: &Objects) -> Vec<String> {
    let expected = format!("system:serviceaccounts:{NAMESPACE}");
    let subjects = objects.of_kind("RoleBinding").flat_map(|it| list(it, "/subjects"));
    let groups = subjects.filter(|it| text(it, "/kind") == Some("Group")).filter_map(|it| text(it, "/name"));
    groups
        .filter(|it| *it != expected)
        .map(|it| format!("a role is bound to {it}, which is not the namespace's own group {expected}"))
        .collect()
}

/// Reads a duration as settings do.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|it: char| it.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    match text.strip_prefix(digits)? {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number * 60)),
        "h" => Some(Duration::from_secs(number * 3_600)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
