//! Search through an outside index, and without it when it is unavailable.

use std::time::Duration;

use diesel_async::SimpleAsyncConnection as _;
use serde_json::{Value, json};
use storage_testkit::{GrpcCode, QdrantFault, QdrantOperation, QdrantServer, ServiceOptions, TestQdrant};

use crate::support::{Service, eventually, on_qdrant, options, remediation};

async fn service_on(options: ServiceOptions, url: &str, collection: &str) -> Service {
    Service::with(on_qdrant(options, url, collection)).await
}

async fn search(service: &Service, query: &str) -> Value {
    service.get(&format!("/api/v1/audit/search?{query}")).await.expect(200).json()
}

fn ids(found: &Value) -> Vec<i64> {
    found["data"].as_array().unwrap().iter().map(|hit| hit["record"]["id"].as_i64().unwrap()).collect()
}

/// Stores records in batches of 100, the `n`th made by `body`, and waits until every store holds them.
async fn store(service: &Service, count: usize, body: impl Fn(usize) -> Value) {
    for first in (0..count).step_by(100) {
        let batch: Value = (first..count.min(first + 100)).map(&body).collect();
        service.post("remediation/batch", &batch).await.expect(201);
    }
    service.embedded().await;
}

/// F22: what is excluded or absent is asked of Qdrant; a prefix, and null beside values, of pgvector. Both find the same.
#[tokio::test]
async fn suffixes_are_answered_by_the_engine_that_can() {
    let qdrant = TestQdrant::create().unwrap();
    let service = service_on(options(), qdrant.url(), qdrant.collection()).await;
    store(&service, 9, |n| {
        let mut body = remediation(&format!("r-{n}"));
        if n % 3 > 0 {
            body["cluster"] = json!(format!("c{}", n % 3));
        }
        body
    })
    .await;
    for (filter, engine, count) in [
        ("cluster.not=c1", "qdrant", 6),
        ("cluster.null=true", "qdrant", 3),
        ("cluster.null=false&cluster.not=c1", "qdrant", 3),
        ("cluster.prefix=c", "pgvector", 6),
        ("cluster=c1&cluster.null=true", "pgvector", 6),
        ("created_since=1h", "pgvector", 9),
    ] {
        let found = search(&service, &format!("q=restart&limit=20&mode=semantic&{filter}")).await;
        assert_eq!((&found["engine"], ids(&found).len()), (&json!(engine), count), "{filter}");
        let listed = service.get(&format!("/api/v1/audit/remediation?{filter}")).await.expect(200).json();
        assert_eq!(listed["pagination"]["total"], count, "{filter}");
    }
}

/// F22, BR-STORAGE-016: as many as were asked for come back whenever as many match, the same ones from Qdrant and from
/// pgvector, whether one in a thousand matches or all do. A filter on metadata goes to pgvector.
#[tokio::test]
async fn a_filter_costs_no_hits_in_either_engine() {
    let qdrant = TestQdrant::create().unwrap();
    let service = service_on(options(), qdrant.url(), qdrant.collection()).await;
    store(&service, 2_000, |n| {
        let mut body = remediation(&format!("r-{n}"));
        let words = ["volume", "certificate", "network", "memory", "queue", "secret", "kernel"];
        body["error_message"] =
            json!(format!("{} {} failure {}", words[n % 7], words[n / 7 % 7], words[n / 49 % 7]));
        body["cluster"] = json!(format!("c{}", n % 1_000));
        body["alert_name"] = json!(format!("a{}", n % 100));
        body["environment"] = json!(format!("e{}", n % 10));
        body["target_name"] = json!(format!("t{}", n % 2));
        body["metadata"] = json!({ "any": "yes" });
        body
    })
    .await;
    for (filter, key, value, matching) in [
        ("cluster=c7", "cluster", "c7", 2),
        ("alert_name=a7", "alert_name", "a7", 20),
        ("environment=e7", "environment", "e7", 200),
        ("target_name=t1", "target_name", "t1", 1_000),
        ("namespace=default", "namespace", "default", 2_000),
        ("cluster=nowhere", "cluster", "nowhere", 0),
    ] {
        for limit in [1, 10, 100] {
            let query = format!("q=failure+of+memory&limit={limit}&{filter}");
            let through_qdrant = search(&service, &format!("{query}&mode=semantic")).await;
            let through_pgvector = search(&service, &format!("{query}&mode=semantic&metadata.any=yes")).await;
            let hybrid = search(&service, &query).await;
            for (found, engine) in
                [(&through_qdrant, "qdrant"), (&through_pgvector, "pgvector"), (&hybrid, "qdrant")]
            {
                assert_eq!(
                    (&found["engine"], &found["degraded"]),
                    (&json!(engine), &json!(false)),
                    "{query}"
                );
                let hits = found["data"].as_array().unwrap();
                assert_eq!(hits.len(), limit.min(matching), "{query} through {engine}");
                assert!(hits.iter().all(|hit| hit["record"][key] == value), "{query}");
            }
            let both = [&through_qdrant, &through_pgvector].map(|found| found["data"].as_array().unwrap());
            for (one, other) in both[0].iter().zip(both[1]) {
                let similarity = |hit: &Value| hit["similarity"].as_f64().unwrap();
                assert!((similarity(one) - similarity(other)).abs() < 1e-5, "{query}: {one} {other}");
            }
        }
    }
    qdrant.close().await.unwrap();
}

/// BR-STORAGE-016: while Qdrant refuses, is gone, or fails, pgvector gives the same hits and the answer says so; afterwards
/// Qdrant is asked again.
#[tokio::test]
async fn without_qdrant_pgvector_answers() {
    let server = QdrantServer::start().unwrap();
    let service = service_on(options(), &server.url(), "audit").await;
    store(&service, 30, |n| remediation(&format!("pod-{n}"))).await;
    let query = "q=restart+pod&mode=semantic&limit=10";
    let healthy = search(&service, query).await;
    assert_eq!((&healthy["engine"], &healthy["degraded"]), (&json!("qdrant"), &json!(false)));
    let is_degraded = |found: &Value| found["engine"] == "pgvector" && found["degraded"] == true;

    server.set(QdrantOperation::Query, QdrantFault::Fail(GrpcCode::Unavailable));
    let degraded = search(&service, query).await;
    assert!(is_degraded(&degraded), "{degraded}");
    assert_eq!(ids(&degraded), ids(&healthy));
    let metadata = search(&service, &format!("{query}&metadata.a=b")).await;
    assert_eq!((&metadata["engine"], &metadata["degraded"]), (&json!("pgvector"), &json!(false)));
    server.clear_all();
    eventually("Qdrant is asked again", async || search(&service, query).await["engine"] == "qdrant").await;

    server.stop();
    let degraded = search(&service, query).await;
    assert!(is_degraded(&degraded), "{degraded}");
    server.start_again().unwrap();
    eventually("Qdrant is asked again", async || search(&service, query).await["engine"] == "qdrant").await;
    assert_eq!(ids(&search(&service, query).await), ids(&healthy));
}

/// BR-STORAGE-016: a search that waits for Qdrant holds no connection to the database, and is answered in time by pgvector.
#[tokio::test]
async fn a_hanging_qdrant_holds_no_connection_and_costs_no_answer() {
    let server = QdrantServer::start().unwrap();
    let options = options()
        .set("DATASTORAGE__DATABASE__READ_CONNECTIONS", "1")
        .set("DATASTORAGE__QDRANT__TIMEOUT", "600s")
        .set("DATASTORAGE__SERVER__REQUEST_TIMEOUT", "8s")
        .set("DATASTORAGE__DATABASE__STATEMENT_TIMEOUT", "6s");
    let service = service_on(options, &server.url(), "audit").await;
    store(&service, 3, |n| remediation(&format!("pod-{n}"))).await;

    server.set(QdrantOperation::Query, QdrantFault::Hang);
    let others = async {
        server.wait_for_faults(QdrantOperation::Query, 1).await.unwrap();
        let list = service.get("/api/v1/audit/remediation").await.expect(200).json();
        assert_eq!(list["pagination"]["total"], 3);
        server.clear(QdrantOperation::Query);
    };
    let (found, ()) = tokio::join!(search(&service, "q=restart+pod"), others);
    assert_eq!(
        (ids(&found).len(), &found["engine"], &found["degraded"]),
        (3, &json!("qdrant"), &json!(false))
    );

    server.set(QdrantOperation::Query, QdrantFault::Hang);
    let began = std::time::Instant::now();
    let found = search(&service, "q=restart+pod").await;
    assert_eq!(
        (ids(&found).len(), &found["engine"], &found["degraded"]),
        (3, &json!("pgvector"), &json!(true))
    );
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

/// What Qdrant holds is read and filtered again in the database; what that drops is made up for.
#[tokio::test]
async fn what_the_database_drops_is_made_up_for() {
    let server = QdrantServer::start().unwrap();
    let service =
        service_on(options().set("DATASTORAGE__RECONCILE__ENABLED", "false"), &server.url(), "audit").await;
    store(&service, 100, |_| remediation("pod")).await;
    let mut connection = service.database.connect().await.unwrap();
    let drift = "DELETE FROM remediation_audit WHERE id / 8192 <= 55; \
                 UPDATE remediation_audit SET namespace = 'elsewhere' WHERE id / 8192 BETWEEN 56 AND 60";
    connection.batch_execute(drift).await.unwrap();
    let before = server.calls(QdrantOperation::Query);
    let found = search(&service, "q=pod&mode=semantic&limit=10&namespace=default").await;
    assert_eq!((&found["engine"], &found["degraded"]), (&json!("qdrant"), &json!(false)));
    assert_eq!(ids(&found).len(), 10);
    assert!(ids(&found).iter().all(|id| *id / 8192 > 60), "{found}");
    // The records that are there say what the lost ones said.
    assert_eq!(server.calls(QdrantOperation::Query) - before, 1);
}

/// F47: of a thousand records that say the same, the newest come, and each incident comes once when incidents are asked for,
/// with its count and its newest records: through Qdrant, through pgvector, and by words.
#[tokio::test]
async fn equals_come_newest_first_and_incidents_once_each() {
    let qdrant = TestQdrant::create().unwrap();
    let service = service_on(options(), qdrant.url(), qdrant.collection()).await;
    let incidents = ["no space left on device", "readiness probe failed", "certificate has expired"];
    // Three actions against each incident, so that it has three texts; the oldest is recorded last.
    store(&service, 900, |n| {
        let mut body = remediation(&format!("r-{n}"));
        body["error_message"] = json!(incidents[n % 3]);
        body["action_type"] = json!(["restart-pod", "scale-up", "roll-back"][n / 3 % 3]);
        body["start_time"] = json!(format!("2026-01-{:02}T00:{:02}:00Z", 28 - n / 60, 59 - n % 60));
        body["metadata"] = json!({ "any": "yes" });
        body
    })
    .await;
    let started = |found: &Value| -> Vec<String> {
        let hits = found["data"].as_array().unwrap().iter();
        hits.map(|hit| hit["record"]["start_time"].as_str().unwrap().to_owned()).collect()
    };
    for (filter, engine) in [("", "qdrant"), ("&metadata.any=yes", "pgvector")] {
        let query = format!("q=no+space+left+on+device&limit=5&mode=semantic{filter}");
        let found = search(&service, &query).await;
        assert_eq!(found["engine"], engine);
        let nearest: Vec<&Value> =
            found["data"].as_array().unwrap().iter().map(|hit| &hit["record"]).collect();
        assert!(nearest.iter().all(|it| it["action_type"] == nearest[0]["action_type"]), "one text: {found}");
        // One record in nine has this text, the newest first.
        let first =
            ["restart-pod", "scale-up", "roll-back"].iter().position(|it| nearest[0]["action_type"] == *it);
        let expected: Vec<String> = (0..5).map(|n| format!("r-{}", 9 * n + 3 * first.unwrap())).collect();
        assert_eq!(
            nearest.iter().map(|it| it["name"].as_str().unwrap()).collect::<Vec<_>>(),
            expected,
            "{query}"
        );

        for mode in ["semantic", "hybrid", "lexical"] {
            let query = format!("q=no+space+left+on+device&group=incident&limit=5&mode={mode}{filter}");
            let found = search(&service, &query).await;
            let hits = found["data"].as_array().unwrap();
            let expected = if mode == "lexical" { 1 } else { 3 };
            assert_eq!(hits.len(), expected, "{query}: {found}");
            let first = &hits[0];
            assert_eq!(first["record"]["name"], "r-0", "{query}: the newest stands for all");
            let incident = &first["incident"];
            assert_eq!((&incident["count"], &incident["count_is_at_least"]), (&json!(300), &json!(false)));
            let newest: Vec<i64> =
                incident["newest"].as_array().unwrap().iter().map(|it| it.as_i64().unwrap()).collect();
            assert_eq!((newest.len(), newest[0]), (5, first["record"]["id"].as_i64().unwrap()));
            assert!(started(&found).iter().all(|time| time.starts_with("2026-01-28")), "{found}");
        }
    }
    qdrant.close().await.unwrap();
}
