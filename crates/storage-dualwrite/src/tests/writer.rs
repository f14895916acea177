//! What the writer stores, and to whom it answers.

use std::borrow::Cow;
use std::collections::HashSet;
use std::time::Duration;

use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use storage_models::fields::Value;
use storage_models::schema::{ai_analysis_audit, execution_audit, remediation_audit, workflow_audit};
use storage_models::{
    AiAnalysis, Execution, JsonText, NewAiAnalysis, NewExecution, NewRecord, NewWorkflow, Record, RecordType,
    Remediation, Status, Timestamp, Workflow, WorkflowPhase,
};

use super::support::{Bench, patient, remediation};
use crate::writer::group::{GroupWork, Item};
use crate::writer::transaction::attempt;
use crate::{WriteError, WriterSettings};

/// Every field has a value of its own, and the end is not on a whole millisecond.
fn full_remediation() -> NewRecord {
    let start_time = Timestamp::now();
    let end_time = start_time.checked_add(chrono::TimeDelta::microseconds(1_234_999)).unwrap();
    let metadata = JsonText::new(r#"{"n":9007199254740993,"big":1e300,"s":"ü"}"#.to_owned()).unwrap();
    let made = NewRecord::of_values(RecordType::Remediation, |name| match name {
        "phase" => Value::Text("completed".into()),
        "target_name" => Value::Text("".into()),
        "status" => Value::Text("success".into()),
        "start_time" => Value::Time(start_time),
        "end_time" => Value::Time(end_time),
        "error_message" => Value::Text("exit code 137\n\ttwice".into()),
        "metadata" => Value::Json(Cow::Owned(metadata.clone())),
        name => RecordType::Remediation.field(name).unwrap().example.into(),
    });
    made.unwrap()
}

/// BR-STORAGE-001: what is answered is what is stored, field for field, for a full and for a minimal remediation.
#[tokio::test]
async fn a_remediation_is_answered_as_it_is_stored() {
    let bench = Bench::new().await;
    let mut connection = bench.connect().await;
    for new in [full_remediation(), remediation("minimal")] {
        let Record::Remediation(answered) = bench.write(new).await.unwrap() else { panic!("no remediation") };
        let stored: Remediation = remediation_audit::table
            .filter(remediation_audit::id.eq(answered.id))
            .select(Remediation::as_select())
            .first(&mut connection)
            .await
            .unwrap();
        assert_eq!(stored, answered);
        assert_eq!(stored.created_at, stored.updated_at);
    }
    let Record::Remediation(full) = bench.write(full_remediation()).await.unwrap() else {
        panic!("no remediation")
    };
    assert_eq!(full.duration_ms, Some(1234));
    assert_eq!(full.target_name.as_deref(), Some(""));
}

/// BR-STORAGE-001: the records that belong to a remediation are stored as they are answered.
#[tokio::test]
async fn children_are_answered_as_they_are_stored() {
    let bench = Bench::new().await;
    let parent = bench.remediation("parent").await.id;
    let mut connection = bench.connect().await;
    let now = Timestamp::now();

    let analysis = NewRecord::AiAnalysis(NewAiAnalysis {
        remediation_id: parent,
        analysis_type: "root-cause".to_owned(),
        confidence: 0.1 + 0.2,
        recommendation: "restart".to_owned(),
        reasoning: None,
        timestamp: now,
        model: "m".to_owned(),
        tokens_used: Some(0),
        latency_ms: None,
        recorded_by: "operator".to_owned(),
        correlation_id: None,
        alterations: None,
    });
    let stored: AiAnalysis = {
        let answered = bench.write(analysis).await.unwrap();
        let query = ai_analysis_audit::table.select(AiAnalysis::as_select());
        let stored = query.first(&mut connection).await.unwrap();
        assert_eq!(Record::AiAnalysis(AiAnalysis::clone(&stored)), answered);
        stored
    };
    assert_eq!(stored.confidence.to_bits(), (0.1_f64 + 0.2).to_bits());

    let workflow = NewRecord::Workflow(NewWorkflow {
        remediation_id: parent,
        workflow_name: "scale-and-restart".to_owned(),
        phase: WorkflowPhase::Executing,
        status: Status::Running,
        start_time: now,
        end_time: None,
        step_count: 3,
        current_step: 1,
        recorded_by: "operator".to_owned(),
        correlation_id: None,
        alterations: None,
    });
    let answered = bench.write(workflow).await.unwrap();
    let stored: Workflow =
        workflow_audit::table.select(Workflow::as_select()).first(&mut connection).await.unwrap();
    assert_eq!(Record::Workflow(stored), answered);

    let execution = NewRecord::Execution(NewExecution {
        remediation_id: parent,
        action_type: "scale".to_owned(),
        target_kind: "Deployment".to_owned(),
        target_name: "api".to_owned(),
        namespace: Some("payments".to_owned()),
        status: Status::Failed,
        start_time: now,
        end_time: Some(now),
        error_message: Some("a < b".to_owned()),
        dry_run: true,
        recorded_by: "operator".to_owned(),
        correlation_id: None,
        alterations: None,
    });
    let answered = bench.write(execution).await.unwrap();
    let stored: Execution =
        execution_audit::table.select(Execution::as_select()).first(&mut connection).await.unwrap();
    assert_eq!(Record::Execution(stored), answered);
}

/// F38, BR-STORAGE-015: under concurrency each client gets its own record back, and none is lost or doubled.
#[tokio::test(flavor = "multi_thread")]
async fn each_client_gets_its_own_record_back() {
    const CLIENTS: usize = 500;
    let bench = Bench::new().await;
    let names: Vec<String> = (0..CLIENTS).map(|client| format!("client-{client}")).collect();
    let bench = &bench;
    let writes = names.iter().map(|name| async move {
        let record = bench.remediation(name).await;
        assert_eq!(&record.name, name);
        record.id
    });
    let ids: HashSet<i64> = futures_util::future::join_all(writes).await.into_iter().collect();
    assert_eq!(ids.len(), CLIENTS);
    assert_eq!(bench.count("SELECT count(DISTINCT name) AS n FROM remediation_audit").await, 500);
}

/// BR-STORAGE-002: a remediation and its outbox row, of the same version, are stored together.
#[tokio::test]
async fn each_remediation_has_its_outbox_row() {
    let bench = Bench::new().await;
    futures_util::future::join_all((0..20).map(|n| bench.write(remediation(&n.to_string())))).await;
    let paired = "SELECT count(*) AS n FROM remediation_audit r JOIN vector_outbox o \
                  ON (o.record_id, o.start_time, o.version) = (r.id, r.start_time, r.updated_at)";
    assert_eq!(bench.count(paired).await, 20);
    assert_eq!(bench.count("SELECT count(*) AS n FROM vector_outbox").await, 20);
}

/// A record whose remediation does not exist is refused, and the records beside it are stored.
#[tokio::test]
async fn an_unknown_parent_is_named_and_costs_no_neighbour() {
    let bench = Bench::with(WriterSettings { writers: 1, ..patient() }).await;
    let parent = bench.remediation("parent").await.id;
    let child = |remediation_id| {
        NewRecord::AiAnalysis(NewAiAnalysis {
            remediation_id,
            analysis_type: "t".to_owned(),
            confidence: 1.0,
            recommendation: "r".to_owned(),
            reasoning: None,
            timestamp: Timestamp::now(),
            model: "m".to_owned(),
            tokens_used: None,
            latency_ms: None,
            recorded_by: "operator".to_owned(),
            correlation_id: None,
            alterations: None,
        })
    };
    let (good, bad, neighbour) =
        tokio::join!(bench.write(child(parent)), bench.write(child(4711)), bench.write(remediation("n")));
    assert!(good.is_ok() && neighbour.is_ok());
    assert_eq!(bad, Err(WriteError::ParentNotFound(4711)));
    assert_eq!(bench.count("SELECT count(*) AS n FROM ai_analysis_audit").await, 1);
}

/// F21, F37: a record of a month that has no partition is stored; so is one whose partition vanished meanwhile.
#[tokio::test]
async fn any_month_can_be_written() {
    let bench = Bench::new().await;
    let old = || {
        let mut record = remediation("old");
        if let NewRecord::Remediation(record) = &mut record {
            record.start_time = Timestamp::now().checked_add(chrono::TimeDelta::days(-3000)).unwrap();
        }
        record
    };
    bench.write(old()).await.unwrap();
    let drop_empty = "DO $$ DECLARE child regclass; BEGIN \
        SELECT tableoid INTO child FROM remediation_audit; EXECUTE format('DROP TABLE %s', child); END $$";
    diesel::sql_query(drop_empty).execute(&mut bench.connect().await).await.unwrap();
    assert_eq!(bench.count("SELECT count(*) AS n FROM remediation_audit").await, 0);
    bench.write(old()).await.unwrap();
    assert_eq!(bench.count("SELECT count(*) AS n FROM remediation_audit").await, 1);
}

/// The group's statements are prepared once a connection, whatever the size of the group.
#[tokio::test]
async fn fixed_statements_stay_prepared() {
    let bench = Bench::new().await;
    let mut connection = bench.connect().await;
    for size in [1, 3, 2] {
        let records: Vec<NewRecord> = (0..size).map(|n| remediation(&n.to_string())).collect();
        let items = records.iter().map(|record| Item { record, keyed: None }).collect();
        attempt(&mut connection, &GroupWork(items), Duration::from_secs(5)).await.unwrap();
    }
    let prepared =
        "SELECT count(*) AS n FROM pg_prepared_statements WHERE statement LIKE 'WITH stored AS (INSERT%'";
    assert_eq!(super::support::count(&mut connection, prepared).await, 1);
}
