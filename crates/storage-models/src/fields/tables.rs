//! The table of each record type: one line a field.

use super::Change::{Forward, Free};
use super::Constant::{Boolean, Integer, Json, Null, Real, Text};
use super::Kind::{
    Boolean as Flag, Count, Fraction, FreeText, Id, Identifier, Metadata, Milliseconds, RemediationId, Time,
    Word,
};
use super::Presence::{Default, Optional, ReceivedAt, Required};
use super::SetBy::{Database, Service};
use super::field::NAME_CHARS;
use super::{EXAMPLE_ID, Field, Kind};
use crate::{Phase, Severity, Status, WorkflowPhase};

const NAME: Kind = Identifier(NAME_CHARS);

const START: super::Constant = Text("2026-01-02T03:04:05.123456Z");
const END: super::Constant = Text("2026-01-02T03:04:06.623456Z");
const CREATED: super::Constant = Text("2026-01-02T03:04:07.000001Z");

/// Set by the service in records of every type.
#[rustfmt::skip]
const RECORDED_BY: Field = Field::new("recorded_by", NAME, Required, "The authenticated caller that sent the record; `anonymous` without authentication.").set_by(Service).filterable().example(Text("system:serviceaccount:remediation:workflow-controller"));
#[rustfmt::skip]
const CORRELATION_ID: Field = Field::new("correlation_id", Identifier(128), Optional, "The correlation id of the request that wrote the record; the log lines of the request have it too.").set_by(Service).example(Text("0190b5f0-7b1e-7c3e-8f00-2a6c1d4e5f60"));
#[rustfmt::skip]
const ALTERATIONS: Field = Field::new("alterations", Kind::Alterations, Optional, "The places where the record differs from the request, and how; null if it does not differ.").set_by(Service).example(Null);

#[rustfmt::skip]
pub(super) const REMEDIATION: &[Field] = &[
    Field::new("id", Id, Required, "The number of the record, which contains the month of its time.").set_by(Database).indexed().example(Integer(EXAMPLE_ID)),
    Field::new("name", NAME, Required, "The name of the remediation.").filterable().example(Text("checkout-restart")),
    Field::new("namespace", NAME, Required, "The Kubernetes namespace of the action.").filterable().indexed().example(Text("payments")),
    Field::new("phase", Word(Phase::WORDS), Required, "The progress.").changeable(Forward).filterable().example(Text("processing")),
    Field::new("action_type", Identifier(100), Required, "The action.").filterable().example(Text("restart-pod")),
    Field::new("target_name", NAME, Optional, "The object of the action.").filterable().indexed().example(Text("checkout-6d5f8b7c9d-x2x4z")),
    Field::new("status", Word(Status::WORDS), PENDING, "The outcome. A finished record has success, failed or unknown.").changeable(Free).filterable().indexed().example(Text("running")),
    Field::new("start_time", Time, ReceivedAt, "The start time; the time of receipt by default.").indexed().example(START),
    Field::new("end_time", Time, Optional, "The end time, not before `start_time`.").changeable(Free).example(Null),
    Field::new("duration_ms", Milliseconds, Optional, "Milliseconds from the start to the end.").set_by(Database).example(Null),
    Field::new("environment", Identifier(50), Optional, "The environment, for example `production`.").filterable().example(Text("production")),
    Field::new("cluster", NAME, Optional, "The name of the cluster.").filterable().example(Text("eu-1")),
    Field::new("remediation_request_id", NAME, Optional, "The id of the remediation request.").filterable().indexed().example(Text("rr-2041")),
    Field::new("alert_name", NAME, Optional, "The name of the alert that caused the remediation.").filterable().indexed().example(Text("KubePodCrashLooping")),
    Field::new("alert_fingerprint", NAME, Optional, "The fingerprint of the alert.").filterable().indexed().example(Text("9f2c41d0a7b3e856")),
    Field::new("severity", Word(Severity::WORDS), Optional, "The severity of the alert.").filterable().example(Text("critical")),
    Field::new("error_message", FreeText, Optional, "The error.").changeable(Free).example(Text("Back-off restarting failed container")),
    Field::new("metadata", Metadata, Optional, "Any other data: an object of at most 256 KiB when stored and at most 32 levels.").changeable(Free).example(Json(r#"{"reason":"CrashLoopBackOff","restarts":17}"#)),
    RECORDED_BY,
    CORRELATION_ID,
    ALTERATIONS.changeable(Free),
    Field::new("created_at", Time, Required, "The time when the record was stored.").set_by(Database).example(CREATED),
    Field::new("updated_at", Time, Required, "The time of the record's last change.").set_by(Database).example(CREATED),
];

#[rustfmt::skip]
pub(super) const AI_ANALYSIS: &[Field] = &[
    Field::new("id", Id, Required, "The number of the record, which contains the month of its time.").set_by(Database).indexed().example(Integer(EXAMPLE_ID)),
    Field::new("remediation_id", RemediationId, Required, "The id of the remediation that was analysed.").filterable().indexed().example(Integer(EXAMPLE_ID)),
    Field::new("analysis_type", Identifier(100), Required, "The kind of analysis.").filterable().example(Text("root-cause")),
    Field::new("confidence", Fraction, Required, "The confidence of the model.").example(Real(0.875)),
    Field::new("recommendation", FreeText, Required, "The recommendation of the model.").example(Text("Raise the memory limit to 512Mi.")),
    Field::new("reasoning", FreeText, Optional, "Why.").example(Text("The container was OOM-killed 17 times.")),
    Field::new("timestamp", Time, ReceivedAt, "The time of the analysis; the time of receipt by default.").indexed().example(START),
    Field::new("model", NAME, Required, "The name of the model.").filterable().example(Text("analyst-2")),
    Field::new("tokens_used", Count, Optional, "The number of tokens that the model used.").example(Integer(1200)),
    Field::new("latency_ms", Count, Optional, "The milliseconds that the model took.").example(Integer(840)),
    RECORDED_BY,
    CORRELATION_ID,
    ALTERATIONS,
    Field::new("created_at", Time, Required, "The time when the record was stored.").set_by(Database).example(CREATED),
];

#[rustfmt::skip]
pub(super) const WORKFLOW: &[Field] = &[
    Field::new("id", Id, Required, "The number of the record, which contains the month of its time.").set_by(Database).indexed().example(Integer(EXAMPLE_ID)),
    Field::new("remediation_id", RemediationId, Required, "The id of the remediation of the workflow run.").filterable().indexed().example(Integer(EXAMPLE_ID)),
    Field::new("workflow_name", NAME, Required, "Which workflow.").filterable().example(Text("restart-and-watch")),
    Field::new("phase", Word(WorkflowPhase::WORDS), Required, "The progress.").changeable(Forward).filterable().example(Text("executing")),
    Field::new("status", Word(Status::WORDS), PENDING, "The outcome. A finished record has success, failed or unknown.").changeable(Free).filterable().example(Text("running")),
    Field::new("start_time", Time, ReceivedAt, "The start time; the time of receipt by default.").indexed().example(START),
    Field::new("end_time", Time, Optional, "The end time, not before `start_time`.").changeable(Free).example(Null),
    Field::new("step_count", Count, Required, "The number of steps.").example(Integer(3)),
    Field::new("current_step", Count, Default(Integer(0)), "The current step, at most `step_count`; it cannot go back.").changeable(Forward).example(Integer(1)),
    RECORDED_BY,
    CORRELATION_ID,
    ALTERATIONS.changeable(Free),
    Field::new("created_at", Time, Required, "The time when the record was stored.").set_by(Database).example(CREATED),
    Field::new("updated_at", Time, Required, "The time of the record's last change.").set_by(Database).example(CREATED),
];

#[rustfmt::skip]
pub(super) const EXECUTION: &[Field] = &[
    Field::new("id", Id, Required, "The number of the record, which contains the month of its time.").set_by(Database).indexed().example(Integer(EXAMPLE_ID)),
    Field::new("remediation_id", RemediationId, Required, "The id of the remediation of the execution.").filterable().indexed().example(Integer(EXAMPLE_ID)),
    Field::new("action_type", Identifier(100), Required, "The action.").filterable().example(Text("delete-pod")),
    Field::new("target_kind", Identifier(100), Required, "The kind of the action's object.").filterable().example(Text("Pod")),
    Field::new("target_name", NAME, Required, "The name of the action's object.").filterable().example(Text("checkout-6d5f8b7c9d-x2x4z")),
    Field::new("namespace", NAME, Optional, "The namespace of the action's object; null for objects of the whole cluster.").filterable().example(Text("payments")),
    Field::new("status", Word(Status::WORDS), PENDING, "The outcome.").filterable().example(Text("success")),
    Field::new("start_time", Time, ReceivedAt, "The start time; the time of receipt by default.").indexed().example(START),
    Field::new("end_time", Time, Optional, "The end time, not before `start_time`.").example(END),
    Field::new("error_message", FreeText, Optional, "The error.").example(Null),
    Field::new("dry_run", Flag, Default(Boolean(false)), "Whether the execution was a dry run, which changes nothing.").filterable().example(Boolean(false)),
    RECORDED_BY,
    CORRELATION_ID,
    ALTERATIONS,
    Field::new("created_at", Time, Required, "The time when the record was stored.").set_by(Database).example(CREATED),
];

const PENDING: super::Presence = Default(Text(Status::Pending.as_str()));
