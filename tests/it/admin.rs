//! What operators see of a replica and change in it.

use reqwest::Method;
use serde_json::{Value, json};
use storage_testkit::with_user;

use crate::support::{Answer, Service, options, remediation};

const LEVEL: &str = "/api/v1/admin/log-level";

/// Asks for levels by this body.
async fn put(service: &Service, body: &Value) -> Answer {
    let url = format!("{}{LEVEL}", service.process.url());
    let request = service.client.put(url).header("Content-Type", "application/json").body(body.to_string());
    Answer::of(request.send().await.unwrap()).await
}

/// What is logged can be changed by target, seen and taken back, and the log says who changed it.
#[tokio::test]
async fn the_log_level_changes_at_run_time_and_is_taken_back() {
    let service = Service::with(options().set("DATASTORAGE__LOG__FORMAT", "json")).await;
    let details = |service: &Service| {
        let log = service.process.logs();
        log.lines()
            .filter(|line| line.contains("\"level\":\"DEBUG\"") || line.contains("\"level\":\"TRACE\""))
            .count()
    };
    let configured = json!({ "level": "info", "configured": "info" });
    assert_eq!(service.get(LEVEL).await.expect(200).json(), configured);
    assert_eq!(details(&service), 0);

    let wanted = "warn,storage_server::telemetry=debug";
    let now = json!({ "level": wanted, "configured": "info" });
    assert_eq!(put(&service, &json!({ "level": wanted })).await.expect(200).json(), now);
    assert_eq!(service.get(LEVEL).await.expect(200).json(), now);
    // A probe's line is one of level debug.
    service.get("/ready").await.expect(200);
    let detailed = details(&service);
    assert!(detailed > 0);

    assert_eq!(service.send(Method::DELETE, LEVEL).await.expect(200).json(), configured);
    service.get("/ready").await.expect(200);
    assert_eq!(details(&service), detailed);
    let log = service.process.logs();
    let changes: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["message"] == "the log level was changed")
        .collect();
    let told = |line: &Value| {
        [&line["caller"], &line["before"], &line["now"]].map(|it| it.as_str().unwrap().to_owned())
    };
    assert_eq!(
        changes.iter().map(told).collect::<Vec<_>>(),
        [["anonymous", "info", wanted], ["anonymous", wanted, "info"]]
    );
}

/// What is no level is refused with what is wrong with it, and nothing changes.
#[tokio::test]
async fn a_level_that_cannot_be_set_is_refused_by_name() {
    let service = Service::start().await;
    for (body, pointer, code, word) in [
        (json!({ "level": "loud" }), "/level", "invalid_value", "loud"),
        (json!({ "level": "info,storage_server=very" }), "/level", "invalid_value", "storage_server=very"),
        (json!({ "level": "info,tokio_postgres=trace" }), "/level", "invalid_value", "libraries"),
        (json!({ "level": "[request]=trace" }), "/level", "invalid_value", "[request]=trace"),
        (json!({ "level": "" }), "/level", "invalid_value", "must be"),
        (json!({ "level": 3 }), "/level", "invalid_type", "string"),
        (json!({}), "/level", "required", "level"),
        (json!({ "level": "info", "target": "x" }), "/target", "unknown_field", "level"),
        (json!("info"), "", "invalid_type", "object"),
    ] {
        let answer = put(&service, &body).await.expect(400);
        assert_eq!(answer.errors(), [(pointer.to_owned(), code.to_owned())], "{body}");
        assert!(answer.json()["errors"][0]["message"].as_str().unwrap().contains(word), "{answer:?}");
    }
    let twice = "{\"level\": \"info\", \"level\": \"debug\"}".to_owned();
    let request = service.client.put(format!("{}{LEVEL}", service.process.url()));
    let answer = request.header("Content-Type", "application/json").body(twice).send().await.unwrap();
    assert_eq!(Answer::of(answer).await.expect(400).errors()[0].1, "duplicate_key");
    assert_eq!(service.get(LEVEL).await.expect(200).json()["level"], "info");
}

/// Every setting is shown with where it comes from; of secrets, whether they are set, and of addresses, not what opens
/// them.
#[tokio::test]
async fn settings_are_shown_without_their_secrets() {
    let database = storage_testkit::TestDatabase::create().await.unwrap();
    let options = options()
        .set("DATASTORAGE__QDRANT__URL", "http://someone:geheim-of-qdrant@127.0.0.1:1")
        .set("DATASTORAGE__QDRANT__API_KEY", "geheim-of-the-key")
        .set("DATASTORAGE__SCHEMA__OWNER_URL", with_user(&database.url(), "owner", "geheim-of-the-owner"))
        .set("DATASTORAGE__LIMITS__REQUESTS", "77");
    let process =
        storage_testkit::ServiceProcess::start(&database.server_url().unwrap(), options).await.unwrap();
    let service = Service { process, client: crate::support::client(), database };
    let answer = service.get("/api/v1/admin/settings").await.expect(200);
    assert!(!answer.text.contains("geheim"), "{answer:?}");
    let data = answer.json()["data"].as_array().unwrap().clone();
    let of =
        |name: &str| data.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("{name}")).clone();
    let shown = |name, value, is_secret, source| json!({ "name": name, "value": value, "is_set": true, "is_secret": is_secret, "source": source });
    let environment = "the environment";
    for expected in [
        shown("limits.requests", json!("77"), false, environment),
        shown("qdrant.url", json!("http://***@127.0.0.1:1"), false, environment),
        shown("qdrant.api_key", Value::Null, true, environment),
        shown("schema.owner_url", Value::Null, true, environment),
        shown("database.url", Value::Null, true, "the flag --database-url"),
        shown("log.level", json!("info"), false, "the defaults"),
    ] {
        assert_eq!(of(expected["name"].as_str().unwrap()), expected);
    }
    assert_eq!((&of("redis.url")["is_set"], &of("redis.url")["value"]), (&json!(false), &Value::Null));
    let documented = include_str!("../../docs/settings.md").matches("\n| `").count();
    assert_eq!(data.len(), documented);
    service.post("remediation", &remediation("still-serves")).await.expect(201);
}
