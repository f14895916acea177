//! Timelines, and incidents by id.

use storage_models::{AiAnalysis, Execution, Record, Remediation, Workflow};
use storage_query::{AuditRecord, GetQuery, Incident, MAX_EVENTS, TimelineQuery};

use crate::model::{Modelled, Row};
use crate::support::{connect, database, execute, id, seed};

async fn of<R: Modelled + AuditRecord>(
    conn: &mut diesel_async::AsyncPgConnection,
    kind: u8,
    remediation: i64,
) -> Vec<(String, u8, i64, Record)> {
    let rows = Row::<R>::every(conn).await.into_iter();
    let rows = rows.filter(|row| row.text("remediation_id") == Some(remediation.to_string()));
    rows.map(|row| {
        let time = row.text("start_time").or_else(|| row.text("timestamp")).unwrap();
        (time, kind, row.record.id(), row.record.into_record())
    })
    .collect()
}

/// BR-STORAGE-012
#[tokio::test]
async fn a_timeline_is_what_belongs_to_a_remediation_in_order() {
    let (_database, mut conn) = database().await;
    seed(&mut conn).await;
    let mut remediations: Vec<i64> =
        Row::<Remediation>::every(&mut conn).await.iter().map(|row| row.record.id).collect();
    remediations.sort_unstable();
    for id in remediations[..5].iter().copied() {
        let mut expected = of::<AiAnalysis>(&mut conn, 0, id).await;
        expected.extend(of::<Workflow>(&mut conn, 1, id).await);
        expected.extend(of::<Execution>(&mut conn, 2, id).await);
        expected.sort_by(|a, b| (&a.0, a.1, a.2).cmp(&(&b.0, b.1, b.2)));
        let expected: Vec<_> = expected.into_iter().map(|(.., record)| record).collect();
        let found = TimelineQuery::new(id).run(&mut conn).await.unwrap().unwrap();
        assert!(expected.len() > 100 && !found.is_truncated);
        assert_eq!(found.events, expected, "{id}");
        assert_eq!(Some(found.remediation), GetQuery::<Remediation>::new(id).run(&mut conn).await.unwrap());
    }
    let alone = TimelineQuery::new(remediations[5]).run(&mut conn).await.unwrap().unwrap();
    assert_eq!((alone.remediation.id, alone.events.len(), alone.is_truncated), (remediations[5], 0, false));
}

/// Nothing refers to a remediation that does not exist; if something did, it would have no timeline.
#[tokio::test]
async fn what_does_not_exist_has_no_timeline() {
    let (_database, mut conn) = database().await;
    execute(
        &mut conn,
        "INSERT INTO execution_audit (remediation_id, action_type, target_kind, target_name, start_time)
         VALUES (7, 'a', 'Pod', 'p', '2026-01-01')",
    )
    .await;
    for id in [7, 0, id(7, "2026-01"), i64::MAX] {
        assert_eq!(TimelineQuery::new(id).run(&mut conn).await.unwrap(), None);
    }
}

/// The earliest events come, of whichever kind they are.
#[tokio::test]
async fn a_timeline_is_bounded() {
    let (_database, mut conn) = database().await;
    execute(
        &mut conn,
        "INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time)
         VALUES ('n', 'ns', 'pending', 'scale', '2026-01-01');
         INSERT INTO execution_audit (remediation_id, action_type, target_kind, target_name, start_time)
         SELECT audit_id(1, '2026-01-01'), 'a', 'Pod', 'p', '2026-02-01'::timestamptz - n * interval '1 s' FROM generate_series(1, 1500) AS n;
         INSERT INTO ai_analysis_audit (remediation_id, analysis_type, confidence, recommendation, timestamp, model)
         SELECT audit_id(1, '2026-01-01'), 't', 0.5, 'r', '2026-01-01'::timestamptz + n * interval '1 s', 'm' FROM generate_series(1, 900) AS n",
    )
    .await;
    let found = TimelineQuery::new(id(1, "2026-01")).run(&mut conn).await.unwrap().unwrap();
    assert_eq!((found.events.len(), found.is_truncated), (MAX_EVENTS, true));
    let kinds = found.events.iter().filter(|event| matches!(event, Record::AiAnalysis(_))).count();
    assert_eq!(kinds, 900);
    let ids: Vec<_> = found.events[900..].iter().map(Record::id).collect();
    assert_eq!(ids, (1401..=1500).rev().map(|number| id(number, "2026-01")).collect::<Vec<_>>());
    execute(&mut conn, "DELETE FROM execution_audit WHERE id / 8192 <= 1400").await;
    assert!(!TimelineQuery::new(id(1, "2026-01")).run(&mut conn).await.unwrap().unwrap().is_truncated);
}

/// F02: each writing commits one of each kind; no timeline has one without the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timeline_is_of_one_snapshot() {
    let (database, mut conn) = database().await;
    execute(
        &mut conn,
        "INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time)
         VALUES ('n', 'ns', 'pending', 'scale', '2026-01-01')",
    )
    .await;
    let mut writing = connect(&database).await;
    let writer = tokio::spawn(async move {
        for _ in 0..300 {
            execute(
                &mut writing,
                "BEGIN;
                 INSERT INTO ai_analysis_audit (remediation_id, analysis_type, confidence, recommendation, timestamp,
                     model) VALUES (audit_id(1, '2026-01-01'), 't', 0.5, 'r', '2026-01-01', 'm');
                 INSERT INTO workflow_audit (remediation_id, workflow_name, phase, start_time, step_count)
                     VALUES (audit_id(1, '2026-01-01'), 'w', 'planning', '2026-01-01', 1);
                 INSERT INTO execution_audit (remediation_id, action_type, target_kind, target_name, start_time)
                     VALUES (audit_id(1, '2026-01-01'), 'a', 'Pod', 'p', '2026-01-01');
                 COMMIT",
            )
            .await;
        }
    });
    while !writer.is_finished() {
        let events = TimelineQuery::new(id(1, "2026-01")).run(&mut conn).await.unwrap().unwrap().events;
        assert_eq!(events.len() % 3, 0);
    }
    writer.await.unwrap();
    assert_eq!(TimelineQuery::new(id(1, "2026-01")).run(&mut conn).await.unwrap().unwrap().events.len(), 900);
}

/// BR-STORAGE-012: an incident has the agreed keys, and the values of its remediation.
#[tokio::test]
async fn an_incident_is_its_remediation_under_the_agreed_keys() {
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
    let (_database, mut conn) = database().await;
    seed(&mut conn).await;
    for row in Row::<Remediation>::every(&mut conn).await.into_iter().step_by(9) {
        let incident = GetQuery::<Incident>::new(row.record.id).run(&mut conn).await.unwrap().unwrap();
        // Read without the order of keys being lost.
        let text = serde_json::to_string(&incident).unwrap();
        let value = serde_json::to_value(&incident).unwrap();
        assert_eq!(value.as_object().unwrap().len(), KEYS.len(), "{text}");
        let places: Vec<_> = KEYS.iter().map(|key| text.find(&format!("\"{key}\":")).unwrap()).collect();
        assert!(places.is_sorted(), "{text}");
        let remediation = serde_json::to_value(&row.record).unwrap();
        for key in KEYS {
            assert_eq!(value[key], remediation[key], "{key}");
        }
    }
    assert_eq!(GetQuery::<Incident>::new(301).run(&mut conn).await.unwrap(), None);
}
