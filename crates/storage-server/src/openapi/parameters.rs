//! The parameters of the query string, of the path and of the header.

use serde_json::{Value, json};
use storage_models::fields::{EXAMPLE_ID, Field, Kind, Presence};
use storage_query::{AuditFilter as _, Listed, MAX_VALUES, PageRequest, Sort};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn, ParameterStyle};
use utoipa::openapi::{ObjectBuilder, RefOr, Required, Schema};

use super::fields::Named;
use super::schema::{self, list_of, pattern, set};

/// What a time may look like: RFC 3339, a date, or an age.
const TIME: &str = r"^(([0-9]{1,10}[wdhms]){1,5}|[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])(T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9]))?)$";
/// One of each form.
const TIMES: [&str; 6] =
    ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.5+02:00", "2026-01-31", "90m", "1w2d", "7d"];
/// What a duration may look like.
pub(crate) const DURATION: &str = r"^([0-9]{1,10}(ms|[wdhms])){1,6}$";
/// How far a range of the times of writing may reach.
const WRITTEN: &str = "At most 31 days, unless another filter narrows the list: `range_required`.";
/// Text that may be compared with a column.
const COMPARABLE: &str = r"^[^\u0000]*$";

/// Every parameter of the filter of what is listed: what it asks of fields, then times, durations and metadata where it has
/// them.
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
        "Only what has a `{time}` not before this: RFC 3339, a date, or an age such as `90m`, `24h`, `7d`, `1h30m`."
    );
    let about = if name == "since" { about } else { format!("{about} {WRITTEN}") };
    query(name, pattern(TIME).examples(TIMES), &about).example(Some(json!(example))).build()
}

fn until(name: &str, time: &str, example: &str) -> Parameter {
    let about = format!("Only what has a `{time}` before this; written as `since` is.");
    let about = if name == "until" { about } else { format!("{about} {WRITTEN}") };
    query(name, pattern(TIME).examples(TIMES), &about).example(Some(json!(example))).build()
}

fn min_duration() -> Parameter {
    let about = "Only what took at least so long, such as `250ms`, `90s`, `5m`.";
    query("min_duration", pattern(DURATION), about).example(Some(json!("250ms"))).build()
}

fn max_duration() -> Parameter {
    let about = "Only what took at most so long; written as `min_duration` is.";
    query("max_duration", pattern(DURATION), about).example(Some(json!("2h"))).build()
}

/// A parameter that asks something of a field, as the suffix of its name says.
fn of_field(field: &Field, name: &str) -> Parameter {
    let (about, example) = (|what: &str| format!("Only what {what}."), field.example.to_json());
    let begin = || json!(example.as_str().and_then(|text| text.get(..2)).unwrap_or_default());
    match name.strip_prefix(field.name).unwrap_or_default() {
        ".not" => listed(
            name,
            item(field),
            &about(&format!("has none of these as its `{}`, or none", field.name)),
            example,
        ),
        ".null" => {
            let what = format!(
                "has no `{0}` (`true`), or has one (`false`, which has no effect beside values)",
                field.name
            );
            query(name, set("Flag", ["false", "true"]), &about(&what)).example(Some(json!("true"))).build()
        }
        ".prefix" => listed(
            name,
            item(field),
            &about(&format!("has a `{}` that begins with one of these", field.name)),
            begin(),
        ),
        _ => {
            let about = format!("{} {LISTED}", about(&format!("has one of these as its `{}`", field.name)));
            listed(name, item(field), &about, example)
        }
    }
}

/// How a parameter lists values.
const LISTED: &str = "Repeat the parameter or separate values with commas; a comma inside a value is written `\\,`. Values \
                      are compared in the form in which records store them; `filter_notes` names each that this changes.";

/// A value that a filter may list.
fn item(field: &Field) -> ObjectBuilder {
    match field.kind {
        // What is too long for the field matches nothing.
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
    let about = "`metadata.KEY=VALUE`: only what has this value under that top-level key of its metadata, compared as \
                 text. Any key may stand for `KEY`; this one is an example.";
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
        choice("total", ["exact", "none"], "exact", "Whether all that match are counted."),
    ]
}

/// The order of what is listed.
pub(crate) fn sort<R: Listed + Named>() -> Parameter {
    let about = "The order, descending with `-`; newest first unless it is said. Ties are broken by id.";
    let sorts = Sort::<R>::all().map(|sort| sort.to_string());
    query("sort", set(&format!("{}Sort", R::NAME), sorts), about).build()
}

const OFFSET: &str =
    "How many to skip; none unless it is said. Beside `cursor`, which goes further, only 0 is taken.";

const CURSOR: &str =
    "`pagination.next_cursor` of the page before. Opaque, and good for the filter and the sort it came with.";

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
    query("limit", schema, "How many at most.").build()
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
    header("If-None-Match", schema::text(), "An `ETag` that is known: then what it is of is not sent again.")
        .build()
}

/// The form of an entity tag.
pub(crate) const ETAG: &str = "^\"[0-9]{1,19}-[0-9]{1,19}\"$";

/// The entity tag of the examples' record.
pub(crate) const EXAMPLE_ETAG: &str = "\"8864-1767323047000001\"";

/// `X-Correlation-ID`, which every request may have.
pub(crate) fn correlation_id() -> Parameter {
    let about = "Names the request in logs and answers: 1 to 128 letters, digits or `-._:/+=@`. What has another form \
                 is not taken, and an id is made.";
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
