//! Search by meaning.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use storage_models::{Embedding, Remediation, Timestamp};
use storage_query::{AuditFilter as _, Hit, NearestQuery, RemediationFilter, SearchRequest, Valid};

use super::Answer;
use crate::parameters::Parameters;
use crate::problem::{Problem, ProblemKind};
use crate::state::AppState;
use crate::telemetry::request::RequestContext;

/// Characters of a query at most.
const MAX_QUERY: usize = 1_000;

/// The ways to search that exist.
const MODES: [&str; 1] = ["semantic"];

/// What was found, as it is sent.
#[derive(Serialize)]
struct SearchAnswer<'a> {
    data: Vec<HitAnswer<'a>>,
    engine: &'static str,
    degraded: bool,
    pending: i64,
}

#[derive(Serialize)]
struct HitAnswer<'a> {
    similarity: f64,
    rank: usize,
    matched: [&'static str; 1],
    record: &'a Remediation,
}

/// What is searched for.
#[derive(Debug)]
struct Search {
    query: String,
    filter: Valid<RemediationFilter>,
    request: SearchRequest,
}

/// `GET /api/v1/audit/search`
pub(super) async fn search(
    request: HttpRequest,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> Answer {
    let search = Search::parse(request.query_string(), Timestamp::now())?;
    let vector = embedded(&state, &search.query, context.deadline).await?;
    let nearest = NearestQuery::new(vector, search.filter, search.request);
    let found = state.reader.nearest(nearest, context.deadline).await?;
    if found.exact {
        tracing::debug!("the vector index gave too few hits; everything that matches was compared");
    }
    let data = (1..).zip(&found.hits).map(answer_of).collect();
    let pending = state.health.waiting();
    Ok(HttpResponse::Ok().json(SearchAnswer { data, engine: "pgvector", degraded: false, pending }))
}

fn answer_of((rank, hit): (usize, &Hit)) -> HitAnswer<'_> {
    HitAnswer { similarity: hit.similarity, rank, matched: MODES, record: &hit.record }
}

async fn embedded(
    state: &AppState,
    query: &str,
    deadline: tokio::time::Instant,
) -> Result<Embedding, Problem> {
    let embedding = tokio::time::timeout_at(deadline, state.embeddings.embed_query(query));
    match embedding.await {
        Ok(outcome) => outcome.map_err(|error| Problem::new(ProblemKind::EmbedderUnavailable).cause(error)),
        Err(_late) => Err(Problem::new(ProblemKind::DeadlinePassed)),
    }
}

impl Search {
    fn parse(text: &str, now: Timestamp) -> Result<Self, Problem> {
        let mut parameters = Parameters::parse(text);
        let query = parameters.take("q").unwrap_or_default();
        if query.trim().is_empty() {
            parameters.refuse("q", "required", "is required: the text to search for");
        } else if query.chars().count() > MAX_QUERY {
            parameters.refuse("q", "too_long", "must have at most 1000 characters");
        }
        if parameters.take("mode").is_some_and(|mode| !MODES.contains(&mode.as_str())) {
            parameters.refuse("mode", "invalid_value", &format!("must be one of {}", MODES.join(", ")));
        }
        let (limit, similarity) = (parameters.take("limit"), parameters.take("min_similarity"));
        let request = parameters.note_all(SearchRequest::parse(limit.as_deref(), similarity.as_deref()));
        let filter = parameters.take_filter::<RemediationFilter>();
        let filter = parameters.note_all(filter.check(now));
        parameters.finish()?;
        Ok(Self { query, filter: filter.unwrap_or_default(), request: request.unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use storage_models::Timestamp;

    use super::Search;

    fn refused(query: &str) -> String {
        let problem = Search::parse(query, Timestamp::now()).err();
        let messages = problem.iter().flat_map(|it| it.violations()).map(|it| it.message.clone());
        messages.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn a_search_needs_a_query_and_knows_its_parameters() {
        let longest = format!("q={}", "ä".repeat(1_000));
        let too_long = format!("q={}", "a".repeat(1_001));
        for (query, expected) in [
            ("q=pod+killed", ""),
            ("q=x&mode=semantic&limit=100&min_similarity=0.5&namespace=a", ""),
            (longest.as_str(), ""),
            (too_long.as_str(), "q must have at most 1000 characters"),
            ("", "q is required: the text to search for"),
            ("q=+%09", "q is required: the text to search for"),
            ("q=x&mode=hybrid", "mode must be one of semantic"),
            ("q=x&limit=101", "limit must be a whole number from 1 to 100"),
            ("q=x&min_similarity=2", "min_similarity must be a number from 0 to 1"),
            ("q=x&q=y", "q is given more than once"),
            ("q=x&offset=1", "offset is not a parameter here"),
        ] {
            assert_eq!(refused(query), expected, "{query}");
        }
    }
}
