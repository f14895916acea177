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
const RECORDED_BY: Field = Field::new("recorded_by", NAME, Required, "Who sent it: the authenticated caller, or `anonymous` where callers are not told apart.").set_by(Service).filterable().example(Text("system:serviceaccount:remediation:workflow-controller"));
#[rustfmt::skip]
const CORRELATION_ID: Field = Field::new("correlation_id", Identifier(128), Optional, "The correlation id of the request that wrote it, which its lines in the logs have too.").set_by(Service).example(Text("0190b5f0-7b1e-7c3e-8f00-2a6c1d4e5f60"));
#[rustfmt::skip]
const ALTERATIONS: Field = Field::new("alterations", Kind::Alterations, Optional, "Where it differs from what was sent, and how; null when it does not.").set_by(Service).example(Null);

#[rustfmt::skip]
pub(super) const REMEDIATION: &[Field] = &[
    Field::new("id", Id, Required, "Its number, with the month of its own time.").set_by(Database).indexed().example(Integer(EXAMPLE_ID)),
    Field::new("name", NAME, Required, "The remediation's own name.").filterable().example(Text("checkout-restart")),
    Field::new("namespace", NAME, Required, "The Kubernetes namespace it acted in.").filterable().indexed().example(Text("payments")),
    Field::new("phase", Word(Phase::WORDS), Required, "How far it has come.").changeable(Forward).filterable().example(Text("processing")),
    Field::new("action_type", Identifier(100), Required, "What was done.").filterable().example(Text("restart-pod")),
    Field::new("target_name", NAME, Optional, "What it was done to.").filterable().indexed().example(Text("checkout-6d5f8b7c9d-x2x4z")),
    Field::new("status", Word(Status::WORDS), PENDING, "How it went. A finished one has success, failed or unknown.").changeable(Free).filterable().indexed().example(Text("running")),
    Field::new("start_time", Time, ReceivedAt, "When it began; the time of receipt unless it is said.").indexed().example(START),
    Field::new("end_time", Time, Optional, "When it ended, not before it began.").changeable(Free).example(Null),
    Field::new("duration_ms", Milliseconds, Optional, "From its begin to its end.").set_by(Database).example(Null),
    Field::new("environment", Identifier(50), Optional, "Such as `production`.").filterable().example(Text("production")),
    Field::new("cluster", NAME, Optional, "The cluster's name.").filterable().example(Text("eu-1")),
    Field::new("remediation_request_id", NAME, Optional, "The request that asked for it.").filterable().indexed().example(Text("rr-2041")),
    Field::new("alert_name", NAME, Optional, "The alert that caused it.").filterable().indexed().example(Text("KubePodCrashLooping")),
    Field::new("alert_fingerprint", NAME, Optional, "The alert's fingerprint.").filterable().indexed().example(Text("9f2c41d0a7b3e856")),
    Field::new("severity", Word(Severity::WORDS), Optional, "The alert's severity.").filterable().example(Text("critical")),
    Field::new("error_message", FreeText, Optional, "What went wrong.").changeable(Free).example(Text("Back-off restarting failed container")),
    Field::new("metadata", Metadata, Optional, "Anything else: an object of at most 256 KiB as it is stored, at most 32 levels deep.").changeable(Free).example(Json(r#"{"reason":"CrashLoopBackOff","restarts":17}"#)),
    RECORDED_BY,
    CORRELATION_ID,
    ALTERATIONS.changeable(Free),
    Field::new("created_at", Time, Required, "When it was stored.").set_by(Database).example(CREATED),
    Field::new("updated_at", Time, Required, "When it last changed.").set_by(Database).example(CREATED),
];

#[rustfmt::skip]
pub(super) const AI_ANALYSIS: &[Field] = &[
    Field::new("id", Id, Required, "Its number, with the month of its own time.").set_by(Database).indexed().example(Integer(EXAMPLE_ID)),
    Field::new("remediation_id", RemediationId, Required, "The remediation that was analysed.").filterable().indexed().example(Integer(EXAMPLE_ID)),
    Field::new("analysis_type", Identifier(100), Required, "What was asked.").filterable().example(Text("root-cause")),
    Field::new("confidence", Fraction, Required, "How sure the model was.").example(Real(0.875)),
    Field::new("recommendation", FreeText, Required, "What it advised.").example(Text("Raise the memory limit to 512Mi.")),
    Field::new("reasoning", FreeText, Optional, "Why.").example(Text("The container was OOM-killed 17 times.")),
    Field::new("timestamp", Time, ReceivedAt, "When it was made; the time of receipt unless it is said.").indexed().example(START),
    Field::new("model", NAME, Required, "Which model made it.").filterable().example(Text("analyst-2")),
    Field::new("tokens_used", Count, Optional, "Tokens it took.").example(Integer(1200)),
    Field::new("latency_ms", Count, Optional, "Milliseconds it took.").example(Integer(840)),
    RECORDED_BY,
    CORRELATION_ID,
    ALTERATIONS,
    Field::new("created_at", Time, Required, "When it was stored.").set_by(Database).example(CREATED),
];

#[rustfmt::skip]
pub(super) const WORKFLOW: &[Field] = &[
    Field::new("id", Id, Required, "Its number, with the month of its own time.").set_by(Database).indexed().example(Integer(EXAMPLE_ID)),
    Field::new("remediation_id", RemediationId, Required, "The remediation it ran for.").filterable().indexed().example(Integer(EXAMPLE_ID)),
    Field::new("workflow_name", NAME, Required, "Which workflow.").filterable().example(Text("restart-and-watch")),
    Field::new("phase", Word(WorkflowPhase::WORDS), Required, "How far it has come.").changeable(Forward).filterable().example(Text("executing")),
    Field::new("status", Word(Status::WORDS), PENDING, "How it went. A finished one has success, failed or unknown.").changeable(Free).filterable().example(Text("running")),
    Field::new("start_time", Time, ReceivedAt, "When it began; the time of receipt unless it is said.").indexed().example(START),
    Field::new("end_time", Time, Optional, "When it ended, not before it began.").changeable(Free).example(Null),
    Field::new("step_count", Count, Required, "How many steps it has.").example(Integer(3)),
    Field::new("current_step", Count, Default(Integer(0)), "The step it has reached, at most `step_count`; only grows.").changeable(Forward).example(Integer(1)),
    RECORDED_BY,
    CORRELATION_ID,
    ALTERATIONS.changeable(Free),
    Field::new("created_at", Time, Required, "When it was stored.").set_by(Database).example(CREATED),
    Field::new("updated_at", Time, Required, "When it last changed.").set_by(Database).example(CREATED),
];

#[rustfmt::skip]
pub(super) const EXECUTION: &[Field] = &[
    Field::new("id", Id, Required, "Its number, with the month of its own time.").set_by(Database).indexed().example(Integer(EXAMPLE_ID)),
    Field::new("remediation_id", RemediationId, Required, "The remediation it was done for.").filterable().indexed().example(Integer(EXAMPLE_ID)),
    Field::new("action_type", Identifier(100), Required, "What was done.").filterable().example(Text("delete-pod")),
    Field::new("target_kind", Identifier(100), Required, "The kind of object it was done to.").filterable().example(Text("Pod")),
    Field::new("target_name", NAME, Required, "That object's name.").filterable().example(Text("checkout-6d5f8b7c9d-x2x4z")),
    Field::new("namespace", NAME, Optional, "Its namespace; none for objects of the cluster.").filterable().example(Text("payments")),
    Field::new("status", Word(Status::WORDS), PENDING, "How it went.").filterable().example(Text("success")),
    Field::new("start_time", Time, ReceivedAt, "When it began; the time of receipt unless it is said.").indexed().example(START),
    Field::new("end_time", Time, Optional, "When it ended, not before it began.").example(END),
    Field::new("error_message", FreeText, Optional, "What went wrong.").example(Null),
    Field::new("dry_run", Flag, Default(Boolean(false)), "Whether it was only tried, changing nothing.").filterable().example(Boolean(false)),
    RECORDED_BY,
    CORRELATION_ID,
    ALTERATIONS,
    Field::new("created_at", Time, Required, "When it was stored.").set_by(Database).example(CREATED),
];

const PENDING: super::Presence = Default(Text(Status::Pending.as_str()));
