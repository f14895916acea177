//! Objects that start, and each way in which they would not.

use serde_json::{Value, json};

use super::*;

/// Objects that start.
fn good() -> Vec<Value> {
    let probe = |path: &str| json!({ "httpGet": { "path": path, "port": "admin" }, "periodSeconds": 2, "failureThreshold": 30 });
    vec![
        json!({
            "kind": "Deployment",
            "metadata": { "name": "data-storage" },
            "spec": {
                "replicas": 3,
                "strategy": { "rollingUpdate": { "maxSurge": 1 } },
                "template": { "spec": {
                    "terminationGracePeriodSeconds": 40,
                    "containers": [{
                        "args": ["serve", "--config", "/settings/settings.yaml"],
                        "ports": [{ "name": "http", "containerPort": 8080 }, { "name": "admin", "containerPort": 9090 }],
                        "startupProbe": probe("/livez"), "livenessProbe": probe("/health"), "readinessProbe": probe("/ready"),
                        "volumeMounts": [
                            { "name": "settings", "mountPath": "/settings" }, { "name": "secrets", "mountPath": "/secrets" },
                        ],
                    }],
                    "volumes": [
                        { "name": "settings", "configMap": { "name": "data-storage-settings" } },
                        { "name": "secrets", "secret": { "secretName": "data-storage-secrets" } },
                    ],
                } },
            },
        }),
        json!({
            "kind": "ConfigMap",
            "metadata": { "name": "data-storage-settings" },
            "data": { "settings.yaml": {
                "server": { "addr": "0.0.0.0:8080", "admin_addr": "0.0.0.0:9090" },
                "auth": { "mode": "kubernetes" },
                "database": { "password_file": "/secrets/password" },
            } },
        }),
        json!({
            "kind": "Service",
            "metadata": { "name": "data-storage" },
            "spec": { "ports": [{ "name": "http", "targetPort": "http" }, { "name": "admin", "targetPort": "admin" }] },
        }),
        json!({
            "kind": "NetworkPolicy",
            "metadata": { "name": "data-storage" },
            "spec": { "ingress": [{ "ports": [{ "port": 8080 }, { "port": 9090 }] }] },
        }),
        json!({
            "kind": "HorizontalPodAutoscaler",
            "metadata": {
                "name": "data-storage",
                "annotations": { "datastorage.kubernaut.ai/postgres-max-connections": "194" },
            },
            "spec": { "maxReplicas": 6 },
        }),
        json!({
            "kind": "RoleBinding",
            "metadata": { "name": "writers" },
            "subjects": [{ "kind": "Group", "name": "system:serviceaccounts:kubernaut-system" }],
        }),
    ]
}

/// The faults of these objects once `pointer` in the object of this kind is `value`.
fn faults(kind: &str, pointer: &str, value: Value) -> Vec<String> {
    let mut objects = good();
    let object = objects.iter_mut().find(|it| it["kind"] == kind).unwrap();
    *object.pointer_mut(pointer).unwrap() = value;
    faults_of(objects)
}

fn faults_of(objects: Vec<Value>) -> Vec<String> {
    let secret = json!({
        "kind": "Secret", "metadata": { "name": "data-storage-secrets" }, "stringData": { "password": "" },
    });
    let example = Objects::new(vec![secret]).unwrap();
    check(&Objects::new(objects).unwrap(), &example, &Facts::example())
}

#[test]
fn what_starts_passes() {
    assert_eq!(faults_of(good()), Vec::<String>::new());
}

#[test]
fn what_would_start_wrong_is_refused() {
    const POD: &str = "/spec/template/spec";
    let settings = |setting: &str| format!("/data/settings.yaml/{setting}");
    let container = |field: &str| format!("{POD}/containers/0/{field}");
    let cases = [
        ("ConfigMap", settings("auth/mode"), json!("none"), "auth.mode is none"),
        ("ConfigMap", settings("server/addr"), json!("127.0.0.1:8080"), "nothing outside the pod reaches"),
        ("ConfigMap", settings("server/addr"), json!("0.0.0.0:8081"), "the container's port http is another"),
        ("ConfigMap", settings("database"), json!({ "hots": "one" }), "there is no setting database.hots"),
        (
            "ConfigMap",
            settings("database"),
            json!({ "start_timeout": "5m" }),
            "the startup probe gives up after 60 s",
        ),
        ("ConfigMap", settings("database"), json!({ "read_connections": 9 }), "makes 201 with those"),
        (
            "ConfigMap",
            settings("database/password_file"),
            json!("/secrets/other"),
            "/secrets/other is not mounted",
        ),
        ("Deployment", format!("{POD}/terminationGracePeriodSeconds"), json!(25), "make it at least 30"),
        ("Deployment", container("readinessProbe/httpGet/path"), json!("/redy"), "/redy is asked for"),
        ("Deployment", container("args/2"), json!("/settings.yaml"), "/settings.yaml is not mounted"),
        (
            "HorizontalPodAutoscaler",
            "/spec/maxReplicas".to_owned(),
            json!(7),
            "7 replicas and 1 of a rollout",
        ),
        (
            "HorizontalPodAutoscaler",
            "/metadata/annotations".to_owned(),
            json!({}),
            "does not say what max_connections",
        ),
        ("Service", "/spec/ports/0/targetPort".to_owned(), json!("htpp"), "which no container has"),
        (
            "NetworkPolicy",
            "/spec/ingress/0/ports/0/port".to_owned(),
            json!(80),
            "lets nothing reach the port 8080",
        ),
        (
            "RoleBinding",
            "/subjects/0/name".to_owned(),
            json!("system:serviceaccounts:other"),
            "not the namespace's own",
        ),
    ];
    for (kind, pointer, value, expected) in cases {
        let found = faults(kind, &pointer, value);
        assert!(found.iter().any(|it| it.contains(expected)), "{kind}{pointer}: {found:?}");
    }
}

#[test]
fn the_owner_is_for_the_job_alone() {
    let mut objects = good();
    let container = objects[0].pointer_mut("/spec/template/spec/containers/0").unwrap();
    container["env"] = json!([{
        "name": "DATASTORAGE__SCHEMA__OWNER_URL",
        "valueFrom": { "secretKeyRef": { "name": "data-storage-secrets", "key": "owner-url" } },
    }]);
    let found = faults_of(objects);
    assert!(found.iter().any(|it| it.contains("for the schema's Job alone")), "{found:?}");
    assert!(found.iter().any(|it| it.contains("has no key owner-url")), "{found:?}");
}
