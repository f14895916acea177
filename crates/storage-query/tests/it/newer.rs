//! What a newer version of the store has written.

use storage_models::{Altered, Phase, Remediation, Severity, Status, Workflow, WorkflowPhase};
use storage_query::{AuditFilter as _, CheckedFilter, Incident, ListQuery, RemediationFilter};

use crate::support::{database, execute, now};

/// Records as a version would store them that has more words than this one.
const NEWER: &str = r#"
    ALTER TABLE remediation_audit DROP CONSTRAINT remediation_audit_phase, DROP CONSTRAINT remediation_audit_status,
        DROP CONSTRAINT remediation_audit_severity;
    ALTER TABLE workflow_audit DROP CONSTRAINT workflow_audit_phase;
    INSERT INTO remediation_audit (name, namespace, phase, status, severity, action_type, start_time, alterations) VALUES
        ('newer', 'prod', 'paused', 'partial', 'fatal', 'scale', '2026-01-20Z', '[{"pointer": "/name", "what": "folded"}]'),
        ('known', 'prod', 'failed', 'failed', 'high', 'scale', '2026-01-19Z', NULL);
    INSERT INTO workflow_audit (remediation_id, workflow_name, phase, start_time, step_count)
    SELECT id, 'drain', 'rolling back', '2026-01-20Z', 3 FROM remediation_audit WHERE name = 'newer'"#;

/// A word of a closed set that this version does not know is read, shown and searched for as it is: no page fails for it.
#[tokio::test]
async fn a_word_of_a_newer_version_is_read_as_it_is() {
    let (_database, mut conn) = database().await;
    execute(&mut conn, NEWER).await;

    let page = ListQuery::<Remediation>::new(CheckedFilter::default()).run(&mut conn).await.unwrap();
    let [newer, known] = page.records.as_slice() else { panic!("{page:?}") };
    assert!(matches!(newer.phase, Phase::Other(word) if word.as_str() == "paused"));
    assert!(matches!(newer.status, Status::Other(word) if word.as_str() == "partial"));
    assert!(matches!(newer.severity, Some(Severity::Other(word)) if word.as_str() == "fatal"));
    let alterations: Vec<_> = newer.alterations.iter().flat_map(|it| it.iter()).map(|it| it.what).collect();
    assert!(matches!(alterations.as_slice(), [Altered::Other(word)] if word.as_str() == "folded"));
    assert_eq!((known.phase, known.severity), (Phase::Failed, Some(Severity::High)));

    let shown = serde_json::to_value(newer).unwrap();
    assert_eq!((&shown["phase"], &shown["alterations"][0]["what"]), (&"paused".into(), &"folded".into()));
    let filter = RemediationFilter::default().phase(newer.phase).check(now()).unwrap();
    let same = ListQuery::<Incident>::new(filter).run(&mut conn).await.unwrap();
    assert_eq!((same.records[0].id, same.total), (newer.id, Some(1)));
    let workflows =
        ListQuery::<Workflow>::new(CheckedFilter::default()).run(&mut conn).await.unwrap().records;
    assert!(matches!(workflows[0].phase, WorkflowPhase::Other(word) if word.as_str() == "rolling back"));
}
