//! What is answered, as schemas with an example of each.

use serde_json::{Map, Value, json};
use storage_models::RecordType;
use utoipa::openapi::{ComponentsBuilder, Object, ObjectBuilder, RefOr, Schema};

use super::fields::{self, schema_name};
use super::kinds::{Kind, closed, list_of, named, nullable, object};

/// The keys of an incident, in the order of an answer; each is the remediation's field of that name.
pub(super) const INCIDENT: [&str; 17] = [
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

/// A body that is answered: its schema's name and its example.
#[derive(Debug, Clone)]
pub(super) struct Body {
    pub(super) schema: String,
    pub(super) example: Value,
}

/// Adds every schema.
pub(super) fn components(components: ComponentsBuilder) -> ComponentsBuilder {
    let components = RecordType::ALL.into_iter().fold(components, records);
    let components = counts(components)
        .schema("Incident", incident())
        .schema("IncidentPage", page_of("Incident"))
        .schema("Pagination", pagination())
        .schema("StoredBatch", stored_batch())
        .schema("Timeline", timeline())
        .schema("SearchAnswer", search_answer())
        .schema("Problem", problem())
        .schema("Alive", object([("status", Kind::Word(vec!["alive"]).schema(false))]))
        .schema("Readiness", readiness())
        .schema("Version", object([("name", text()), ("version", text())]));
    super::admin::schemas().into_iter().fold(components, |all, (name, schema)| all.schema(name, schema))
}

fn records(components: ComponentsBuilder, record_type: RecordType) -> ComponentsBuilder {
    let (name, fields) = (schema_name(record_type), fields::of(record_type));
    let components = components
        .schema(name, fields::record(&fields))
        .schema(format!("{name}Page"), page_of(name))
        .schema(format!("New{name}"), fields::new_record(&fields))
        .schema(format!("Stored{name}"), stored(fields::record(&fields)));
    if fields::changeable(record_type).is_empty() {
        return components;
    }
    components.schema(format!("{name}Patch"), fields::patch(record_type))
}

fn text() -> ObjectBuilder {
    Kind::Text.schema(false)
}

fn count() -> ObjectBuilder {
    Kind::Integer(0, i64::MAX).schema(false)
}

fn vector_sync() -> ObjectBuilder {
    let about = "Whether the vector index holds the record.";
    Kind::Word(vec!["pending", "synced", "not_indexed"]).schema(false).description(Some(about))
}

fn sanitized_fields() -> RefOr<Schema> {
    let about = "Where what is stored differs from what was sent, as JSON pointers.";
    list_of(text()).description(Some(about)).into()
}

/// The answer to a write: the record, and what became of it.
fn stored(mut record: Object) -> Object {
    record.properties.insert("vector_sync".to_owned(), vector_sync().into());
    record.properties.insert("sanitized_fields".to_owned(), sanitized_fields());
    record.required.extend(["vector_sync".to_owned(), "sanitized_fields".to_owned()]);
    record
}

fn stored_batch() -> ObjectBuilder {
    let ids = list_of(Kind::Id.schema(false)).description(Some("In the order of the records."));
    object::<RefOr<Schema>>([
        ("ids", ids.into()),
        ("count", count().into()),
        ("vector_sync", vector_sync().into()),
        ("sanitized_fields", sanitized_fields()),
    ])
}

fn page_of(item: &str) -> ObjectBuilder {
    object::<RefOr<Schema>>([("data", list_of(named(item)).into()), ("pagination", named("Pagination"))])
}

fn pagination() -> ObjectBuilder {
    let or_null = |schema: ObjectBuilder, about: &str| nullable(schema.description(Some(about)));
    object::<RefOr<Schema>>([
        ("total", or_null(count(), "All that match, counted in the snapshot of the page.").into_schema()),
        ("limit", count().into()),
        ("offset", or_null(count(), "Null after a cursor.").into_schema()),
        ("page", or_null(count(), "Counted from 1; null after a cursor.").into_schema()),
        ("total_pages", or_null(count(), "Null without a total.").into_schema()),
        ("has_more", Kind::Flag.schema(false).into()),
        ("next_cursor", or_null(text(), "Leads to the next page.").into_schema()),
    ])
    .property(
        "truncated",
        truncated("The page ends before its limit, since its records are large: go on by next_cursor."),
    )
}

/// There only where it is true.
fn truncated(about: &str) -> ObjectBuilder {
    Kind::Flag.schema(false).description(Some(about))
}

/// An object as a schema.
trait IntoSchema {
    fn into_schema(self) -> RefOr<Schema>;
}

impl IntoSchema for Object {
    fn into_schema(self) -> RefOr<Schema> {
        RefOr::T(Schema::Object(self))
    }
}

fn incident() -> Object {
    let mut record = fields::record(&fields::of(RecordType::Remediation));
    record.properties.retain(|name, _| INCIDENT.contains(&name.as_str()));
    record.required.retain(|name| INCIDENT.contains(&name.as_str()));
    record
}

fn timeline() -> ObjectBuilder {
    let types = ["aianalysis", "workflow", "execution"];
    let records = ["AiAnalysis", "Workflow", "Execution"].map(named);
    let record = records.into_iter().fold(utoipa::openapi::OneOfBuilder::new(), |all, one| all.item(one));
    let event = object::<RefOr<Schema>>([
        ("type", Kind::Word(types.to_vec()).schema(false).into()),
        ("record", RefOr::T(Schema::OneOf(record.build()))),
    ]);
    let truncated = Kind::Flag.schema(false).description(Some("Whether later events were left out."));
    object::<RefOr<Schema>>([
        ("remediation", named("Remediation")),
        ("events", list_of(event).into()),
        ("truncated", truncated.into()),
    ])
}

fn search_answer() -> ObjectBuilder {
    let matched = Kind::Word(vec!["semantic", "lexical"]).schema(false);
    let about = "How near it is in meaning; null for what was found by its words alone.";
    let similarity = Kind::Fraction.schema(false).minimum(Some(-1)).description(Some(about));
    let hit = object::<RefOr<Schema>>([
        ("similarity", nullable(similarity).into_schema()),
        ("rank", Kind::Integer(1, i64::MAX).schema(false).into()),
        ("matched", list_of(matched).into()),
        ("record", named("Remediation")),
    ]);
    let pending = count().description(Some("Records that are stored and cannot be found by meaning yet."));
    object::<RefOr<Schema>>([
        ("data", list_of(hit).into()),
        ("engine", nullable(text()).into_schema()),
        ("degraded", Kind::Flag.schema(false).into()),
        ("pending", pending.into()),
    ])
    .property(
        "truncated",
        truncated("The worst hits are left out, since the records are large: narrow the filter."),
    )
}

fn counts(components: ComponentsBuilder) -> ComponentsBuilder {
    let rate = nullable(Kind::Fraction.schema(false).description(Some("Null when nothing is finished.")));
    let rate = object::<RefOr<Schema>>([
        ("total_count", count().into()),
        ("success_count", count().into()),
        ("failure_count", count().into()),
        ("success_rate", rate.into_schema()),
    ]);
    let bucket = object([
        ("bucket", Kind::Time.schema(false)),
        ("total", count()),
        ("success", count()),
        ("failed", count()),
    ]);
    [("namespace", "NamespaceCounts"), ("severity", "SeverityCounts"), ("action_type", "ActionTypeCounts")]
        .into_iter()
        .fold(components, |components, (column, name)| components.schema(name, groups(column)))
        .schema("SuccessRate", rate)
        .schema("Trend", object([("data", list_of(bucket))]))
}

fn groups(column: &'static str) -> ObjectBuilder {
    let group =
        object::<RefOr<Schema>>([(column, nullable(text()).into_schema()), ("count", count().into())]);
    let truncated =
        Kind::Flag.schema(false).description(Some("Only there when smaller groups were left out."));
    object([("data", list_of(group))]).property("truncated", truncated)
}

fn problem() -> ObjectBuilder {
    let error = closed()
        .property("pointer", text().description(Some("The place in the body, as a JSON pointer.")))
        .property("parameter", text().description(Some("The name in the query string.")))
        .property("code", text().description(Some("What is wrong, to machines.")))
        .property("message", text().description(Some("What is wrong, to people.")))
        .required("code")
        .required("message");
    object([
        ("type", text().description(Some("A path under which this kind is explained."))),
        ("title", text()),
        ("status", Kind::Integer(400, 599).schema(false)),
        ("detail", text()),
        ("instance", text().description(Some("The correlation id."))),
    ])
    .property("errors", list_of(error).description(Some("Every bad field or parameter.")))
}

fn readiness() -> ObjectBuilder {
    let latency = nullable(Kind::Fraction.schema(false).maximum(None::<f64>));
    let dependency = closed()
        .property("state", Kind::Word(vec!["up", "down", "not configured", "stalled"]).schema(false))
        .property("latency_ms", latency.into_schema())
        .property("note", text())
        .required("state")
        .required("latency_ms");
    let dependencies = closed().additional_properties(Some(RefOr::T(Schema::Object(dependency.build()))));
    let status = Kind::Word(vec!["ready", "degraded", "unavailable", "stopping"]).schema(false);
    object([("status", status), ("dependencies", dependencies)])
}

/// A record that was just stored.
pub(super) fn stored_example(record_type: RecordType) -> Value {
    let mut record = fields::record_example(&fields::of(record_type));
    if let Some(members) = record.as_object_mut() {
        let is_indexed = record_type == RecordType::Remediation;
        let sync = if is_indexed { "pending" } else { "not_indexed" };
        members.insert("vector_sync".to_owned(), json!(sync));
        members.insert("sanitized_fields".to_owned(), json!([]));
    }
    record
}

/// A page of one item.
pub(super) fn page_example(item: &Value) -> Value {
    let pagination = json!({
        "total": 1, "limit": 100, "offset": 0, "page": 1, "total_pages": 1, "has_more": false, "next_cursor": null
    });
    json!({ "data": [item], "pagination": pagination })
}

/// A remediation as an incident.
pub(super) fn incident_example() -> Value {
    let record = fields::record_example(&fields::of(RecordType::Remediation));
    let member = |name: &str| Some((name.to_owned(), record.get(name)?.clone()));
    Value::Object(INCIDENT.iter().filter_map(|name| member(name)).collect::<Map<_, _>>())
}
