//! Incidents: the read model of other services, and the filters it shares with remediations.

use diesel_async::SimpleAsyncConnection as _;
use serde_json::{Value, json};

use crate::support::{Answer, Service, WAITING_FOR_LOCKS, eventually, options, remediation};

/// The keys of an incident, in the order of the contract.
const KEYS: [&str; 19] = [
    "id",
    "alert_name",
    "alert_fingerprint",
    "severity",
    "action_type",
    "namespace",
    "cluster",
    "environment",
    "target_name",
    "remediation_request_id",
    "phase",
    "status",
    "start_time",
    "end_time",
    "duration_ms",
    "error_message",
    "metadata",
    "recorded_by",
    "alterations",
];

async fn store(service: &Service, changes: &Value) -> Value {
    let mut body = remediation("r");
    for (field, value) in changes.as_object().unwrap() {
        body[field] = value.clone();
    }
    service.post("remediation", &body).await.expect(201).json()
}

/// An incident has exactly the agreed keys, with the values of its remediation.
#[tokio::test]
async fn an_incident_is_its_remediation_under_the_agreed_keys() {
    let service = Service::start().await;
    let full = json!({ "alert_name": "KubePodCrashLooping", "alert_fingerprint": "abc123", "severity": "critical",
        "cluster": "c1", "environment": "production", "target_name": "pod-1", "remediation_request_id": "rr-1",
        "phase": "completed", "status": "failed", "start_time": "2026-01-02T03:04:05Z",
        "end_time": "2026-01-02T03:04:06.5Z", "error_message": "no", "metadata": { "n": 9_007_199_254_740_993_i64 } });
    for changes in [json!({}), full] {
        let record = store(&service, &changes).await;
        let id = &record["id"];
        let mut expected = json!({});
        for key in KEYS {
            expected[key] = record[key].clone();
        }
        let one = service.get(&format!("/api/v1/incidents/{id}")).await.expect(200);
        assert_eq!(one.json(), expected);
        let places: Vec<_> = KEYS.iter().map(|key| one.text.find(&format!("\"{key}\":")).unwrap()).collect();
        assert!(places.is_sorted(), "{}", one.text);
        let list = service.get("/api/v1/incidents?sort=-created_at&limit=1").await.expect(200).json();
        assert_eq!(list["data"], json!([expected]));
    }
    let missing = service.get("/api/v1/incidents/999").await.expect(404).json();
    assert_eq!(missing["type"], "/problems/record-not-found");
    service.get("/api/v1/incidents/x").await.expect(404);
    service.get("/api/v1/incidents/1?expand=all").await.expect(400);
}

/// BR-STORAGE-013: metadata and durations filter remediations, incidents and searches alike.
#[tokio::test]
async fn metadata_and_durations_filter_every_list_of_remediations() {
    let service = Service::start().await;
    let ended = |seconds: u32, team: &str| {
        json!({ "phase": "completed", "status": "success", "start_time": "2026-01-02T03:04:00Z",
                "end_time": format!("2026-01-02T03:04:{seconds:02}Z"), "error_message": "text",
                "metadata": { "team": team, "run book": "a,b", "n": seconds, "flag": true } })
    };
    for (seconds, team) in [(1, "red"), (10, "blue"), (50, "green")] {
        store(&service, &ended(seconds, team)).await;
    }
    store(&service, &json!({ "error_message": "text" })).await;
    service.embedded().await;
    for (filter, count) in [
        ("metadata.team=red", 1),
        ("metadata.team=red,blue", 2),
        ("metadata.team=red&metadata.team=green", 2),
        ("metadata.team=red&metadata.n=1", 1),
        ("metadata.team=red&metadata.n=10", 0),
        ("metadata.flag=true", 3),
        ("metadata.run+book=a%5C,b", 3),
        ("metadata.run%20book=a,b", 0),
        ("metadata.none=", 0),
        ("min_duration=10s", 2),
        ("max_duration=10s", 2),
        ("min_duration=2s&max_duration=49999ms", 1),
        ("min_duration=1m", 0),
        ("min_duration=10s&metadata.team=green,red&status=success", 1),
    ] {
        for list in ["audit/remediation?", "incidents?", "audit/search?q=text&"] {
            let answer = service.get(&format!("/api/v1/{list}{filter}")).await.expect(200).json();
            assert_eq!(answer["data"].as_array().unwrap().len(), count, "{list}{filter}");
        }
    }
}

/// Whatever ids and filters are asked for, the metrics know one path for each route.
#[tokio::test]
async fn the_reads_are_counted_under_their_routes() {
    let service = Service::start().await;
    let id = service.remediation("r").await;
    for (path, route) in [
        ("/incidents?namespace=x".to_owned(), "/incidents"),
        (format!("/incidents/{id}"), "/incidents/{id}"),
        ("/incidents/aggregate/by-severity?since=1d".to_owned(), "/incidents/aggregate/by-severity"),
        ("/incidents/aggregate/trend?since=1d".to_owned(), "/incidents/aggregate/trend"),
        (format!("/audit/remediation/{id}/timeline"), "/audit/remediation/{id}/timeline"),
    ] {
        service.get(&format!("/api/v1{path}")).await.expect(200);
        let url = format!("{}/metrics", service.process.admin_url());
        let metrics = Answer::of(service.client.get(url).send().await.unwrap()).await.expect(200).text;
        let counted = format!("path=\"/api/v1{route}\",status=\"200\"}} 1");
        assert!(metrics.contains(&counted), "{counted}: {metrics}");
    }
}

/// F04: a read that is out of time is answered so, and none of its statement is left behind.
#[tokio::test]
async fn a_read_out_of_time_is_answered_and_ended() {
    let options = options()
        .set("DATASTORAGE__SERVER__REQUEST_TIMEOUT", "800ms")
        .set("DATASTORAGE__DATABASE__STATEMENT_TIMEOUT", "700ms");
    let service = Service::with(options).await;
    let id = service.remediation("r").await;
    service.embedded().await;
    let mut blocker = service.database.connect().await.unwrap();
    blocker.batch_execute("BEGIN; LOCK TABLE remediation_audit IN ACCESS EXCLUSIVE MODE").await.unwrap();
    for path in [
        "incidents?sort=created_at",
        &format!("incidents/{id}"),
        "incidents/aggregate/by-namespace",
        &format!("audit/remediation/{id}/timeline"),
    ] {
        let answer = service.get(&format!("/api/v1/{path}")).await.expect(503);
        assert_eq!(answer.json()["type"], "/problems/deadline-passed", "{path}");
        eventually("its statement is gone", async || service.count(WAITING_FOR_LOCKS).await == 0).await;
    }
    blocker.batch_execute("ROLLBACK").await.unwrap();
    service.get(&format!("/api/v1/incidents/{id}")).await.expect(200);
}

/// F19, F20: what cannot be used is refused by name on every route of incidents.
#[tokio::test]
async fn wrong_filters_are_refused_by_name() {
    let service = Service::start().await;
    let keys: Vec<String> = (0..11).map(|n| format!("metadata.k{n}=v")).collect();
    for (filter, name) in [
        ("min_duration=10", "min_duration"),
        ("max_duration=-1s", "max_duration"),
        ("min_duration=2s&max_duration=1s", "min_duration"),
        ("min_duration=1s&min_duration=1s", "min_duration"),
        ("metadata=x", "metadata"),
        (&keys.join("&"), "metadata"),
        (&format!("metadata.{}=x", "k".repeat(256)), "metadata"),
        (&format!("metadata.team={}", "v".repeat(1_001)), "metadata.team"),
        ("metadata.team=%00", "metadata.team"),
        ("namespce=x", "namespce"),
        ("remediation_id=1", "remediation_id"),
    ] {
        for list in ["audit/remediation?", "incidents?", "audit/search?q=text&"] {
            let answer = service.get(&format!("/api/v1/{list}{filter}")).await.expect(400).json();
            assert_eq!(answer["errors"][0]["parameter"], name, "{list}{filter}: {answer}");
        }
    }
}
