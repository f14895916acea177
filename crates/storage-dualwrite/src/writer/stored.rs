//! The row that a record has become.

use storage_models::{AiAnalysis, Execution, NewRecord, Record, Remediation, Timestamp, Workflow};

use super::insert::StoredRemediation;

/// Puts together what was sent with what the database added.
pub(super) fn as_stored(
    record: &NewRecord,
    id: i64,
    time: Timestamp,
    stored: Option<StoredRemediation>,
) -> Record {
    match record.clone() {
        NewRecord::Remediation(new) => {
            let (_, duration_ms, metadata) = stored.unwrap_or_default();
            Record::Remediation(Remediation {
                id,
                name: new.name,
                namespace: new.namespace,
                phase: new.phase,
                action_type: new.action_type,
                target_name: new.target_name,
                status: new.status,
                start_time: new.start_time,
                end_time: new.end_time,
                duration_ms,
                environment: new.environment,
                cluster: new.cluster,
                remediation_request_id: new.remediation_request_id,
                alert_name: new.alert_name,
                alert_fingerprint: new.alert_fingerprint,
                severity: new.severity,
                error_message: new.error_message,
                metadata,
                created_at: time,
                updated_at: time,
            })
        }
        NewRecord::AiAnalysis(new) => Record::AiAnalysis(AiAnalysis {
            id,
            remediation_id: new.remediation_id,
            analysis_type: new.analysis_type,
            confidence: new.confidence,
            recommendation: new.recommendation,
            reasoning: new.reasoning,
            timestamp: new.timestamp,
            model: new.model,
            tokens_used: new.tokens_used,
            latency_ms: new.latency_ms,
            created_at: time,
        }),
        NewRecord::Workflow(new) => Record::Workflow(Workflow {
            id,
            remediation_id: new.remediation_id,
            workflow_name: new.workflow_name,
            phase: new.phase,
            status: new.status,
            start_time: new.start_time,
            end_time: new.end_time,
            step_count: new.step_count,
            current_step: new.current_step,
            created_at: time,
            updated_at: time,
        }),
        NewRecord::Execution(new) => Record::Execution(Execution {
            id,
            remediation_id: new.remediation_id,
            action_type: new.action_type,
            target_kind: new.target_kind,
            target_name: new.target_name,
            namespace: new.namespace,
            status: new.status,
            start_time: new.start_time,
            end_time: new.end_time,
            error_message: new.error_message,
            dry_run: new.dry_run,
            created_at: time,
        }),
    }
}
