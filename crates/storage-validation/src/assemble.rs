//! From a draft without errors to a record. `None` where a required field is missing, which then was said.

use storage_models::{NewAiAnalysis, NewExecution, NewRecord, NewRemediation, NewWorkflow, RecordType};

use crate::draft::Draft;

/// Makes the record.
pub(crate) fn assemble(record_type: RecordType, draft: Draft) -> Option<NewRecord> {
    match record_type {
        RecordType::Remediation => remediation(draft).map(NewRecord::Remediation),
        RecordType::AiAnalysis => ai_analysis(draft).map(NewRecord::AiAnalysis),
        RecordType::Workflow => workflow(draft).map(NewRecord::Workflow),
        RecordType::Execution => execution(draft).map(NewRecord::Execution),
    }
}

fn remediation(mut draft: Draft) -> Option<NewRemediation> {
    Some(NewRemediation {
        name: draft.take("name")?,
        namespace: draft.take("namespace")?,
        phase: draft.take("phase")?,
        action_type: draft.take("action_type")?,
        target_name: draft.take("target_name"),
        status: draft.take("status")?,
        start_time: draft.take("start_time")?,
        end_time: draft.take("end_time"),
        environment: draft.take("environment"),
        cluster: draft.take("cluster"),
        remediation_request_id: draft.take("remediation_request_id"),
        alert_name: draft.take("alert_name"),
        alert_fingerprint: draft.take("alert_fingerprint"),
        severity: draft.take("severity"),
        error_message: draft.take("error_message"),
        metadata: draft.take("metadata"),
    })
}

fn ai_analysis(mut draft: Draft) -> Option<NewAiAnalysis> {
    Some(NewAiAnalysis {
        remediation_id: draft.take("remediation_id")?,
        analysis_type: draft.take("analysis_type")?,
        confidence: draft.take("confidence")?,
        recommendation: draft.take("recommendation")?,
        reasoning: draft.take("reasoning"),
        timestamp: draft.take("timestamp")?,
        model: draft.take("model")?,
        tokens_used: draft.take("tokens_used"),
        latency_ms: draft.take("latency_ms"),
    })
}

fn workflow(mut draft: Draft) -> Option<NewWorkflow> {
    Some(NewWorkflow {
        remediation_id: draft.take("remediation_id")?,
        workflow_name: draft.take("workflow_name")?,
        phase: draft.take("phase")?,
        status: draft.take("status")?,
        start_time: draft.take("start_time")?,
        end_time: draft.take("end_time"),
        step_count: draft.take("step_count")?,
        current_step: draft.take("current_step")?,
    })
}

fn execution(mut draft: Draft) -> Option<NewExecution> {
    Some(NewExecution {
        remediation_id: draft.take("remediation_id")?,
        action_type: draft.take("action_type")?,
        target_kind: draft.take("target_kind")?,
        target_name: draft.take("target_name")?,
        namespace: draft.take("namespace"),
        status: draft.take("status")?,
        start_time: draft.take("start_time")?,
        end_time: draft.take("end_time"),
        error_message: draft.take("error_message"),
        dry_run: draft.take("dry_run")?,
    })
}
