//! Search by meaning.

use serde_json::json;
use storage_testkit::{ServiceOptions, environment};

use crate::support::{Service, remediation};

/// The service with the local model, whose files `cargo xtask test` provides.
async fn with_the_model() -> Service {
    let model = environment::required(environment::MODEL_DIR).unwrap();
    let options = ServiceOptions::default()
        .set("DATASTORAGE__EMBEDDING__PROVIDER", "local")
        .set("DATASTORAGE__EMBEDDING__MODEL_DIR", model);
    Service::with(options).await
}

/// BR-STORAGE-016, BR-STORAGE-008: a question in other words finds the record that answers it.
#[tokio::test]
async fn a_question_in_other_words_finds_the_record() {
    let service = with_the_model().await;
    for (name, action, alert, error) in [
        (
            "crash",
            "restart-pod",
            "KubePodCrashLooping",
            "Back-off restarting failed container after exit code 1",
        ),
        ("disk", "expand-volume", "KubePersistentVolumeFillingUp", "no space left on device"),
        ("cert", "renew-certificate", "CertificateExpiringSoon", "x509: certificate has expired"),
        ("dns", "restart-coredns", "CoreDNSDown", "lookup payments.svc: no such host"),
    ] {
        let mut body = remediation(name);
        body["action_type"] = json!(action);
        body["alert_name"] = json!(alert);
        body["error_message"] = json!(error);
        service.post("remediation", &body).await.expect(201);
    }
    service.embedded().await;
    for (question, answer) in [
        ("a pod keeps crashing after start", "crash"),
        ("the disk is nearly full", "disk"),
        ("TLS is about to run out", "cert"),
        ("names cannot be resolved", "dns"),
    ] {
        let url = format!("{}/api/v1/audit/search", service.process.url());
        let found = service.client.get(url).query(&[("q", question), ("limit", "2")]).send().await.unwrap();
        let found: serde_json::Value = found.json().await.unwrap();
        assert_eq!(found["data"][0]["record"]["name"], answer, "{question}: {found}");
        assert_eq!(found["data"][0]["rank"], 1);
        assert_eq!(found["data"][0]["matched"][0], "semantic");
        assert_eq!(found["engine"], "pgvector");
        assert_eq!(found["data"].as_array().unwrap().len(), 2);
        assert!(found["data"][0]["similarity"].as_f64() >= found["data"][1]["similarity"].as_f64());
    }
}

/// F22: a filtered search returns as many as match, however few of all they are.
#[tokio::test]
async fn a_filter_does_not_cost_hits() {
    let service = Service::start().await;
    let writes = (0..400).map(|n| {
        let mut body = remediation(&format!("r-{n}"));
        body["namespace"] = json!(if n % 50 == 0 { "rare" } else { "common" });
        body["error_message"] = json!(format!("failure number {n}"));
        body
    });
    let bodies: Vec<_> = writes.collect();
    futures_util::future::join_all(bodies.iter().map(|body| service.post("remediation", body))).await;
    service.embedded().await;
    let found = service.get("/api/v1/audit/search?q=failure&namespace=rare&limit=8").await.expect(200).json();
    let hits = found["data"].as_array().unwrap();
    assert_eq!(hits.len(), 8);
    assert!(hits.iter().all(|hit| hit["record"]["namespace"] == "rare"));
}

/// BR-STORAGE-016: a bad question or limit is refused by name.
#[tokio::test]
async fn bad_questions_are_refused() {
    let service = Service::start().await;
    let long = "x".repeat(1001);
    for (query, name) in [
        ("", "q"),
        ("q=", "q"),
        ("q=%20%20", "q"),
        (&format!("q={long}"), "q"),
        ("q=a&limit=0", "limit"),
        ("q=a&limit=101", "limit"),
        ("q=a&min_similarity=2", "min_similarity"),
        ("q=a&offset=1", "offset"),
        ("q=a&mode=psychic", "mode"),
    ] {
        let answer = service.get(&format!("/api/v1/audit/search?{query}")).await.expect(400);
        assert!(answer.json()["errors"].to_string().contains(name), "{name}: {}", answer.text);
    }
}
