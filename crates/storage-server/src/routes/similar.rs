//! Incidents like one that is stored, and what was done about them.

use std::collections::HashMap;

use actix_web::{HttpRequest, web};
use serde::Serialize;
use storage_dualwrite::IncidentKeys as _;
use storage_models::fields::EXAMPLE_ID;
use storage_models::{IncidentKey, Record, RecordType, Remediation, Timestamp};
use storage_query::{
    ActionOutcome, ActionsQuery, AuditFilter as _, CheckedFilter, IncidentHit, IncidentSummary,
    OutcomeCounts, RemediationFilter, SearchRequest, Settle,
};
use tokio::time::Instant;
use utoipa::ToSchema;
use utoipa::openapi::{ArrayBuilder, ObjectBuilder};

use super::answer::{HandlerResult, Json, Sent};
use super::notes::{self, Note};
use super::operation::{Operation, Request, STORE};
use super::requires::Requires;
use super::{id, narrow, outcomes};
use crate::embedder::text_of;
use crate::http::observe::RequestContext;
use crate::http::state::AppState;
use crate::openapi::{JsonBody, parameters, reference, schema};
use crate::problem::{Problem, ProblemKind};
use crate::routes::parameters::Parameters;
use crate::search::{Backends, Engine, NearIncidents, half_way, near, with_time_to_answer};
use crate::telemetry::chain;

/// The operation.
pub(super) fn operation() -> Operation {
    let path = "/api/v1/incidents/{id}/similar";
    let one = format!("/api/v1/incidents/{EXAMPLE_ID}/similar");
    let similarity = schema::fraction().default(Some(serde_json::json!(0)));
    let similarity =
        parameters::query("min_similarity", similarity, "How similar an incident must be at least.").build();
    Operation::get(path, Requires::READ, similar, "The nearest first.")
        .named("incidents", "getSimilar", "Incidents like this one, and what was done about them")
        .about(
            "Incidents whose texts are near in meaning, the incident itself among them, each with what was done and what \
             came of it. The filter is of the records that may be shown, not of the incident that is asked for. What came of records \
             is looked up for at most 10,000, the newest of each incident.",
        )
        .parameters([parameters::id(), outcomes::settle(), similarity])
        .parameters([parameters::limit(SearchRequest::MAX_LIMIT, SearchRequest::DEFAULT_LIMIT)])
        .parameters(parameters::filter::<Remediation>())
        .may_fail(STORE)
        .may_fail(&[ProblemKind::RecordNotFound])
        .shown_by(Request::new(200, format!("{one}?limit=3")))
        .shown_by(Request::new(404, "/api/v1/incidents/9223372036854775807/similar"))
        .shown_by(Request::new(400, format!("{one}?limit=0")))
}

/// Incidents like one.
#[derive(Serialize, ToSchema)]
#[schema(as = SimilarIncidents)]
struct SimilarAnswer {
    data: Vec<SimilarIncident>,
    /// Where vectors were compared; null when none were.
    #[schema(required)]
    engine: Option<Engine>,
    /// Whether something that should have taken part was unavailable: without a vector, only records of the same text are shown.
    degraded: bool,
    /// How long a success must have lasted to have held, in milliseconds.
    #[schema(minimum = 1, examples(86_400_000))]
    settle_ms: i64,
    /// Only there when values of the filter are compared in another form than they were given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    filter_notes: Vec<Note>,
}

impl JsonBody for SimilarAnswer {}

/// An incident that is like the one that was asked for.
#[derive(Serialize, ToSchema)]
struct SimilarIncident {
    /// Equal for all records of the incident.
    #[schema(value_type = String, pattern = "^[0-9a-f]{32}$", examples("9f2c41d0a7b3e8569f2c41d0a7b3e856"))]
    key: IncidentKey,
    /// How near its nearest record is.
    #[schema(minimum = 0, maximum = 1, examples(0.87))]
    similarity: f64,
    /// Whether it is the incident that was asked for.
    is_same: bool,
    /// Records of it that match the filter, at most 10,000.
    #[schema(minimum = 1, examples(12))]
    count: i64,
    /// Whether there may be more than `count`.
    count_is_at_least: bool,
    /// When its newest record began.
    #[schema(value_type = String, format = DateTime, examples("2026-01-02T03:04:05.123456Z"))]
    last_seen: Timestamp,
    /// The ids of the newest of them, the newest first.
    #[schema(min_items = 1, max_items = 5, examples(8864))]
    newest: Vec<i64>,
    /// The newest of them.
    #[schema(schema_with = reference::<Remediation>)]
    record: Remediation,
    /// What was done, and what came of it; what holds most surely first.
    #[schema(schema_with = actions)]
    outcomes: Vec<Action>,
}

/// What came of one action.
#[derive(Serialize)]
struct Action {
    action_type: String,
    #[serde(flatten)]
    counts: OutcomeCounts,
}

/// The actions, as [`Action`] is serialized.
fn actions() -> ArrayBuilder {
    let action = ObjectBuilder::new().property("action_type", schema::text()).required("action_type");
    schema::list_of(outcomes::with_counts(action).examples([outcomes::example_of_group([])]))
}

/// `GET /api/v1/incidents/{id}/similar`
async fn similar(
    request: HttpRequest,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> HandlerResult<Json<SimilarAnswer>> {
    let asked = Asked::parse(request.query_string(), Timestamp::now())?;
    let id = id::of(&request)?;
    let deadline = with_time_to_answer(context.deadline);
    let Some(Record::Remediation(record)) = state.reader.get(RecordType::Remediation, id, deadline).await?
    else {
        let detail = format!("There is no incident with the id {id}.");
        return Err(Problem::new(ProblemKind::RecordNotFound).detail(detail));
    };
    let own = state.embeddings.incident_key(&record);
    let (hits, engine, is_degraded) = asked.hits(&state, &record, own, deadline).await?;
    let keys = hits.iter().map(|hit| hit.key).collect();
    let told = narrow::told(&asked.filter);
    let summaries = state.reader.incidents(keys, asked.filter.clone(), deadline).await.map_err(told)?;
    let query = ActionsQuery::new(hits.clone(), asked.filter.clone(), asked.now).settle(asked.settle);
    let told = narrow::told(&asked.filter);
    let found = state.reader.actions(query, deadline).await.map_err(told)?;
    let bulk = summaries.values().map(|summary| summary.record.bulk()).sum();
    let answer = SimilarAnswer {
        data: together(own, hits, summaries, found),
        engine,
        degraded: is_degraded,
        settle_ms: asked.settle.millis(),
        filter_notes: notes::of(asked.filter.filter()),
    };
    Ok(Sent::rendered(state.heavy.json(bulk, context.deadline, move || answer).await?))
}

/// Each incident with its records and its actions. One without a record that matches is left out.
fn together(
    own: IncidentKey,
    hits: Vec<IncidentHit>,
    mut summaries: HashMap<IncidentKey, IncidentSummary>,
    found: Vec<ActionOutcome>,
) -> Vec<SimilarIncident> {
    let mut by_incident: HashMap<Option<IncidentKey>, Vec<Action>> = HashMap::new();
    for ActionOutcome { incident, action_type, counts, .. } in found {
        by_incident.entry(incident).or_default().push(Action { action_type, counts });
    }
    let incident = |hit: IncidentHit| {
        let summary = summaries.remove(&hit.key)?;
        Some(SimilarIncident {
            key: hit.key,
            similarity: hit.similarity,
            is_same: hit.key == own,
            count: summary.count,
            count_is_at_least: summary.is_count_at_least(),
            last_seen: summary.record.start_time,
            newest: summary.newest,
            record: summary.record,
            outcomes: by_incident.remove(&Some(hit.key)).unwrap_or_default(),
        })
    };
    hits.into_iter().filter_map(incident).collect()
}

/// What is asked beside the incident.
#[derive(Debug)]
struct Asked {
    filter: CheckedFilter<RemediationFilter>,
    request: SearchRequest,
    settle: Settle,
    now: Timestamp,
}

impl Asked {
    fn parse(text: &str, now: Timestamp) -> Result<Self, Problem> {
        let mut parameters = Parameters::parse(text);
        let settle = parameters.take_parsed("settle").unwrap_or_default();
        let (limit, similarity) = (parameters.take("limit"), parameters.take("min_similarity"));
        let request = parameters.note_all(SearchRequest::parse(limit.as_deref(), similarity.as_deref()));
        let filter = parameters.take_filter::<RemediationFilter>();
        let filter = parameters.note_all(filter.check(now)).unwrap_or_default();
        parameters.finish()?;
        Ok(Self { filter, request: request.unwrap_or_default(), settle, now })
    }

    /// The incidents nearest to a record's text; without a vector of it, the record's own.
    async fn hits(
        &self,
        state: &AppState,
        record: &Remediation,
        own: IncidentKey,
        deadline: Instant,
    ) -> Result<(Vec<IncidentHit>, Option<Engine>, bool), Problem> {
        let embedding = state.embeddings.embed_incident(text_of(record));
        let vector = match tokio::time::timeout_at(half_way(deadline), embedding).await {
            Ok(Ok(vector)) => vector,
            outcome => {
                let error = outcome.map_or_else(
                    |_late| "it took too long".to_owned(),
                    |it| it.err().map(|error| chain(&error)).unwrap_or_default(),
                );
                tracing::warn!(error, "an incident got no vector; only records of the same text are like it");
                return Ok((vec![IncidentHit::new(own, 1.0)], None, true));
            }
        };
        let backends = Backends {
            reader: state.reader.as_ref(),
            embeddings: &state.embeddings,
            index: state.index.as_deref(),
        };
        let found = near(&backends, vector, &self.filter, self.request, deadline).await;
        let NearIncidents { incidents, engine, is_degraded } = found.map_err(narrow::told(&self.filter))?;
        Ok((incidents, Some(engine), is_degraded))
    }
}
