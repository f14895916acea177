//! Counts of incidents: how many succeeded, how many of each kind, how many over time.

use std::marker::PhantomData;

use actix_web::{FromRequest, Handler, HttpRequest, web};
use serde::Serialize;
use storage_models::{Remediation, Timestamp};
use storage_query::{
    AuditFilter as _, Bucket, CheckedFilter, Group, Grouping, Groups, Interval, RemediationFilter,
    SuccessRate, Trend, TrendQuery,
};
use utoipa::ToSchema;
use utoipa::openapi::{ArrayBuilder, ObjectBuilder};

use super::answer::{HandlerResult, Json, Sent};
use super::narrow;
use super::notes::{self, Note};
use super::operation::{Operation, Request, STORE};
use super::requires::Requires;
use crate::http::observe::RequestContext;
use crate::http::state::AppState;
use crate::openapi::{JsonBody, parameters, schema};
use crate::problem::Problem;
use crate::routes::parameters::Parameters;

/// The operations below `/api/v1/incidents/aggregate`.
pub(super) fn operations() -> Vec<Operation> {
    let about = "The width of a bucket; `auto` takes the finest of which the range has at most 300.";
    let interval = parameters::choice("interval", INTERVALS, Interval::Day.as_str(), about);
    let with = parameters::query(
        "with",
        schema::words([DURATIONS]),
        "Adds percentiles of durations to each bucket.",
    );
    let all = "Counts all remediations that match the filter.";
    let operations = [
        operation("success-rate", success_rate, "Count finished remediations by success").about(all),
        operation("by-namespace", group_counts::<ByNamespace>, "Count by namespace").about(all),
        operation("by-severity", group_counts::<BySeverity>, "Count by severity").about(all),
        operation("by-action-type", group_counts::<ByActionType>, "Count by action").about(all),
        operation("trend", trend, "Count by time")
            .about("Empty intervals have a bucket with zeros.")
            .parameters([interval, with.build()])
            .shown_by(Request::new(
                200,
                "/api/v1/incidents/aggregate/trend?interval=auto&since=2026-01-01&until=2026-01-03",
            )),
    ];
    let filtered = operations.map(|operation| operation.parameters(parameters::filter::<Remediation>()));
    filtered.into()
}

fn operation<H, Args, B>(name: &str, handler: H, summary: &str) -> Operation
where
    H: Handler<Args, Output = HandlerResult<Json<B>>> + Send + Sync,
    Args: FromRequest + 'static,
    B: JsonBody + 'static,
{
    let path = format!("/api/v1/incidents/aggregate/{name}");
    Operation::get(path.clone(), Requires::READ, handler, "The counts.")
        .named("incidents", format!("count{}", B::schema_name()), summary)
        .may_fail(STORE)
        .shown_by(Request::new(200, format!("{path}?namespace=payments&since=2026-01-01&until=2026-01-03")))
        .shown_by(Request::new(400, format!("{path}?limit=1")))
}

/// Counts of finished remediations (phase completed or failed) by success.
#[derive(Serialize, ToSchema)]
#[schema(as = SuccessCounts)]
struct RateAnswer {
    /// The number of finished remediations with any status.
    #[schema(minimum = 0, examples(8))]
    total_count: i64,
    /// The number of them with status success.
    #[schema(minimum = 0, examples(6))]
    success_count: i64,
    /// The number of them with status failed. The rest has status unknown.
    #[schema(minimum = 0, examples(2))]
    failure_count: i64,
    /// `success_count / total_count`; null if no remediation is finished.
    #[schema(required, minimum = 0, maximum = 1, examples(0.75))]
    success_rate: Option<f64>,
    /// The filter values that the service compares in another form than the given one; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    filter_notes: Vec<Note>,
}

impl JsonBody for RateAnswer {}

impl RateAnswer {
    fn of(rate: SuccessRate, filter_notes: Vec<Note>) -> Self {
        let SuccessRate { total_count, success_count, failure_count, success_rate, .. } = rate;
        Self { total_count, success_count, failure_count, success_rate, filter_notes }
    }
}

/// The number of remediations with each value of a field, the largest number first.
#[derive(Serialize, ToSchema)]
#[schema(bound = "C: Column")]
#[serde(bound = "")]
struct GroupsAnswer<C> {
    #[schema(schema_with = groups::<C>)]
    data: Vec<Group>,
    /// Whether smaller groups were left out; absent if none were.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
    /// The filter values that the service compares in another form than the given one; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    filter_notes: Vec<Note>,
    #[serde(skip)]
    by: PhantomData<C>,
}

impl<C: Column> JsonBody for GroupsAnswer<C> {
    fn schema_name() -> String {
        C::NAME.to_owned()
    }
}

/// A column that remediations are counted by.
trait Column: 'static {
    const GROUPING: Grouping;
    /// The name of the answer's schema.
    const NAME: &'static str;
    /// A value.
    const EXAMPLE: &'static str;
}

macro_rules! columns {
    ($($name:ident = $grouping:ident, $schema:literal, $example:literal;)+) => {$(
        struct $name;

        impl Column for $name {
            const GROUPING: Grouping = Grouping::$grouping;
            const NAME: &'static str = $schema;
            const EXAMPLE: &'static str = $example;
        }
    )+};
}

columns! {
    ByNamespace = Namespace, "NamespaceCounts", "payments";
    BySeverity = Severity, "SeverityCounts", "critical";
    ByActionType = ActionType, "ActionTypeCounts", "restart-pod";
}

/// The groups, as [`Group`] is serialized: under the column's own name.
fn groups<C: Column>() -> ArrayBuilder {
    let column = C::GROUPING.column();
    let value = schema::nullable(schema::text().examples([C::EXAMPLE]));
    let count = schema::integer(1, i64::MAX).examples([12]);
    let group = ObjectBuilder::new().property(column, value).required(column);
    schema::list_of(group.property("count", count).required("count"))
}

/// The number of remediations that began in each interval, the oldest interval first and without gaps.
#[derive(Serialize, ToSchema)]
#[schema(as = Trend)]
struct TrendAnswer {
    data: Vec<BucketAnswer>,
    /// How long each bucket is.
    #[schema(value_type = String, examples("day"))]
    interval: &'static str,
    /// Only there with durations: from how many of the newest records they come, at most 10,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 10_000)]
    durations_of: Option<i64>,
    /// The filter values that the service compares in another form than the given one; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    filter_notes: Vec<Note>,
}

/// The remediations that began in one interval.
#[derive(Serialize, ToSchema)]
#[schema(as = TrendBucket)]
struct BucketAnswer {
    /// When the interval begins.
    #[schema(value_type = String, format = DateTime, examples("2026-01-02T00:00:00.000000Z"))]
    bucket: Timestamp,
    /// The number of remediations that began in it.
    #[schema(minimum = 0, examples(8))]
    total: i64,
    /// The number of them with status success.
    #[schema(minimum = 0, examples(6))]
    success: i64,
    /// The number of them with status failed.
    #[schema(minimum = 0, examples(2))]
    failed: i64,
    /// Only there with durations: the median of those that were looked up; null when none of them has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>, minimum = 0)]
    duration_ms_p50: Option<Option<i64>>,
    /// Only there with durations: what 95 % of them do not exceed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>, minimum = 0)]
    duration_ms_p95: Option<Option<i64>>,
}

impl JsonBody for TrendAnswer {}

impl BucketAnswer {
    fn of(bucket: Bucket, has_durations: bool) -> Self {
        let Bucket { bucket, total, success, failed, duration_ms_p50, duration_ms_p95, .. } = bucket;
        let [duration_ms_p50, duration_ms_p95] =
            [duration_ms_p50, duration_ms_p95].map(|duration| has_durations.then_some(duration));
        Self { bucket, total, success, failed, duration_ms_p50, duration_ms_p95 }
    }
}

/// `GET /api/v1/incidents/aggregate/success-rate`
async fn success_rate(
    request: HttpRequest,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> HandlerResult<Json<RateAnswer>> {
    let filter = filter_of(Parameters::parse(request.query_string()), Timestamp::now())?;
    let notes = notes::of(filter.filter());
    let told = narrow::told(&filter);
    let rate = state.reader.success_rate(filter, context.deadline).await.map_err(told)?;
    Ok(Sent::json(&RateAnswer::of(rate, notes)))
}

/// `GET /api/v1/incidents/aggregate/by-…`
async fn group_counts<C: Column>(
    request: HttpRequest,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> HandlerResult<Json<GroupsAnswer<C>>> {
    let filter = filter_of(Parameters::parse(request.query_string()), Timestamp::now())?;
    let filter_notes = notes::of(filter.filter());
    let told = narrow::told(&filter);
    let found = state.reader.group_counts(filter, C::GROUPING, context.deadline).await.map_err(told)?;
    let Groups { groups: data, is_truncated: truncated, .. } = found;
    Ok(Sent::json(&GroupsAnswer { data, truncated, filter_notes, by: PhantomData }))
}

/// `GET /api/v1/incidents/aggregate/trend`
async fn trend(
    request: HttpRequest,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> HandlerResult<Json<TrendAnswer>> {
    let TrendAsked { query, filter, has_durations } = trend_of(request.query_string(), Timestamp::now())?;
    let found = state.reader.trend(query, context.deadline).await.map_err(narrow::told(&filter))?;
    let Trend { interval, buckets, durations_of, .. } = found;
    Ok(Sent::json(&TrendAnswer {
        data: buckets.into_iter().map(|bucket| BucketAnswer::of(bucket, has_durations)).collect(),
        interval: interval.as_str(),
        durations_of: has_durations.then_some(durations_of),
        filter_notes: notes::of(filter.filter()),
    }))
}

/// The filter that is asked for, and nothing else.
fn filter_of(
    mut parameters: Parameters,
    now: Timestamp,
) -> Result<CheckedFilter<RemediationFilter>, Problem> {
    let filter = parameters.take_filter::<RemediationFilter>();
    let filter = parameters.note_all(filter.check(now));
    parameters.finish()?;
    Ok(filter.unwrap_or_default())
}

/// What a trend may be per, and what lets the range choose.
const INTERVALS: [&str; 5] = ["minute", "hour", "day", "week", AUTO];
const AUTO: &str = "auto";

/// What may be added to a trend.
const DURATIONS: &str = "durations";

/// A trend that is asked for.
#[derive(Debug)]
struct TrendAsked {
    query: TrendQuery,
    filter: CheckedFilter<RemediationFilter>,
    has_durations: bool,
}

/// The trend that a query string asks for.
fn trend_of(text: &str, now: Timestamp) -> Result<TrendAsked, Problem> {
    let mut parameters = Parameters::parse(text);
    let interval = parameters.take("interval").unwrap_or_else(|| Interval::Day.as_str().to_owned());
    let known = Interval::ALL.into_iter().find(|known| known.as_str() == interval);
    if known.is_none() && interval != AUTO {
        parameters.refuse("interval", "invalid_value", &format!("must be one of {}", INTERVALS.join(", ")));
    }
    let with = parameters.take("with");
    if with.as_deref().is_some_and(|with| with != DURATIONS) {
        parameters.refuse("with", "invalid_value", &format!("must be {DURATIONS}, or be left out"));
    }
    let filter = filter_of(parameters, now)?;
    let query = match known {
        Some(interval) => TrendQuery::new(filter.clone(), interval, now),
        None => TrendQuery::auto(filter.clone(), now),
    };
    let query = if with.is_some() { query.with_durations() } else { query };
    Ok(TrendAsked { query, filter, has_durations: with.is_some() })
}

#[cfg(test)]
mod tests {
    use storage_models::Timestamp;

    use super::{filter_of, trend_of};
    use crate::problem::Problem;
    use crate::routes::parameters::Parameters;

    fn now() -> Timestamp {
        "2026-06-01T00:00:00Z".parse().unwrap()
    }

    fn messages(problem: Option<Problem>) -> String {
        let messages = problem.iter().flat_map(|it| it.violations()).map(|it| it.message.clone());
        messages.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn a_trend_is_per_day_unless_it_says_otherwise() {
        for (query, interval) in [
            ("", "1 day"),
            ("interval=minute&since=1h&with=durations", "1 minute"),
            ("interval=hour&since=7d&namespace=a", "1 hour"),
            ("interval=day", "1 day"),
            ("interval=week", "7 days"),
            ("interval=auto&since=1h", "1 minute"),
            ("interval=auto&since=90d", "1 day"),
        ] {
            let asked = trend_of(query, now()).unwrap();
            let sql = format!("{:?}", asked.query.to_sql());
            assert!(sql.contains(&format!("date_bin('{interval}'")), "{query}: {sql}");
            assert_eq!(asked.has_durations, query.contains("with="), "{query}");
        }
    }

    /// F19, F20: aggregates have the filters of lists, and neither their pages nor their order.
    #[test]
    fn what_cannot_be_used_is_named() {
        for (query, expected) in [
            ("severity=high&min_duration=1s&metadata.team=a&until=1h", ""),
            ("interval=day", "interval is not a parameter here"),
            ("limit=1", "limit is not a parameter here"),
            ("group_by=phase", "group_by is not a parameter here"),
        ] {
            let problem = filter_of(Parameters::parse(query), now()).err();
            assert_eq!(messages(problem), expected, "{query}");
        }
        for (query, expected) in [
            ("interval=month", "interval must be one of minute, hour, day, week, auto"),
            ("interval=day&interval=day", "interval is given more than once"),
            ("with=counts", "with must be durations, or be left out"),
            ("sort=start_time&cursor=a", "sort is not a parameter here; cursor is not a parameter here"),
        ] {
            assert_eq!(messages(trend_of(query, now()).err()), expected, "{query}");
        }
    }
}
