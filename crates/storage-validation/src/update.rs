//! A change of a record that exists: a JSON merge patch (RFC 7396), judged by what the record would become.

use std::collections::BTreeMap;

use storage_models::json::{Parsed, pointer_to};
use storage_models::{
    Json, JsonText, Phase, Record, RecordType, RecordUpdate, Remediation, RemediationUpdate, Timestamp,
    Workflow, WorkflowPhase, WorkflowUpdate,
};

use crate::draft::Draft;
use crate::field::{Field, Kind, Need, Value};
use crate::problem::Problem;
use crate::record::{rank, sort, unmade};
use crate::report::Report;
use crate::tables::Table;
use crate::time::Window;
use crate::{Invalid, metadata};

/// An update that may be made.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidUpdate {
    /// What the record becomes.
    pub update: RecordUpdate,
    /// Where it differs from what was sent, as in [`crate::Valid::sanitized_fields`].
    pub sanitized_fields: Vec<String>,
}

/// Why a change is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefusedUpdate {
    /// The patch, or what the record would become, breaks a rule.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Records of this type are never changed.
    #[error("records of the type {0} cannot be changed")]
    Unchangeable(RecordType),
    /// The record is finished.
    #[error("the record is finished (phase {phase}) and cannot be changed")]
    Finished {
        /// The phase it is in.
        phase: &'static str,
    },
    /// A field that only moves forward would move back.
    #[error("{field} cannot go back from {from} to {to}")]
    Backwards {
        /// Which field.
        field: &'static str,
        /// What it is.
        from: String,
        /// What it would become.
        to: String,
    },
}

/// What may be changed of a remediation.
const REMEDIATION: &[&str] = &["phase", "status", "end_time", "error_message", "metadata"];
/// What may be changed of a workflow run.
const WORKFLOW: &[&str] = &["phase", "status", "end_time", "current_step"];

/// Applies a merge patch to a record. `null` removes `end_time`, `error_message`, the metadata or a key of it;
/// limits hold for what the record becomes, and so do the rules between fields.
///
/// # Errors
/// See [`RefusedUpdate`]; a patch of a finished record is not looked at.
pub fn update(current: &Record, patch: Parsed, received_at: Timestamp) -> Result<ValidUpdate, RefusedUpdate> {
    let changeable = changeable(current)?;
    let table = Table::of(current.record_type());
    let mut report = Report::new(patch.faults);
    let mut draft = as_draft(current);
    read(table, changeable, patch.value, &Window::around(received_at), &mut draft, &mut report);
    for (pointer, problem) in table.checks.iter().filter_map(|check| check(&draft)) {
        report.problem(pointer, &problem);
    }
    let sanitized_fields = report.finish(|pointer| rank(table, pointer))?;
    let update = match current {
        Record::Remediation(current) => remediation(current, draft)?.map(RecordUpdate::Remediation),
        Record::Workflow(current) => workflow(current, draft)?.map(RecordUpdate::Workflow),
        Record::AiAnalysis(_) | Record::Execution(_) => None,
    };
    let update = update.ok_or_else(|| Invalid::new(vec![unmade()], 0))?;
    Ok(ValidUpdate { update, sanitized_fields })
}

/// What may be changed of the record, if it may be changed at all.
const fn changeable(current: &Record) -> Result<&'static [&'static str], RefusedUpdate> {
    match current {
        Record::Remediation(it) if it.phase.is_finished() => {
            Err(RefusedUpdate::Finished { phase: it.phase.as_str() })
        }
        Record::Workflow(it) if it.phase.is_finished() => {
            Err(RefusedUpdate::Finished { phase: it.phase.as_str() })
        }
        Record::Remediation(_) => Ok(REMEDIATION),
        Record::Workflow(_) => Ok(WORKFLOW),
        Record::AiAnalysis(_) | Record::Execution(_) => {
            Err(RefusedUpdate::Unchangeable(current.record_type()))
        }
    }
}

/// The record's fields that a patch may change or a check may look at.
fn as_draft(record: &Record) -> Draft {
    let text = |text: &str| Some(Value::Text(text.to_owned()));
    let mut draft = Draft::default();
    let mut set = |name, value: Option<Value>| value.into_iter().for_each(|value| draft.set(name, value));
    match record {
        Record::Remediation(it) => {
            set("phase", text(it.phase.as_str()));
            set("status", text(it.status.as_str()));
            set("start_time", Some(Value::Time(it.start_time)));
            set("end_time", it.end_time.map(Value::Time));
            set("error_message", it.error_message.as_deref().and_then(text));
            set("metadata", it.metadata.clone().map(Value::Json));
        }
        Record::Workflow(it) => {
            set("phase", text(it.phase.as_str()));
            set("status", text(it.status.as_str()));
            set("start_time", Some(Value::Time(it.start_time)));
            set("end_time", it.end_time.map(Value::Time));
            set("step_count", Some(Value::Integer(it.step_count.into())));
            set("current_step", Some(Value::Integer(it.current_step.into())));
        }
        Record::AiAnalysis(_) | Record::Execution(_) => {}
    }
    draft
}

fn read(
    table: &'static Table,
    changeable: &[&str],
    patch: Json,
    window: &Window,
    draft: &mut Draft,
    report: &mut Report,
) {
    let members = match patch {
        Json::Object(members) => members,
        other => {
            report.problem("", &Problem::WrongType { expected: "an object", found: other.kind() });
            return;
        }
    };
    let (mut known, unknown) = sort(table, members);
    for field in table.fields {
        let Some(sent) = known.remove(field.name) else { continue };
        if !changeable.contains(&field.name) {
            report.problem(&pointer_to("", field.name), &Problem::CannotChange);
            continue;
        }
        match read_field(field, sent, window, draft, report) {
            Some(value) => draft.set(field.name, value),
            None => draft.unset(field.name),
        }
    }
    for name in unknown {
        let is_ours = table.set_by_server.contains(&name.as_str());
        let problem = if is_ours { Problem::SetByServer } else { Problem::UnknownField };
        report.listed_problem(|| pointer_to("", &name), &problem);
    }
}

fn read_field(
    field: &Field,
    sent: Json,
    window: &Window,
    draft: &Draft,
    report: &mut Report,
) -> Option<Value> {
    let pointer = pointer_to("", field.name);
    match (field.kind, sent) {
        // A fault stands as null, and is told as what it is.
        (_, Json::Null) if report.is_faulty(&pointer) => None,
        (_, Json::Null) => {
            if !matches!(field.need, Need::Optional) {
                report.problem(&pointer, &Problem::Required);
            }
            None
        }
        (Kind::Metadata, patch @ Json::Object(_)) => {
            let current = draft.get::<JsonText>(field.name).map(|text| text.to_json());
            metadata::read(merged(current, patch), &pointer, report).map(Value::Json)
        }
        (_, sent) => field.read(sent, window, report),
    }
}

/// RFC 7396, section 2. Each key is looked up; the order of members, which PostgreSQL does not keep, is lost.
fn merged(target: Option<Json>, patch: Json) -> Json {
    let Json::Object(changes) = patch else { return patch };
    let mut members: BTreeMap<String, Json> = match target {
        Some(Json::Object(members)) => members.into_iter().collect(),
        _ => BTreeMap::new(),
    };
    for (key, change) in changes {
        let before = members.remove(&key);
        if change != Json::Null {
            members.insert(key, merged(before, change));
        }
    }
    Json::Object(members.into_iter().collect())
}

/// `None` where a required field is missing, which then was said.
fn remediation(current: &Remediation, mut draft: Draft) -> Result<Option<RemediationUpdate>, RefusedUpdate> {
    let (Some(phase), Some(status)) = (draft.take::<Phase>("phase"), draft.take("status")) else {
        return Ok(None);
    };
    forward("phase", (current.phase, current.phase.as_str()), (phase, phase.as_str()))?;
    Ok(Some(RemediationUpdate {
        phase,
        status,
        end_time: draft.take("end_time"),
        error_message: draft.take("error_message"),
        metadata: draft.take("metadata"),
    }))
}

/// As [`remediation`].
fn workflow(current: &Workflow, mut draft: Draft) -> Result<Option<WorkflowUpdate>, RefusedUpdate> {
    let fields =
        (draft.take::<WorkflowPhase>("phase"), draft.take("status"), draft.take::<i32>("current_step"));
    let (Some(phase), Some(status), Some(current_step)) = fields else { return Ok(None) };
    forward("phase", (current.phase, current.phase.as_str()), (phase, phase.as_str()))?;
    forward("current_step", (current.current_step, current.current_step), (current_step, current_step))?;
    Ok(Some(WorkflowUpdate { phase, status, end_time: draft.take("end_time"), current_step }))
}

/// Each side is a value and how it is written.
fn forward<T: Ord, W: ToString>(field: &'static str, from: (T, W), to: (T, W)) -> Result<(), RefusedUpdate> {
    if to.0 >= from.0 {
        return Ok(());
    }
    Err(RefusedUpdate::Backwards { field, from: from.1.to_string(), to: to.1.to_string() })
}
