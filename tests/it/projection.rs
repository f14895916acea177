//! What brings records into the vector index, in trouble: what the service says of it, and that it goes on.

use diesel_async::SimpleAsyncConnection as _;
use serde_json::{Value, json};

use crate::support::{Service, WITH_VECTOR, eventually, options, remediation};

/// Has PostgreSQL refuse to project records called so, as it refuses what it cannot make words of.
const REFUSE: &str = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
        IF (SELECT name FROM remediation_audit WHERE id = NEW.record_id) = 'refused' THEN \
            RAISE EXCEPTION 'no words can be made of this' USING ERRCODE = 'data_exception'; \
        END IF; \
        RETURN NEW; \
    END $$; \
    CREATE TRIGGER refuse BEFORE INSERT ON remediation_words \
        FOR EACH ROW EXECUTE FUNCTION refuse()";

async fn execute(service: &Service, sql: &str) {
    service.database.connect().await.unwrap().batch_execute(sql).await.unwrap();
}

/// The value of a metric without labels.
async fn metric(service: &Service, name: &str) -> Option<f64> {
    let url = format!("{}/metrics", service.process.admin_url());
    let text = service.client.get(url).send().await.unwrap().text().await.unwrap();
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

async fn ready(service: &Service) -> Value {
    service.get("/ready").await.expect(200).json()
}

/// F40: of a hundred accepted records, the one that PostgreSQL refuses to project is parked with its reason, named in the
/// log and counted; all others are found, and the service stays ready.
#[tokio::test]
async fn a_record_that_cannot_be_projected_costs_no_other_record_its_place() {
    let service = Service::with(options().set("DATASTORAGE__PROJECTOR__ATTEMPTS", "1")).await;
    execute(&service, REFUSE).await;
    let name = |n: usize| if n == 57 { "refused".to_owned() } else { format!("record-{n}") };
    let batch: Vec<Value> = (0..100).map(|n| remediation(&name(n))).collect();
    let stored = service.post("remediation/batch", &json!(batch)).await.expect(201).json();
    let refused = stored["ids"][57].as_i64().unwrap();
    service.embedded().await;
    assert_eq!(service.count("SELECT count(*) AS n FROM vector_outbox").await, 1);
    assert_eq!(service.count(WITH_VECTOR).await, 99);
    let reason = "SELECT count(*) AS n FROM vector_outbox WHERE last_error = 'no words can be made of this'";
    assert_eq!(service.count(reason).await, 1);
    assert_eq!(metric(&service, "datastorage_projection_refused_total").await, Some(1.0));
    let named = format!("\"record_id\":{refused}");
    let logs = service.process.logs();
    let line = logs.lines().find(|line| line.contains("no words can be made of this"));
    assert!(line.is_some_and(|line| line.contains(&named)), "{named}: {line:?}");
    let found = service.get("/api/v1/audit/search?q=record&mode=lexical&limit=100").await.expect(200).json();
    assert_eq!(found["data"].as_array().unwrap().len(), 99);
    assert_eq!(ready(&service).await["status"], "ready");
}

/// F40: a projection that does not move is told by `/ready`, which stays 200, by a gauge, and in the log.
#[tokio::test]
async fn a_projection_that_does_not_move_is_told() {
    let service = Service::start().await;
    assert_eq!(ready(&service).await["dependencies"]["projection"]["state"], "up");
    // Held by a worker that never comes back, for an hour already.
    let hold = "INSERT INTO vector_outbox (set_id, record_id, start_time, version, enqueued_at, next_attempt_at, lease_owner) \
                SELECT id, 1, now(), now(), now() - interval '1 hour', now() + interval '1 hour', gen_random_uuid() \
                FROM embedding_set WHERE state = 'active'";
    execute(&service, hold).await;
    eventually("stalled", async || ready(&service).await["status"] == "degraded").await;
    let projection = ready(&service).await["dependencies"]["projection"].clone();
    assert_eq!(projection["state"], "stalled");
    assert!(projection["note"].as_str().unwrap().contains("has waited for 36"), "{projection}");
    let oldest = metric(&service, "datastorage_outbox_oldest_seconds").await.unwrap();
    assert!((3_600.0..3_700.0).contains(&oldest), "{oldest}");
    assert!(service.process.logs().contains("records wait and are not projected"));
    execute(&service, "DELETE FROM vector_outbox").await;
    eventually("up again", async || ready(&service).await["status"] == "ready").await;
    assert_eq!(metric(&service, "datastorage_outbox_oldest_seconds").await, Some(0.0));
}
