//! The schemas of records, from the tables of their fields.

use serde_json::Value;
use storage_models::fields::{Field, Kind, Presence};
use storage_models::{AiAnalysis, Execution, RecordType, Remediation, Workflow};
use storage_query::Incident;
use utoipa::openapi::{Object, ObjectBuilder, RefOr, Schema};

use super::schema::{self, Schemas, closed, nullable};

/// What is read under this name.
pub(crate) trait Named: 'static {
    /// The name of its schema.
    const NAME: &'static str;
    /// Of which records it is made.
    const OF: RecordType;
}

macro_rules! named {
    ($($type:ident of $record_type:ident,)+) => {$(
        impl Named for $type {
            const NAME: &'static str = stringify!($type);
            const OF: RecordType = RecordType::$record_type;
        }
    )+};
}

named! {
    Remediation of Remediation,
    AiAnalysis of AiAnalysis,
    Workflow of Workflow,
    Execution of Execution,
    Incident of Remediation,
}

/// The name of a record type's schema.
const fn schema_name(record_type: RecordType) -> &'static str {
    match record_type {
        RecordType::Remediation => Remediation::NAME,
        RecordType::AiAnalysis => AiAnalysis::NAME,
        RecordType::Workflow => Workflow::NAME,
        RecordType::Execution => Execution::NAME,
    }
}

/// The keys of an incident, in the order of an answer; each is the remediation's field of that name.
const INCIDENT: [&str; 19] = [
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
    "recorded_by",
    "alterations",
];

/// The schemas of records: as they are read, as they are sent, and as they are changed.
pub(super) fn schemas() -> Schemas {
    let of_type = |record_type: RecordType| {
        let name = schema_name(record_type);
        let patch = is_changeable(record_type).then(|| (format!("{name}Patch"), patch(record_type)));
        let read = (name.to_owned(), read(record_type.fields().iter()));
        [read, (format!("New{name}"), new(record_type))].into_iter().chain(patch)
    };
    let incident = named(Incident::NAME).map(|incident| (Incident::NAME.to_owned(), incident));
    let all = RecordType::ALL.into_iter().flat_map(of_type).chain(incident);
    all.map(|(name, object)| (name, RefOr::T(Schema::Object(object)))).collect()
}

/// The schema of what is read under this name.
pub(super) fn named(name: &str) -> Option<Object> {
    if name == Incident::NAME {
        return Some(read_fields(RecordType::Remediation, &INCIDENT));
    }
    let record_type = RecordType::ALL.into_iter().find(|record_type| schema_name(*record_type) == name);
    record_type.map(|record_type| read(record_type.fields().iter()))
}

/// The schema of what has these fields of a record as it is read.
pub(crate) fn read_fields(record_type: RecordType, names: &[&str]) -> Object {
    read(names.iter().filter_map(|name| record_type.field(name)))
}

/// The schema of a record that is sent.
pub(crate) fn new_schema(record_type: RecordType) -> RefOr<Schema> {
    schema::named(&format!("New{}", schema_name(record_type)))
}

/// The schema of a change.
pub(crate) fn patch_schema(record_type: RecordType) -> RefOr<Schema> {
    schema::named(&format!("{}Patch", schema_name(record_type)))
}

/// Whether records of the type are ever changed.
pub(crate) fn is_changeable(record_type: RecordType) -> bool {
    record_type.fields().iter().any(Field::is_changeable)
}

/// The example of a record that is sent.
pub(crate) fn new_example(record_type: RecordType) -> Value {
    let sent = record_type.fields().iter().filter(|field| field.is_sent());
    Value::Object(sent.map(|field| (field.name.to_owned(), field.example.to_json())).collect())
}

/// A record as it is read: every field is there.
fn read<'a>(fields: impl Iterator<Item = &'a Field>) -> Object {
    let object = fields.fold(closed(), |object, field| {
        let holds = match field.kind {
            Kind::Alterations => schema::alterations(field.meaning),
            kind => {
                let holds = schema::of_stored(kind).examples([field.example.to_json()]);
                property(holds, field, field.is_nullable()).into()
            }
        };
        object.property(field.name, holds).required(field.name)
    });
    object.build()
}

/// A record as it is sent: null stands for what is left out.
fn new(record_type: RecordType) -> Object {
    let sent = record_type.fields().iter().filter(|field| field.is_sent());
    let object = sent.fold(closed(), |object, field| {
        let is_required = field.presence == Presence::Required;
        let holds = schema::of_field(field.kind, is_required);
        let object = object.property(field.name, property(holds, field, !is_required));
        if is_required { object.required(field.name) } else { object }
    });
    object.build()
}

/// A change of a record.
fn patch(record_type: RecordType) -> Object {
    let patched = record_type.fields().iter().filter(|field| field.is_patched());
    let object = patched.fold(closed(), |object, field| {
        let holds = schema::of_field(field.kind, false);
        object.property(field.name, property(holds, field, field.is_nullable()))
    });
    object.build()
}

fn property(schema: ObjectBuilder, field: &Field, is_nullable: bool) -> Object {
    let schema = schema.description(Some(field.meaning));
    if is_nullable { nullable(schema) } else { schema.build() }
}
