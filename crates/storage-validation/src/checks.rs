//! Rules between fields. Each is silent when a field that it needs is missing or wrong in itself.

use storage_models::{Phase, RecordType, Status, Timestamp, WorkflowPhase};

use crate::draft::Draft;
use crate::problem::Problem;

/// Looks at a whole draft; gives the field that must change and why.
type Check = fn(&Draft<'_>) -> Option<(&'static str, Problem)>;

/// The rules of a record type.
pub(crate) const fn of(record_type: RecordType) -> &'static [Check] {
    match record_type {
        RecordType::Remediation => &[final_status, ends_after_start],
        RecordType::AiAnalysis => &[],
        RecordType::Workflow => &[final_status, ends_after_start, step_exists],
        RecordType::Execution => &[ends_after_start],
    }
}

/// A finished record says how it ended.
fn final_status(draft: &Draft<'_>) -> Option<(&'static str, Problem)> {
    let status: Status = draft.get("status")?;
    let is_open = is_finished(draft)? && !status.is_final();
    is_open.then_some(("/status", Problem::StatusRequired { found: status }))
}

/// Of either type with phases; the two sets share their last words.
fn is_finished(draft: &Draft<'_>) -> Option<bool> {
    let remediation = draft.get("phase").map(Phase::is_finished);
    remediation.or_else(|| draft.get("phase").map(WorkflowPhase::is_finished))
}

/// Nothing ends before it starts. A start that was not sent is the time of receipt.
fn ends_after_start(draft: &Draft<'_>) -> Option<(&'static str, Problem)> {
    let start: Timestamp = draft.get("start_time")?;
    let end: Timestamp = draft.get("end_time")?;
    let is_sent = !draft.is_filled("start_time");
    (end < start).then_some(("/end_time", Problem::EndsBeforeStart { start, is_sent }))
}

/// The current step is one of the steps, or 0 before the first.
fn step_exists(draft: &Draft<'_>) -> Option<(&'static str, Problem)> {
    let count: i64 = draft.get("step_count")?;
    let current: i64 = draft.get("current_step")?;
    let problem = || Problem::OutOfRange { low: "0".to_owned(), high: format!("step_count ({count})") };
    (current > count).then(|| ("/current_step", problem()))
}
