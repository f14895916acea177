//! Slots: emptied when no set uses them, and not while another set uses them.

use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use storage_testkit::TestDatabase;

const LEFT: &str = "SELECT (SELECT count(*) FROM embedding_vector WHERE slot = 1) || ' ' || \
    (SELECT count(*) FROM remediation_vector WHERE slot = 1) || ' ' || \
    (SELECT count(*) FROM embedding_vector WHERE slot = 2) || ' ' || \
    (SELECT count(*) FROM remediation_vector WHERE slot = 2) AS value";

async fn set(owner: &mut AsyncPgConnection, state: &str, slot: i16) {
    let set = format!(
        "INSERT INTO embedding_set (composition, model, dimension, state, slot) VALUES ('1', 'm', 384, '{state}', {slot})"
    );
    owner.batch_execute(&set).await.unwrap();
}

/// The server's role empties a slot that no set uses, and cannot empty one that serves or is being filled.
#[tokio::test]
async fn a_slot_in_use_is_never_emptied() {
    let database = TestDatabase::create().await.unwrap();
    let mut owner = database.connect().await.unwrap();
    let filled = "INSERT INTO embedding_vector (slot, vector) SELECT s, array_fill(0.5, ARRAY[384])::vector FROM generate_series(1, 2) s; \
        INSERT INTO remediation_vector (slot, record_id, start_time, version, embedding_id, incident_key) \
        SELECT slot, 7, now(), now(), embedding_id, decode(repeat('ab', 16), 'hex') FROM embedding_vector";
    owner.batch_execute(filled).await.unwrap();
    set(&mut owner, "active", 1).await;
    set(&mut owner, "building", 2).await;
    let mut server = AsyncPgConnection::establish(&database.server_url().unwrap()).await.unwrap();
    for slot in [1, 2] {
        let refused = server.batch_execute(&format!("SELECT empty_embedding_slot({slot}::smallint)")).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(&format!("slot {slot} is in use")), "{refused}");
    }
    assert_eq!(super::text(&mut owner, LEFT).await.as_deref(), Some("1 1 1 1"));

    owner.batch_execute("UPDATE embedding_set SET state = 'retired' WHERE slot = 2").await.unwrap();
    let emptied = "SELECT empty_embedding_slot(2::smallint)::text AS value";
    assert_eq!(super::text(&mut server, emptied).await.as_deref(), Some("1"));
    assert_eq!(super::text(&mut owner, LEFT).await.as_deref(), Some("1 1 0 0"));
    for slot in ["3", "NULL"] {
        let refused = server.batch_execute(&format!("SELECT empty_embedding_slot({slot}::smallint)")).await;
        assert!(refused.unwrap_err().to_string().contains("no slot has the number"), "{slot}");
    }
}

/// One set serves, one is built, and never two in one slot.
#[tokio::test]
async fn two_sets_never_share_a_state_or_a_slot() {
    let database = TestDatabase::create().await.unwrap();
    let mut owner = database.connect().await.unwrap();
    set(&mut owner, "retired", 1).await;
    set(&mut owner, "active", 1).await;
    for (state, slot) in [("active", 2), ("building", 1)] {
        let twice = format!(
            "INSERT INTO embedding_set (composition, model, dimension, state, slot) VALUES ('1', 'n', 384, '{state}', {slot})"
        );
        let refused = owner.batch_execute(&twice).await.unwrap_err().to_string();
        assert!(refused.contains("duplicate key"), "{state} {slot}: {refused}");
    }
    set(&mut owner, "building", 2).await;
}
