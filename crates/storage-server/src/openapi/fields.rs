//! The fields of the records, once for what is sent, what is changed and what is answered.

use serde_json::{Value, json};
use storage_models::{
    AiAnalysis, Execution, Phase, RecordType, Remediation, Severity, Status, Workflow, WorkflowPhase,
};
use storage_query::Incident;
use storage_validation::MAX_FREE_TEXT_BYTES;
use utoipa::openapi::{Object, RefOr, Schema};

use super::bodies::Schemas;
use super::kinds::{Kind, closed, named as at, nullable};
use super::records::Named as _;

/// One field of a record.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) need: Need,
    /// What the example has.
    pub(super) example: Value,
    pub(super) about: &'static str,
}

/// Who says what a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// The server alone.
    Server,
    /// The server alone, and perhaps nothing.
    ServerOrNull,
    /// The client must.
    Required,
    /// The client may; else it is null.
    Optional,
    /// The client may; else it has its default.
    Default,
}

impl Field {
    fn is_sent(&self) -> bool {
        !matches!(self.need, Need::Server | Need::ServerOrNull)
    }

    /// As it is read, with its example.
    fn shown(&self) -> RefOr<Schema> {
        let schema = self.kind.schema(false).description(Some(self.about)).examples([self.example.clone()]);
        let is_nullable = matches!(self.need, Need::Optional | Need::ServerOrNull);
        RefOr::T(Schema::Object(if is_nullable { nullable(schema) } else { schema.build() }))
    }

    fn property(&self, is_nullable: bool, is_strict: bool) -> RefOr<Schema> {
        let schema = self.kind.schema(is_strict).description(Some(self.about));
        let schema = if is_nullable { nullable(schema) } else { schema.build() };
        RefOr::T(Schema::Object(schema))
    }
}

/// The name of a record type's schema.
pub(crate) const fn schema_name(record_type: RecordType) -> &'static str {
    match record_type {
        RecordType::Remediation => Remediation::NAME,
        RecordType::AiAnalysis => AiAnalysis::NAME,
        RecordType::Workflow => Workflow::NAME,
        RecordType::Execution => Execution::NAME,
    }
}

/// The keys of an incident, in the order of an answer; each is the remediation's field of that name.
const INCIDENT: [&str; 17] = [
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
];

/// The schemas of records: as they are read, as they are sent, and as they are changed.
pub(super) fn schemas() -> Schemas {
    let of_type = |record_type: RecordType| {
        let (name, fields) = (schema_name(record_type), of(record_type));
        let patch = is_changeable(record_type).then(|| (format!("{name}Patch"), patch(record_type)));
        let both = [(name.to_owned(), record(&fields)), (format!("New{name}"), new_record(&fields))];
        both.into_iter().chain(patch)
    };
    let incident = named(Incident::NAME).map(|incident| (Incident::NAME.to_owned(), incident));
    let all = RecordType::ALL.into_iter().flat_map(of_type).chain(incident);
    all.map(|(name, object)| (name, RefOr::T(Schema::Object(object)))).collect()
}

/// The fields of what is read under this name, in the order of an answer.
fn read_as(name: &str) -> Option<Vec<Field>> {
    if name == Incident::NAME {
        let mut fields = of(RecordType::Remediation);
        fields.retain(|field| INCIDENT.contains(&field.name));
        fields.sort_by_key(|field| INCIDENT.iter().position(|key| *key == field.name));
        return Some(fields);
    }
    RecordType::ALL.into_iter().find(|record_type| schema_name(*record_type) == name).map(of)
}

/// The schema of what is read under this name.
pub(super) fn named(name: &str) -> Option<Object> {
    read_as(name).map(|fields| record(&fields))
}

/// The schema of a record that is sent.
pub(crate) fn new_schema(record_type: RecordType) -> RefOr<Schema> {
    at(&format!("New{}", schema_name(record_type)))
}

/// The schema of a change.
pub(crate) fn patch_schema(record_type: RecordType) -> RefOr<Schema> {
    at(&format!("{}Patch", schema_name(record_type)))
}

/// Whether records of the type are ever changed.
pub(crate) fn is_changeable(record_type: RecordType) -> bool {
    !changeable(record_type).is_empty()
}

/// What a change may name.
const fn changeable(record_type: RecordType) -> &'static [&'static str] {
    match record_type {
        RecordType::Remediation => &["phase", "status", "end_time", "error_message", "metadata"],
        RecordType::Workflow => &["phase", "status", "end_time", "current_step"],
        RecordType::AiAnalysis | RecordType::Execution => &[],
    }
}

/// A record as it is read.
fn record(fields: &[Field]) -> Object {
    let object = fields
        .iter()
        .fold(closed(), |object, field| object.property(field.name, field.shown()).required(field.name));
    object.build()
}

/// A record as it is sent.
fn new_record(fields: &[Field]) -> Object {
    let sent = fields.iter().filter(|field| field.is_sent());
    let object = sent.fold(closed(), |object, field| {
        let is_required = field.need == Need::Required;
        let object = object.property(field.name, field.property(!is_required, is_required));
        if is_required { object.required(field.name) } else { object }
    });
    object.build()
}

/// A change of a record.
fn patch(record_type: RecordType) -> Object {
    let fields = of(record_type);
    let named = fields.iter().filter(|field| changeable(record_type).contains(&field.name));
    let object = named.fold(closed(), |object, field| {
        object.property(field.name, field.property(field.need == Need::Optional, false))
    });
    object.build()
}

/// The example of a record that is sent.
pub(crate) fn new_example(record_type: RecordType) -> Value {
    let sent = of(record_type).into_iter().filter(Field::is_sent);
    Value::Object(sent.map(|field| (field.name.to_owned(), field.example)).collect())
}

fn words<T: Copy + 'static>(all: &[T], word: fn(T) -> &'static str) -> Kind {
    Kind::Word(all.iter().copied().map(word).collect())
}

pub(super) fn phase() -> Kind {
    words(Phase::ALL, Phase::as_str)
}

pub(super) fn workflow_phase() -> Kind {
    words(WorkflowPhase::ALL, WorkflowPhase::as_str)
}

pub(super) fn status() -> Kind {
    words(Status::ALL, Status::as_str)
}

pub(super) fn severity() -> Kind {
    words(Severity::ALL, Severity::as_str)
}

/// The largest value of PostgreSQL's INT.
const COUNT: Kind = Integer(0, 2_147_483_647);

/// Free text of a record.
fn free_text() -> Kind {
    Kind::FreeText(usize::try_from(MAX_FREE_TEXT_BYTES).unwrap_or(usize::MAX))
}

/// The fields of a record type, in the order of an answer.
pub(super) fn of(record_type: RecordType) -> Vec<Field> {
    match record_type {
        RecordType::Remediation => remediation(),
        RecordType::AiAnalysis => analysis(),
        RecordType::Workflow => workflow(),
        RecordType::Execution => execution(),
    }
}

/// Writes a table of fields as rows.
macro_rules! fields {
    ($($name:literal, $need:ident, $kind:expr, $example:expr, $about:literal;)+) => {
        vec![$(Field { name: $name, kind: $kind, need: Need::$need, example: json!($example), about: $about },)+]
    };
}

use Kind::{Flag, Fraction, Free, Id, Identifier, Integer, Time};

fn remediation() -> Vec<Field> {
    fields! {
        "id", Server, Id, 1, "Assigned by the database.";
        "name", Required, Identifier(255), "checkout-restart", "The remediation's own name.";
        "namespace", Required, Identifier(255), "payments", "The Kubernetes namespace it acted in.";
        "phase", Required, phase(), "processing", "How far it has come.";
        "action_type", Required, Identifier(100), "restart-pod", "What was done.";
        "target_name", Optional, Identifier(255), "checkout-6d5f8b7c9d-x2x4z", "What it was done to.";
        "status", Default, status(), "running", "How it went. A finished one has success, failed or unknown.";
        "start_time", Default, Time, START, "When it began; the time of receipt unless it is said.";
        "end_time", Optional, Time, Value::Null, "When it ended, not before it began.";
        "duration_ms", ServerOrNull, Integer(0, i64::MAX), Value::Null, "From its begin to its end.";
        "environment", Optional, Identifier(50), "production", "Such as `production`.";
        "cluster", Optional, Identifier(255), "eu-1", "The cluster's name.";
        "remediation_request_id", Optional, Identifier(255), "rr-2041", "The request that asked for it.";
        "alert_name", Optional, Identifier(255), "KubePodCrashLooping", "The alert that caused it.";
        "alert_fingerprint", Optional, Identifier(255), "9f2c41d0a7b3e856", "The alert's fingerprint.";
        "severity", Optional, severity(), "critical", "The alert's severity.";
        "error_message", Optional, free_text(), "Back-off restarting failed container", "What went wrong.";
        "metadata", Optional, Free, json!({ "reason": "CrashLoopBackOff", "restarts": 17 }),
            "Anything else: an object of at most 256 KiB as it is stored, at most 32 levels deep.";
        "created_at", Server, Time, CREATED, "When it was stored.";
        "updated_at", Server, Time, CREATED, "When it last changed.";
    }
}

fn analysis() -> Vec<Field> {
    fields! {
        "id", Server, Id, 1, "Assigned by the database.";
        "remediation_id", Required, Id, 1, "The remediation that was analysed.";
        "analysis_type", Required, Identifier(100), "root-cause", "What was asked.";
        "confidence", Required, Fraction, 0.875, "How sure the model was.";
        "recommendation", Required, free_text(), "Raise the memory limit to 512Mi.", "What it advised.";
        "reasoning", Optional, free_text(), "The container was OOM-killed 17 times.", "Why.";
        "timestamp", Default, Time, START, "When it was made; the time of receipt unless it is said.";
        "model", Required, Identifier(255), "analyst-2", "Which model made it.";
        "tokens_used", Optional, COUNT, 1200, "Tokens it took.";
        "latency_ms", Optional, COUNT, 840, "Milliseconds it took.";
        "created_at", Server, Time, CREATED, "When it was stored.";
    }
}

fn workflow() -> Vec<Field> {
    fields! {
        "id", Server, Id, 1, "Assigned by the database.";
        "remediation_id", Required, Id, 1, "The remediation it ran for.";
        "workflow_name", Required, Identifier(255), "restart-and-watch", "Which workflow.";
        "phase", Required, workflow_phase(), "executing", "How far it has come.";
        "status", Default, status(), "running", "How it went. A finished one has success, failed or unknown.";
        "start_time", Default, Time, START, "When it began; the time of receipt unless it is said.";
        "end_time", Optional, Time, Value::Null, "When it ended, not before it began.";
        "step_count", Required, COUNT, 3, "How many steps it has.";
        "current_step", Default, COUNT, 1, "The step it has reached, at most `step_count`; only grows.";
        "created_at", Server, Time, CREATED, "When it was stored.";
        "updated_at", Server, Time, CREATED, "When it last changed.";
    }
}

fn execution() -> Vec<Field> {
    fields! {
        "id", Server, Id, 1, "Assigned by the database.";
        "remediation_id", Required, Id, 1, "The remediation it was done for.";
        "action_type", Required, Identifier(100), "delete-pod", "What was done.";
        "target_kind", Required, Identifier(100), "Pod", "The kind of object it was done to.";
        "target_name", Required, Identifier(255), "checkout-6d5f8b7c9d-x2x4z", "That object's name.";
        "namespace", Optional, Identifier(255), "payments", "Its namespace; none for objects of the cluster.";
        "status", Default, status(), "success", "How it went.";
        "start_time", Default, Time, START, "When it began; the time of receipt unless it is said.";
        "end_time", Optional, Time, END, "When it ended, not before it began.";
        "error_message", Optional, free_text(), Value::Null, "What went wrong.";
        "dry_run", Default, Flag, false, "Whether it was only tried, changing nothing.";
        "created_at", Server, Time, CREATED, "When it was stored.";
    }
}

const START: &str = "2026-01-02T03:04:05.123456Z";
const END: &str = "2026-01-02T03:04:06.623456Z";
const CREATED: &str = "2026-01-02T03:04:07.000001Z";
