//! What came of what was done, and how often an alert came.

use actix_web::{HttpRequest, web};
use serde::Serialize;
use serde_json::json;
use storage_models::{RecordType, Remediation, Timestamp};
use storage_query::{
    AuditFilter as _, CheckedFilter, Grouping, Held, History, HistoryQuery, MAX_OUTCOME_COLUMNS, Occurrence,
    Outcome, OutcomeGroup, Outcomes, OutcomesQuery, PageRequest, RemediationFilter, Settle,
};
use utoipa::ToSchema;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, RefOr, Schema};

use super::answer::{HandlerResult, Json, Sent};
use super::narrow;
use super::notes::{self, Note};
use super::operation::{Operation, Request, STORE};
use super::requires::Requires;
use crate::http::observe::RequestContext;
use crate::http::state::AppState;
use crate::openapi::{self, JsonBody, parameters, schema};
use crate::problem::Problem;
use crate::routes::parameters::Parameters;

/// The operations.
pub(super) fn operations() -> [Operation; 2] {
    let path = |name: &str| format!("/api/v1/incidents/{name}");
    let (outcomes_path, history_path) = (path("outcomes"), path("history"));
    let outcomes = Operation::get(outcomes_path.clone(), Requires::READ, outcomes, "The outcomes.")
        .named("incidents", "getOutcomes", "What came of what was done")
        .about(
            "Of the finished records that match, for each value of the columns: how many succeeded, and of the successes how \
             many held. A success has recurred when a record of the same incident begins soon after its end: of the same \
             fingerprint, or without one of the same text, cluster and namespace, and not of the same request. `held_rate` is \
             over all that can be told, failed and unknown ones among them; what holds most surely comes first.",
        )
        .parameters([columns("by", &OutcomesQuery::COLUMNS, MAX_OUTCOME_COLUMNS, "action_type"), settle()])
        .parameters(parameters::filter::<Remediation>())
        .may_fail(STORE)
        .shown_by(Request::new(200, format!("{outcomes_path}?alert_name=KubePodCrashLooping")))
        .shown_by(Request::new(200, format!("{outcomes_path}?settle=7d&since=2026-01-01")))
        .shown_by(Request::new(400, format!("{outcomes_path}?by=status")));
    let history =
        Operation::get(history_path.clone(), Requires::READ, history, "The occurrences, the newest first.")
            .named("incidents", "getHistory", "How often an alert came, and what was done")
            .about("Takes one `alert_fingerprint` or one `alert_name`, and any other filter beside it.")
            .parameters([settle(), parameters::limit(PageRequest::MAX_LIMIT, PageRequest::DEFAULT_LIMIT)])
            .parameters(parameters::filter::<Remediation>())
            .may_fail(STORE)
            .shown_by(Request::new(200, format!("{history_path}?alert_name=KubePodCrashLooping&limit=10")))
            .shown_by(Request::new(400, format!("{history_path}?namespace=payments")));
    [outcomes, history]
}

/// A parameter that lists columns.
pub(super) fn columns(name: &str, of: &[Grouping], most: usize, default: &str) -> Parameter {
    let names: Vec<&str> = of.iter().map(|column| column.column()).collect();
    let one = names.join("|");
    let form = format!("^({one})(,({one})){{0,{}}}$", most.saturating_sub(1));
    let about = format!("Columns with commas between, at most {most} out of {}.", names.join(", "));
    let schema = schema::pattern(&form).default(Some(json!(default)));
    parameters::query(name, schema, &about).example(Some(json!(default))).build()
}

/// The parameter of the time to settle.
pub(super) fn settle() -> Parameter {
    let about = "How long after its end a success must have lasted to have held, such as `24h` or `7d`; at most `30d`.";
    let schema = schema::pattern(parameters::DURATION).default(Some(json!("24h")));
    parameters::query("settle", schema, about).example(Some(json!("24h"))).build()
}

/// What came of what was done.
#[derive(Serialize, ToSchema)]
#[schema(as = Outcomes)]
struct OutcomesAnswer {
    #[schema(schema_with = groups)]
    data: Vec<OutcomeGroup>,
    /// How long a success must have lasted to have held, in milliseconds.
    #[schema(minimum = 1, examples(86_400_000))]
    settle_ms: i64,
    /// How many of the newest finished records durations come from, and whether successes held; at most 10,000.
    #[schema(minimum = 0, maximum = 10_000, examples(8))]
    durations_of: i64,
    /// Only there when groups were left out that stand lower.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
    /// Only there when values of the filter are compared in another form than they were given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    filter_notes: Vec<Note>,
}

impl JsonBody for OutcomesAnswer {}

/// The groups, as [`OutcomeGroup`] is serialized: the columns that were asked for under their own names.
fn groups() -> ArrayBuilder {
    let values = OutcomesQuery::COLUMNS.into_iter().fold(ObjectBuilder::new(), |group, column| {
        group.property(column.column(), schema::nullable(schema::text()))
    });
    schema::list_of(with_counts(values).examples([example_of_group([])]))
}

/// A group by `action_type`, with further members.
pub(super) fn example_of_group<const N: usize>(further: [(&str, serde_json::Value); N]) -> serde_json::Value {
    let mut group = json!({
        "action_type": "restart-pod", "total": 10, "success": 9, "failed": 1, "unknown": 0, "success_rate": 0.9,
        "success_rate_bound": 0.596, "held": 8, "recurred": 1, "too_early": 0, "held_rate": 0.8,
        "held_rate_bound": 0.49, "last_seen": "2026-01-02T03:04:05.000000Z", "duration_ms_p50": 1_200,
        "duration_ms_p95": 5_400,
    });
    if let Some(members) = group.as_object_mut() {
        members.extend(further.map(|(name, value)| (name.to_owned(), value)));
    }
    group
}

/// The members of [`storage_query::OutcomeCounts`], all of which are always there.
pub(super) fn with_counts(of: ObjectBuilder) -> ObjectBuilder {
    let count = || RefOr::T(Schema::from(schema::integer(0, i64::MAX)));
    let rate = || RefOr::T(Schema::from(schema::nullable(schema::fraction())));
    let duration = || RefOr::T(Schema::from(schema::nullable(schema::integer(0, i64::MAX))));
    let members = [
        ("total", count()),
        ("success", count()),
        ("failed", count()),
        ("unknown", count()),
        ("success_rate", rate()),
        ("success_rate_bound", rate()),
        ("held", count()),
        ("recurred", count()),
        ("too_early", count()),
        ("held_rate", rate()),
        ("held_rate_bound", rate()),
        ("last_seen", RefOr::T(Schema::from(schema::time()))),
        ("duration_ms_p50", duration()),
        ("duration_ms_p95", duration()),
    ];
    members.into_iter().fold(of, |of, (name, schema)| of.property(name, schema).required(name))
}

/// The occurrences of an alert, the newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = History)]
struct HistoryAnswer {
    #[schema(schema_with = occurrences)]
    data: Vec<Occurrence>,
    /// How many there are in all.
    #[schema(minimum = 0, examples(3))]
    count: i64,
    /// When the first began; null without any.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    first: Option<Timestamp>,
    /// When the last began; null without any.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    last: Option<Timestamp>,
    /// The first success that held; null without any among the 10,000 oldest successes.
    #[schema(required)]
    first_held: Option<HeldAnswer>,
    /// How long a success must have lasted to have held, in milliseconds.
    #[schema(minimum = 1, examples(86_400_000))]
    settle_ms: i64,
    /// Only there when there are older ones.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
    /// Only there when values of the filter are compared in another form than they were given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    filter_notes: Vec<Note>,
}

impl JsonBody for HistoryAnswer {}

/// A success that held.
#[derive(Serialize, ToSchema)]
#[schema(as = HeldSuccess)]
struct HeldAnswer {
    /// The record.
    #[schema(minimum = 1, examples(8864))]
    id: i64,
    /// When it began.
    #[schema(value_type = String, format = DateTime, examples("2026-01-02T03:04:05.123456Z"))]
    start_time: Timestamp,
    /// What was done.
    action_type: String,
}

impl From<Held> for HeldAnswer {
    fn from(of: Held) -> Self {
        let Held { id, start_time, action_type, .. } = of;
        Self { id, start_time, action_type }
    }
}

/// What an occurrence has of its record.
const RECORDED: [&str; 16] = [
    "id",
    "start_time",
    "end_time",
    "duration_ms",
    "action_type",
    "namespace",
    "cluster",
    "environment",
    "target_name",
    "severity",
    "alert_name",
    "alert_fingerprint",
    "remediation_request_id",
    "recorded_by",
    "phase",
    "status",
];

/// The occurrences, as [`Occurrence`] is serialized.
fn occurrences() -> ArrayBuilder {
    let gap = "From the beginning of the occurrence before it to its own; null for the first.";
    let gap = schema::integer(0, i64::MAX).description(Some(gap));
    let recorded = openapi::read_fields(RecordType::Remediation, &RECORDED);
    let occurrence = ObjectBuilder::from(recorded)
        .property("gap_ms", schema::nullable(gap))
        .required("gap_ms")
        .property("outcome", schema::set("Outcome", Outcome::ALL.map(Outcome::as_str)))
        .required("outcome");
    schema::list_of(occurrence)
}

/// `GET /api/v1/incidents/outcomes`
async fn outcomes(
    request: HttpRequest,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> HandlerResult<Json<OutcomesAnswer>> {
    let (query, filter, settle) = outcomes_of(request.query_string(), Timestamp::now())?;
    let found = state.reader.outcomes(query, context.deadline).await;
    let Outcomes { groups, is_truncated, durations_of, .. } = found.map_err(narrow::told(&filter))?;
    Ok(Sent::json(&OutcomesAnswer {
        data: groups,
        settle_ms: settle.millis(),
        durations_of,
        truncated: is_truncated,
        filter_notes: notes::of(filter.filter()),
    }))
}

/// `GET /api/v1/incidents/history`
async fn history(
    request: HttpRequest,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> HandlerResult<Json<HistoryAnswer>> {
    let (query, filter, settle) = history_of(request.query_string(), Timestamp::now())?;
    let found = state.reader.history(query, context.deadline).await.map_err(narrow::told(&filter))?;
    let History { occurrences, is_truncated, count, first, last, first_held, .. } = found;
    Ok(Sent::json(&HistoryAnswer {
        data: occurrences,
        count,
        first,
        last,
        first_held: first_held.map(HeldAnswer::from),
        settle_ms: settle.millis(),
        truncated: is_truncated,
        filter_notes: notes::of(filter.filter()),
    }))
}

/// What a query string asks, or what is wrong with it.
pub(super) type Asked<Q> = Result<Q, Problem>;

fn outcomes_of(
    text: &str,
    now: Timestamp,
) -> Asked<(OutcomesQuery, CheckedFilter<RemediationFilter>, Settle)> {
    let mut parameters = Parameters::parse(text);
    let by = columns_of(&mut parameters, "by", &OutcomesQuery::COLUMNS)
        .unwrap_or_else(|| vec![Grouping::ActionType]);
    let settle: Settle = parameters.take_parsed("settle").unwrap_or_default();
    let filter = filter_of(&mut parameters, now);
    let query = OutcomesQuery::new(filter.clone(), by, now).settle(settle);
    parameters.note(query.clone().check());
    parameters.finish()?;
    Ok((query, filter, settle))
}

fn history_of(text: &str, now: Timestamp) -> Asked<(HistoryQuery, CheckedFilter<RemediationFilter>, Settle)> {
    let mut parameters = Parameters::parse(text);
    let settle: Settle = parameters.take_parsed("settle").unwrap_or_default();
    let limit = parameters.take("limit");
    let page = parameters.note_all(PageRequest::parse(limit.as_deref(), None)).unwrap_or_default();
    let filter = parameters.take_filter::<RemediationFilter>();
    let checked = parameters.note_all(filter.check(now));
    let is_readable = checked.is_some();
    let filter = checked.unwrap_or_default();
    let query = HistoryQuery::new(filter.clone(), now).settle(settle).page(page);
    // An alert that cannot be read is refused already, and is not missing besides.
    if is_readable {
        parameters.note(query.clone().check());
    }
    parameters.finish()?;
    Ok((query, filter, settle))
}

/// The columns that a parameter lists, if it is there.
pub(super) fn columns_of(
    parameters: &mut Parameters,
    name: &'static str,
    allowed: &[Grouping],
) -> Option<Vec<Grouping>> {
    let listed = parameters.take(name)?;
    parameters.note(Grouping::list(name, &listed, allowed))
}

pub(super) fn filter_of(parameters: &mut Parameters, now: Timestamp) -> CheckedFilter<RemediationFilter> {
    let filter = parameters.take_filter::<RemediationFilter>();
    parameters.note_all(filter.check(now)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use storage_models::Timestamp;

    use super::{Asked, history_of, outcomes_of};

    fn refused<Q>(asked: Asked<Q>) -> String {
        let problem = asked.err();
        let messages = problem.iter().flat_map(|it| it.violations()).map(|it| it.message.clone());
        messages.collect::<Vec<_>>().join("; ")
    }

    /// F19, F20: everything that cannot be used is named at once.
    #[test]
    fn what_cannot_be_used_is_named() {
        let now = Timestamp::now();
        for (query, expected) in [
            ("", ""),
            ("by=action_type,cluster&settle=1h30m&alert_name=a&since=7d", ""),
            (
                "by=phase",
                "by must be one of alert_name, alert_fingerprint, action_type, namespace, cluster, environment, severity, target_name",
            ),
            ("by=action_type,cluster,severity,namespace", "by must name 1 to 3 columns"),
            ("by=cluster&by=severity", "by is given more than once"),
            (
                "settle=31d&limit=1",
                "settle must be a duration such as 90m, 24h or 7d, of more than zero and at most 30d; limit is not a parameter here",
            ),
        ] {
            assert_eq!(refused(outcomes_of(query, now)), expected, "{query}");
        }
        let alert = "alert_fingerprint must have one value, or alert_name must";
        for (query, expected) in [
            ("alert_name=a&limit=1000&settle=7d", ""),
            ("alert_fingerprint=f&cluster=c", ""),
            ("", alert),
            ("alert_name=a,b", alert),
            ("alert_name=%00", "alert_name contains the character NUL"),
            ("alert_name=a&limit=0", "limit must be a whole number from 1 to 1000"),
            ("alert_name=a&offset=1", "offset is not a parameter here"),
        ] {
            assert_eq!(refused(history_of(query, now)), expected, "{query}");
        }
    }
}
