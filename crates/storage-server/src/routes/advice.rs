//! What to do about an incident that need not be stored: what was done about incidents like it, and whether it held.

mod asked;

use actix_web::http::Method;
use actix_web::{HttpRequest, web};
use serde::Serialize;
use serde_json::json;
use storage_models::Timestamp;
use storage_query::{ActionOutcome, ActionsQuery, Advice, IncidentHit, OutcomeCounts, SearchRequest};
use tokio::time::Instant;
use utoipa::ToSchema;
use utoipa::openapi::{ArrayBuilder, ObjectBuilder};

use super::answer::{HandlerResult, Json, Sent};
use super::operation::{Operation, Request, STORE};
use super::requires::Requires;
use super::{narrow, outcomes};
use crate::http::observe::RequestContext;
use crate::http::state::AppState;
use crate::openapi::{JsonBody, schema};
use crate::problem::Problem;
use crate::routes::body::{self, MediaType};
use crate::search::{Backends, NearIncidents, half_way, near, with_time_to_answer};
use asked::{AdviceAsked, body_schema, parameters};

const PATH: &str = "/api/v1/incidents/advice";

/// The name of the body's schema.
const INCIDENT: &str = "AdviceRequest";

const ABOUT: &str = "What was done about incidents whose texts are alike, and what came of it. An action is ranked with at least \
five finished records of which a success held, by how surely its successes hold. Failed and unknown records count against it, \
and a success after which the same incident came back does too. Records of other clusters count only with `clusters=all`. The \
namespace, environment and severity of an alert are not taken: incidents are compared by what they say, and texts leave these out. At \
most 10,000 records are looked at, the newest of each incident.";

/// The operations.
pub(super) fn operations() -> [Operation; 2] {
    let example =
        json!({ "alert_name": "KubePodCrashLooping", "reason": "CrashLoopBackOff", "cluster": "eu-1" });
    let get = Operation::get(PATH, Requires::READ, get, "What was tried, by what it shows.")
        .named("incidents", "getAdvice", "What worked in cases like this")
        .about(ABOUT)
        .parameters(parameters())
        .may_fail(STORE)
        .shown_by(Request::new(200, format!("{PATH}?q=a+pod+keeps+crashing&clusters=all")))
        .shown_by(Request::new(200, format!("{PATH}?alert_name=KubePodCrashLooping&cluster=eu-1&within=90d")))
        .shown_by(Request::new(400, format!("{PATH}?q=a+pod+keeps+crashing")));
    let post = Operation::new(Method::POST, PATH, Requires::READ, post, "What was tried, by what it shows.")
        .named("incidents", "askAdvice", "What worked in cases like this, for texts of any length")
        .about(ABOUT)
        .takes([(MediaType::Json, schema::named(INCIDENT), example.clone())])
        .schema(INCIDENT, body_schema())
        .may_fail(STORE)
        .shown_by(Request::new(200, PATH).body(MediaType::Json, example))
        .shown_by(Request::new(400, PATH).body(MediaType::Json, json!({ "cluster": "eu-1" })));
    [get, post]
}

/// What was tried, by what it shows.
#[derive(Serialize, ToSchema)]
#[schema(as = Advice)]
struct AdviceAnswer {
    /// What holds most surely first.
    #[schema(schema_with = actions)]
    data: Vec<Action>,
    /// What was tried, and of which no success held.
    #[schema(schema_with = actions)]
    refuted: Vec<Action>,
    /// What was tried too seldom to say.
    #[schema(schema_with = actions)]
    insufficient: Vec<Action>,
    /// Whether there is nothing to advise.
    insufficient_evidence: bool,
    /// From which similarity on incidents counted as alike; null when no vectors were compared.
    #[schema(required, minimum = 0, maximum = 1)]
    threshold: Option<f64>,
    /// How old the records are at most, in milliseconds.
    #[schema(minimum = 0, examples(15_552_000_000_i64))]
    within_ms: i64,
    /// How long a success must have lasted to have held, in milliseconds.
    #[schema(minimum = 1, examples(86_400_000))]
    settle_ms: i64,
    /// Whether only records of the same alert or fingerprint were looked at, since no vector could be made.
    degraded: bool,
}

impl JsonBody for AdviceAnswer {}

/// What came of one action.
#[derive(Serialize)]
struct Action {
    action_type: String,
    similarity: f64,
    evidence: Vec<i64>,
    #[serde(flatten)]
    counts: OutcomeCounts,
}

impl From<ActionOutcome> for Action {
    fn from(of: ActionOutcome) -> Self {
        let ActionOutcome { action_type, similarity, evidence, counts, .. } = of;
        Self { action_type, similarity, evidence, counts }
    }
}

/// The actions, as [`Action`] is serialized.
fn actions() -> ArrayBuilder {
    let near = "How near the nearest incident is about which it was done.";
    let evidence = "The ids of the newest records of it, the newest first.";
    let action = ObjectBuilder::new()
        .property("action_type", schema::text())
        .required("action_type")
        .property("similarity", schema::fraction().description(Some(near)))
        .required("similarity")
        .property("evidence", schema::list_of(schema::id()).max_items(Some(5)).description(Some(evidence)))
        .required("evidence");
    let example = outcomes::example_of_group([("similarity", json!(0.91)), ("evidence", json!([8864]))]);
    schema::list_of(outcomes::with_counts(action).examples([example]))
}

/// `GET /api/v1/incidents/advice`
async fn get(
    request: HttpRequest,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> HandlerResult<Json<AdviceAnswer>> {
    let asked = AdviceAsked::of_query(request.query_string(), Timestamp::now())?;
    advise(&state, asked, context.deadline).await
}

/// `POST /api/v1/incidents/advice`
async fn post(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> HandlerResult<Json<AdviceAnswer>> {
    crate::routes::parameters::Parameters::parse(request.query_string()).finish()?;
    let (deadline, limit) = (context.deadline, state.limits.body);
    let accepted = &[MediaType::Json];
    let body =
        body::read(request.headers(), payload, &state.budget.of_requester(), limit, deadline, accepted)
            .await?;
    let asked = AdviceAsked::of_body(&body.bytes, Timestamp::now())?;
    advise(&state, asked, deadline).await
}

async fn advise(
    state: &AppState,
    asked: AdviceAsked,
    deadline: Instant,
) -> HandlerResult<Json<AdviceAnswer>> {
    let within = with_time_to_answer(deadline);
    let (query, threshold, is_degraded) = query(state, &asked, within).await?;
    let found = match query {
        Some(query) => {
            let query = query.settle(asked.settle).together();
            state.reader.actions(query, within).await.map_err(narrow::told(&asked.filter))?
        }
        None => Vec::new(),
    };
    let advice = Advice::of(found);
    let insufficient_evidence = advice.is_insufficient();
    let Advice { ranked, refuted, insufficient, .. } = advice;
    let shown =
        |actions: Vec<ActionOutcome>| actions.into_iter().take(asked.limit).map(Action::from).collect();
    Ok(Sent::json(&AdviceAnswer {
        data: shown(ranked),
        refuted: shown(refuted),
        insufficient: shown(insufficient),
        insufficient_evidence,
        threshold,
        within_ms: asked.within_ms,
        settle_ms: asked.settle.millis(),
        degraded: is_degraded,
    }))
}

/// What to ask of the store, if there is anything that could be like the incident; the threshold that incidents were above;
/// and whether no vector could be made.
async fn query(
    state: &AppState,
    asked: &AdviceAsked,
    deadline: Instant,
) -> Result<(Option<ActionsQuery>, Option<f64>, bool), Problem> {
    let Some(vector) = asked.embedded(state, half_way(deadline)).await else {
        let query = asked.same_alert().map(|filter| ActionsQuery::of_records(filter, asked.now));
        return Ok((query, None, true));
    };
    let threshold = state.reader.threshold(deadline).await?;
    let mut hits = match threshold {
        Some(threshold) => {
            let backends = Backends {
                reader: state.reader.as_ref(),
                embeddings: &state.embeddings,
                index: state.index.as_deref(),
            };
            let request = SearchRequest::new(SearchRequest::MAX_LIMIT, threshold).map_err(Problem::from)?;
            let found = near(&backends, vector, &asked.filter, request, deadline).await;
            let NearIncidents { incidents, .. } = found.map_err(narrow::told(&asked.filter))?;
            incidents
        }
        None => Vec::new(),
    };
    // The same text is the same incident, however its vector compares with those of texts that name actions.
    if let Some(key) = asked.key() {
        hits.retain(|hit| hit.key != key);
        hits.push(IncidentHit::new(key, 1.0));
    }
    Ok((Some(ActionsQuery::new(hits, asked.filter.clone(), asked.now)), threshold, false))
}
