//! The parameters of the query string, of the path and of the header.

use serde_json::{Value, json};
use storage_models::fields::{EXAMPLE_ID, Field, Kind, Presence};
use storage_query::{AuditFilter as _, Listed, MAX_VALUES, PageRequest, Sort};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn, ParameterStyle};
use utoipa::openapi::{ObjectBuilder, RefOr, Required, Schema};

use super::fields::Named;
use super::schema::{self, list_of, pattern, set};

/// The pattern of a time: RFC 3339, a date, or an age.
const TIME: &str = r"^(([0-9]{1,10}[wdhms]){1,5}|[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])(T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9]))?)$";
/// One of each form.
const TIMES: [&str; 6] =
    ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.5+02:00", "2026-01-31", "90m", "1w2d", "7d"];
/// The pattern of a duration.
pub(crate) const DURATION: &str = r"^([0-9]{1,10}(ms|[wdhms])){1,6}$";
/// The limit of a range of the times of writing.
const WRITTEN: &str =
    "The range may be at most 31 days unless another filter narrows the list (`range_required`).";
/// Text that may be compared with a column.
const COMPARABLE: &str = r"^[^\u0000]*$";

/// Every parameter of a list's filter: the fields, then times, durations and metadata if it has them.
pub(crate) fn filter<R: Listed + Named>() -> Vec<Parameter> {
    let fields = R::OF.fields();
    let time =
        fields.iter().find(|field| field.presence == Presence::ReceivedAt).map_or("", |field| field.name);
    let asked = R::Filter::parameters().into_iter();
    let asked = asked.flat_map(|(field, names)| names.into_iter().map(|name| of_field(field, &name)));
    let others = [
        since("since", time, "2026-01-01"),
        until("until", time, "2027-01-01"),
        since("created_since", "created_at", "31d"),
        until("created_until", "created_at", "0s"),
        since("updated_since", "updated_at", "31d"),
        until("updated_until", "updated_at", "0s"),
        min_duration(),
        max_duration(),
        metadata(),
    ];
    let others = others.into_iter().filter(|parameter| R::Filter::has_field(&parameter.name));
    asked.chain(others).collect()
}

fn since(name: &str, time: &str, example: &str) -> Parameter {
    let about = format!(
        "Only records with a `{time}` at or after this time: RFC 3339, a date, or an age such as `90m`, `24h`, `7d`, \
         `1h30m`."
    );
    let about = if name == "since" { about } else { format!("{about} {WRITTEN}") };
    query(name, pattern(TIME).examples(TIMES), &about).example(Some(json!(example))).build()
}

fn until(name: &str, time: &str, example: &str) -> Parameter {
    let about = format!("Only records with a `{time}` before this time, in the form of `since`.");
    let about = if name == "until" { about } else { format!("{about} {WRITTEN}") };
    query(name, pattern(TIME).examples(TIMES), &about).example(Some(json!(example))).build()
}

fn min_duration() -> Parameter {
    let about = "Only records with at least this duration, such as `250ms`, `90s`, `5m`.";
    query("min_duration", pattern(DURATION), about).example(Some(json!("250ms"))).build()
}

fn max_duration() -> Parameter {
    let about = "Only records with at most this duration, in the form of `min_duration`.";
    query("max_duration", pattern(DURATION), about).example(Some(json!("2h"))).build()
}

/// A parameter for a field, by the suffix of its name.
fn of_field(field: &Field, name: &str) -> Parameter {
    let (about, example) = (|what: &str| format!("Only records {what}."), field.example.to_json());
    let begin = || json!(example.as_str().and_then(|text| text.get(..2)).unwrap_or_default());
    match name.strip_prefix(field.name).unwrap_or_default() {
        ".not" => listed(
            name,
            item(field),
            &about(&format!("without `{}` or with another value than these", field.name)),
            example,
        ),
        ".null" => {
            let what = format!(
                "without `{0}` (`true`) or with it (`false`, which has no effect together with values)",
                field.name
            );
            query(name, set("Flag", ["false", "true"]), &about(&what)).example(Some(json!("true"))).build()
        }
        ".prefix" => listed(
            name,
            item(field),
            &about(&format!("whose `{}` begins with one of these values", field.name)),
            begin(),
        ),
        _ => {
            let about =
                format!("{} {LISTED}", about(&format!("whose `{}` is one of these values", field.name)));
            listed(name, item(field), &about, example)
        }
    }
}

/// How a parameter lists values.
const LISTED: &str = "Repeat the parameter or separate values with commas; write a comma inside a value as `\\,`. The \
                      service compares values in the form in which it stores them; `filter_notes` names each value \
                      that this changes.";

/// A value that a filter may list.
fn item(field: &Field) -> ObjectBuilder {
    match field.kind {
        // A value that is too long for the field matches nothing.
        Kind::Identifier(_) => pattern(COMPARABLE),
        kind => schema::of_field(kind, false),
    }
}

/// A parameter that lists values.
fn listed(name: &str, item: ObjectBuilder, about: &str, example: Value) -> Parameter {
    query(name, list_of(item).max_items(Some(MAX_VALUES)), about)
        .style(Some(ParameterStyle::Form))
        .explode(Some(true))
        .example(Some(json!([example])))
        .build()
}

/// A key of metadata, as an example of any.
const METADATA: &str = "metadata.reason";

/// `metadata.KEY=VALUE`, which no other way of writing a parameter of the query string fits.
fn metadata() -> Parameter {
    let about = "`metadata.KEY=VALUE`: only records whose metadata has this value under the top-level key `KEY`, \
                 compared as text. This key is an example; use any key.";
    listed(METADATA, pattern(COMPARABLE), about, json!("CrashLoopBackOff"))
}

/// The parameters that say which part of a list is wanted, and how it is sorted.
pub(crate) fn page<R: Listed + Named>() -> Vec<Parameter> {
    // Without a default: generated clients would send it beside a cursor.
    let offset = schema::integer(0, PageRequest::MAX_OFFSET);
    vec![
        sort::<R>(),
        limit(PageRequest::MAX_LIMIT, PageRequest::DEFAULT_LIMIT),
        query("offset", offset, OFFSET).example(Some(json!(0))).build(),
        query("cursor", pattern(r"^[A-Za-z0-9_-]+$"), CURSOR).build(),
        choice("total", ["exact", "none"], "exact", "Whether to count all records that match."),
    ]
}

/// The order of a list.
pub(crate) fn sort<R: Listed + Named>() -> Parameter {
    let about = "The order, descending with `-`. The default is the newest first; ids break ties.";
    let sorts = Sort::<R>::all().map(|sort| sort.to_string());
    query("sort", set(&format!("{}Sort", R::NAME), sorts), about).build()
}

const OFFSET: &str =
    "How many records to skip; 0 by default, and 0 together with `cursor`. To read further, use `cursor`.";

const CURSOR: &str =
    "`pagination.next_cursor` of the page before. It is opaque and valid only with the same filter and sort.";

/// A parameter that is one of these words. Their schema has its name, with a capital.
pub(crate) fn choice<const N: usize>(
    name: &str,
    of: [&'static str; N],
    default: &str,
    about: &str,
) -> Parameter {
    let mut title = name.to_owned();
    title.get_mut(..1).into_iter().for_each(str::make_ascii_uppercase);
    query(name, set(&title, of).default(Some(json!(default))), about).build()
}

/// A parameter that is true or false.
pub(crate) fn flag(name: &str, about: &str) -> Parameter {
    query(name, set("Flag", ["false", "true"]), about).build()
}

/// How many at most.
pub(crate) fn limit(max: i64, default: i64) -> Parameter {
    let schema = schema::integer(1, max).default(Some(json!(default)));
    query("limit", schema, "The most records of a page.").build()
}

/// The id of a record.
pub(crate) fn id() -> Parameter {
    in_path("id", schema::id(), "The record's id.", json!(EXAMPLE_ID))
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
        schema::text(),
        "An `ETag` of an earlier answer. If it is still valid, the answer is 304 without a body.",
    )
    .build()
}

/// The form of an entity tag.
pub(crate) const ETAG: &str = "^\"[0-9]{1,19}-[0-9]{1,19}\"$";

/// The entity tag of the examples' record.
pub(crate) const EXAMPLE_ETAG: &str = "\"8864-1767323047000001\"";

/// `X-Correlation-ID`, which every request may have.
pub(crate) fn correlation_id() -> Parameter {
    let about = "Names the request in logs and answers: 1 to 128 letters, digits or `-._:/+=@`. The service replaces \
                 a value of another form by an id of its own.";
    header("X-Correlation-ID", schema::text(), about).build()
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
