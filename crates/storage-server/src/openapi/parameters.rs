//! The parameters of the query string, of the path and of the header.

use serde_json::{Value, json};
use storage_models::RecordType;
use storage_query::{AuditFilter as _, Listed, MAX_VALUES, PageRequest, Sort};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn, ParameterStyle};
use utoipa::openapi::{ObjectBuilder, RefOr, Required, Schema};

use super::fields::{phase, severity, status, workflow_phase};
use super::kinds::{Kind, list_of, words};
use super::records::Named;

/// What a time may look like: RFC 3339, a date, or an age.
const TIME: &str = r"^([0-9]{1,5}[smhd]|[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])(T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9]))?)$";
/// What a duration may look like.
const DURATION: &str = r"^[0-9]{1,5}(ms|s|m|h|d)$";
/// Text that may be compared with a column.
const COMPARABLE: &str = r"^[^\u0000]*$";

/// Every parameter of the filter of what is listed.
pub(crate) fn filter<R: Listed + Named>() -> Vec<Parameter> {
    let metadata = R::Filter::has_field(METADATA).then(metadata);
    R::Filter::FIELDS.iter().map(|name| filter_parameter(R::OF, name)).chain(metadata).collect()
}

fn filter_parameter(record_type: RecordType, name: &str) -> Parameter {
    let of = match record_type {
        RecordType::AiAnalysis => "timestamp",
        RecordType::Remediation | RecordType::Workflow | RecordType::Execution => "start_time",
    };
    let (schema, about, example) = match name {
        "since" => {
            let about = format!(
                "Only what has a `{of}` not before this: RFC 3339, a date, or an age such as `90m`, `24h`, `7d`."
            );
            (pattern(TIME), about, "2026-01-01")
        }
        "until" => (
            pattern(TIME),
            format!("Only what has a `{of}` before this; written as `since` is."),
            "2027-01-01",
        ),
        "min_duration" => (
            pattern(DURATION),
            "Only what took at least so long, such as `250ms`, `90s`, `5m`.".to_owned(),
            "250ms",
        ),
        "max_duration" => (
            pattern(DURATION),
            "Only what took at most so long; written as `min_duration` is.".to_owned(),
            "2h",
        ),
        _ => return values(record_type, name),
    };
    query(name, schema, &about).example(Some(json!(example))).build()
}

/// A parameter that lists the values a column may have.
fn values(record_type: RecordType, name: &str) -> Parameter {
    let (kind, example) = match (name, record_type) {
        ("remediation_id", _) => (Kind::Id, json!([1])),
        ("dry_run", _) => (Kind::Flag, json!([false])),
        ("phase", RecordType::Workflow) => (workflow_phase(), json!(["executing", "completed"])),
        ("phase", _) => (phase(), json!(["processing", "failed"])),
        ("status", _) => (status(), json!(["running", "success"])),
        ("severity", _) => (severity(), json!(["critical", "high"])),
        _ => (Kind::Text, json!(["a", "b"])),
    };
    let item = match kind {
        Kind::Text => pattern(COMPARABLE),
        kind => kind.schema(false),
    };
    let about = format!(
        "Only what has one of these as its `{name}`. Repeat the parameter or separate values with commas; a comma \
         inside a value is written `\\,`."
    );
    query(name, list_of(item).max_items(Some(MAX_VALUES)), &about)
        .style(Some(ParameterStyle::Form))
        .explode(Some(true))
        .example(Some(example))
        .build()
}

/// A key of metadata, as an example of any.
const METADATA: &str = "metadata.reason";

/// `metadata.KEY=VALUE`, which no other way of writing a parameter of the query string fits.
fn metadata() -> Parameter {
    let about = "`metadata.KEY=VALUE`: only what has this value under that top-level key of its metadata, compared as \
                 text. Any key may stand for `KEY`; this one is an example.";
    query(METADATA, list_of(pattern(COMPARABLE)).max_items(Some(MAX_VALUES)), about)
        .style(Some(ParameterStyle::Form))
        .explode(Some(true))
        .example(Some(json!(["CrashLoopBackOff"])))
        .build()
}

/// The parameters that say which part of a list is wanted, and how it is sorted.
pub(crate) fn page<R: Listed>() -> Vec<Parameter> {
    let offset = Kind::Integer(0, PageRequest::MAX_OFFSET).schema(false).default(Some(json!(0)));
    vec![
        sort::<R>(),
        limit(PageRequest::MAX_LIMIT, PageRequest::DEFAULT_LIMIT),
        query("offset", offset, "How many to skip. Not together with `cursor`, which goes further.").build(),
        query("cursor", pattern(r"^[A-Za-z0-9_-]+$"), CURSOR).build(),
        choice("total", ["exact", "none"], "exact", "Whether all that match are counted."),
    ]
}

/// The order of what is listed.
pub(crate) fn sort<R: Listed>() -> Parameter {
    let about = "The order, descending with `-`; newest first unless it is said. Ties are broken by id.";
    query("sort", words(Sort::<R>::all().map(|sort| sort.to_string())), about).build()
}

const CURSOR: &str =
    "`pagination.next_cursor` of the page before. Opaque, and good for the filter and the sort it came with.";

/// A parameter that is one of these words.
pub(crate) fn choice<const N: usize>(
    name: &str,
    of: [&'static str; N],
    default: &str,
    about: &str,
) -> Parameter {
    query(name, words(of).default(Some(json!(default))), about).build()
}

/// How many at most.
pub(crate) fn limit(max: i64, default: i64) -> Parameter {
    let schema = Kind::Integer(1, max).schema(false).default(Some(json!(default)));
    query("limit", schema, "How many at most.").build()
}

/// The id of a record.
pub(crate) fn id() -> Parameter {
    in_path("id", Kind::Id.schema(true), "The record's number.", json!(1))
}

/// A member of the path.
pub(crate) fn in_path(name: &str, schema: ObjectBuilder, about: &str, example: Value) -> Parameter {
    let parameter =
        ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path).required(Required::True);
    parameter.schema(Some(schema)).description(Some(about)).example(Some(example)).build()
}

/// `If-None-Match`.
pub(crate) fn if_none_match() -> Parameter {
    header(
        "If-None-Match",
        Kind::Text.schema(false),
        "An `ETag` that is known: then what it is of is not sent again.",
    )
    .build()
}

/// The form of an entity tag.
pub(crate) const ETAG: &str = "^\"[0-9]{1,19}-[0-9]{1,19}\"$";

/// The entity tag of the examples' record.
pub(crate) const EXAMPLE_ETAG: &str = "\"1-1767323047000001\"";

/// `X-Correlation-ID`, which every request may have.
pub(crate) fn correlation_id() -> Parameter {
    let about = "Names the request in logs and answers: 1 to 128 letters, digits or `-._:/+=@`. What has another form \
                 is not taken, and an id is made.";
    header("X-Correlation-ID", Kind::Text.schema(false), about).build()
}

/// A header.
pub(crate) fn header(name: &str, schema: ObjectBuilder, about: &str) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .schema(Some(schema))
        .description(Some(about))
}

/// A parameter of the query string.
pub(crate) fn query(name: &str, schema: impl Into<RefOr<Schema>>, about: &str) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .schema(Some(schema))
        .description(Some(about))
}

/// Text of this form.
pub(crate) fn pattern(pattern: &str) -> ObjectBuilder {
    Kind::Text.schema(false).pattern(Some(pattern))
}
