//! Valid records keep every field.

use std::borrow::Cow;

use serde_json::json;
use storage_models::fields::{Members as _, Value};
use storage_models::{
    Alteration, Alterations, Altered, JsonText, NewAiAnalysis, NewExecution, NewRecord, NewRemediation,
    NewWorkflow, RecordType, Status, Timestamp, WorkflowPhase,
};

use super::{full, minimal, now, run, with};
use crate::ValidRecord;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn full_remediation() -> NewRemediation {
    let metadata = r#"{"attempt":3,"nested":{"none":null,"ok":true},"tags":["a","<none>"]}"#;
    let metadata = JsonText::new(metadata.to_owned()).unwrap();
    let made = NewRemediation::of_values(|name| match name {
        "name" => Value::Text("restart-web".into()),
        "namespace" => Value::Text("shop".into()),
        "phase" => Value::Text("completed".into()),
        "action_type" => Value::Text("restart-pod".into()),
        "target_name" => Value::Text("web-7d4b9c6f5-x2x9z".into()),
        "status" => Value::Text("success".into()),
        "start_time" => Value::Time(time("2026-02-28T21:59:58.123456Z")),
        "end_time" => Value::Time(time("2026-02-28T22:00:01Z")),
        "environment" => Value::Text("production".into()),
        "cluster" => Value::Text("eu-1".into()),
        "remediation_request_id" => Value::Text("req-17".into()),
        "alert_name" => Value::Text("PodCrashLooping".into()),
        "alert_fingerprint" => Value::Text("a1b2c3".into()),
        "severity" => Value::Text("high".into()),
        "error_message" => Value::Text("exit code < 0 & more\n\tat line 3".into()),
        "metadata" => Value::Json(Cow::Borrowed(&metadata)),
        "recorded_by" => Value::Text("operator".into()),
        "correlation_id" => Value::Text("c-1".into()),
        "alterations" => Value::Null,
        name => RecordType::Remediation.field(name).unwrap().example.into(),
    });
    made.unwrap()
}

/// BR-STORAGE-001, F29: no field of a full record of any type is lost, changed or swapped with another.
#[test]
fn full_records_keep_every_field() {
    let (start, end) = (time("2026-03-01T11:00:00Z"), time("2026-03-01T11:30:00Z"));
    let ai_analysis = NewAiAnalysis {
        remediation_id: 7,
        analysis_type: "root-cause".to_owned(),
        confidence: 0.875,
        recommendation: "raise the limit".to_owned(),
        reasoning: text("memory > limit"),
        timestamp: start,
        model: "model-1".to_owned(),
        tokens_used: Some(1200),
        latency_ms: Some(350),
        recorded_by: "operator".to_owned(),
        correlation_id: text("c-1"),
        alterations: None,
    };
    let workflow = NewWorkflow {
        remediation_id: 8,
        workflow_name: "drain-and-restart".to_owned(),
        phase: WorkflowPhase::Executing,
        status: Status::Running,
        start_time: start,
        end_time: Some(end),
        step_count: 5,
        current_step: 2,
        recorded_by: "operator".to_owned(),
        correlation_id: text("c-1"),
        alterations: None,
    };
    let execution = NewExecution {
        remediation_id: 9,
        action_type: "scale".to_owned(),
        target_kind: "Deployment".to_owned(),
        target_name: "web".to_owned(),
        namespace: text("shop"),
        status: Status::Failed,
        start_time: start,
        end_time: Some(end),
        error_message: text("quota exceeded"),
        dry_run: true,
        recorded_by: "operator".to_owned(),
        correlation_id: text("c-1"),
        alterations: None,
    };
    for record in [
        NewRecord::Remediation(full_remediation()),
        NewRecord::AiAnalysis(ai_analysis),
        NewRecord::Workflow(workflow),
        NewRecord::Execution(execution),
    ] {
        let record_type = record.record_type();
        let expected = ValidRecord { record, sanitized_fields: vec![], adjusted_fields: vec![] };
        assert_eq!(run(record_type, &full(record_type)), Ok(expected));
    }
}

/// F17: absent and null are the same, and are nothing but the documented defaults.
#[test]
fn absent_and_null_are_defaults_or_none() {
    for record_type in RecordType::ALL {
        let sent = minimal(record_type);
        let mut nulls = full(record_type);
        for (field, value) in nulls.as_object_mut().unwrap() {
            *value = sent.get(field).cloned().unwrap_or_default();
        }
        let valid = run(record_type, &sent).unwrap();
        assert_eq!(run(record_type, &nulls), Ok(valid.clone()));
        assert_eq!(valid.sanitized_fields, [""; 0]);
        assert_eq!(valid.record.partition_time(), now());
    }
    let Ok(ValidRecord { record: NewRecord::Remediation(record), .. }) =
        run(RecordType::Remediation, &minimal(RecordType::Remediation))
    else {
        panic!("a minimal remediation is one");
    };
    assert_eq!(record.status, Status::Pending);
    let options = [
        record.target_name.is_none(),
        record.end_time.is_none(),
        record.environment.is_none(),
        record.cluster.is_none(),
        record.remediation_request_id.is_none(),
        record.alert_name.is_none(),
        record.alert_fingerprint.is_none(),
        record.severity.is_none(),
        record.error_message.is_none(),
        record.metadata.is_none(),
    ];
    assert_eq!(options, [true; 10]);
}

/// BR-STORAGE-001: null and empty are kept apart.
#[test]
fn empty_is_not_null() {
    let sent = with(RecordType::Remediation, "cluster", "");
    let Ok(ValidRecord { record: NewRecord::Remediation(record), sanitized_fields, .. }) =
        run(RecordType::Remediation, &sent)
    else {
        panic!("an empty cluster is valid");
    };
    assert_eq!((record.cluster, sanitized_fields), (text(""), vec![]));
    let mut sent = with(RecordType::Remediation, "error_message", "");
    sent["metadata"] = json!({});
    let expected = NewRemediation {
        error_message: text(""),
        metadata: Some(JsonText::new("{}".to_owned()).unwrap()),
        ..full_remediation()
    };
    assert_eq!(run(RecordType::Remediation, &sent).unwrap().record, NewRecord::Remediation(expected));
}

/// BR-STORAGE-011: every field that was altered is named, in order; nothing else is.
#[test]
fn altered_fields_are_named() {
    let mut sent = full(RecordType::Remediation);
    sent["error_message"] = json!("a<script>b</script>");
    sent["name"] = json!(" restart-web");
    sent["severity"] = json!("high\n");
    sent["cluster"] = json!("eu-1;");
    let valid = run(RecordType::Remediation, &sent).unwrap();
    assert_eq!(valid.sanitized_fields, ["/name", "/cluster", "/severity", "/error_message"]);
    let how = [Altered::Cleaned, Altered::Cleaned, Altered::Cleaned, Altered::Escaped];
    let alteration = |(pointer, what): (&String, Altered)| Alteration::new(pointer.clone(), what);
    let alterations = Alterations::of(valid.sanitized_fields.iter().zip(how).map(alteration).collect());
    let error_message = text("a&lt;script&gt;b&lt;/script&gt;");
    let expected = NewRemediation { error_message, alterations, ..full_remediation() };
    assert_eq!(valid.record, NewRecord::Remediation(expected));
}
