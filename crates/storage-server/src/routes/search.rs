//! Search by meaning, by words, or by both.

use actix_web::{HttpRequest, web};
use serde::Serialize;
use serde_json::json;
use storage_models::{Remediation, Timestamp};
use storage_query::{AuditFilter as _, FusedHit, LexicalQuery, RemediationFilter, SearchRequest};

use utoipa::ToSchema;
use utoipa::openapi::Required;
use utoipa::openapi::path::Parameter;

use super::access::Asks;
use super::answer::{Answer, Json, Sent};
use super::operation::{Operation, Request, STORE};
use crate::openapi::{JsonBody, parameters, reference, schema};
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::search::{Engine, Found, Mode, Search};
use crate::state::AppState;
use crate::telemetry::request::RequestContext;

/// The operation that searches.
pub(super) fn operation() -> Operation {
    let path = "/api/v1/audit/search";
    Operation::get(path, Asks::READ, search, "The nearest first.")
        .named("remediation", "search", "Find remediations by meaning, by words, or by both")
        .about("The filters of lists hold inside the index: what is found is the nearest of what matches.")
        .parameters(own_parameters())
        .parameters(parameters::filter::<Remediation>())
        .may_fail(STORE)
        .shown_by(Request::new(200, format!("{path}?q=a+pod+keeps+crashing&limit=3&namespace=payments")))
        .shown_by(Request::new(400, format!("{path}?limit=3")))
}

/// The parameters besides the filter.
fn own_parameters() -> [Parameter; 4] {
    let text = schema::pattern(r"\S").min_length(Some(1)).max_length(Some(1_000));
    let about = "What is searched for, in words: it need not occur in what is found.";
    let text = parameters::query("q", text, about).required(Required::True);
    let similarity = schema::fraction().default(Some(json!(0)));
    [
        text.example(Some(json!("a pod keeps crashing"))).build(),
        parameters::choice("mode", Mode::names(), "hybrid", "How to search."),
        parameters::limit(SearchRequest::MAX_LIMIT, SearchRequest::DEFAULT_LIMIT),
        parameters::query("min_similarity", similarity, "How similar a hit must be at least.").build(),
    ]
}

/// What was found.
#[derive(Serialize, ToSchema)]
pub(super) struct SearchAnswer {
    data: Vec<Hit>,
    /// Where vectors were compared; null when only words were.
    #[schema(required)]
    engine: Option<Engine>,
    /// Whether something that should have taken part was away.
    degraded: bool,
    /// Only there when the worst hits are left out, since the records are large: narrow the filter.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
    /// Records that are stored and cannot be found by meaning yet.
    #[schema(minimum = 0)]
    pending: i64,
}

/// One remediation that was found.
#[derive(Serialize, ToSchema)]
#[schema(as = SearchHit)]
struct Hit {
    /// How near it is in meaning; null for what was found by its words alone.
    #[schema(required, minimum = -1, maximum = 1, examples(0.62))]
    similarity: Option<f64>,
    #[schema(minimum = 1, examples(1))]
    rank: usize,
    matched: Vec<Matched>,
    #[schema(schema_with = reference::<Remediation>)]
    record: Remediation,
}

/// By what something was found.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Matched {
    Semantic,
    Lexical,
}

impl JsonBody for SearchAnswer {}

/// `GET /api/v1/audit/search`
async fn search(
    request: HttpRequest,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> Answer<Json<SearchAnswer>> {
    let search = parse(request.query_string(), Timestamp::now())?;
    let found = search.run(&state, context.deadline).await?;
    let (bulk, pending) = (found.hits.iter().map(|hit| hit.record.bulk()).sum(), state.health.waiting());
    let make = move || SearchAnswer::of(found, pending);
    Ok(Sent::rendered(state.heavy.json(bulk, context.deadline, make).await?))
}

impl SearchAnswer {
    fn of(found: Found, pending: i64) -> Self {
        Self {
            data: (1..).zip(found.hits).map(Hit::of).collect(),
            engine: found.engine,
            degraded: found.is_degraded,
            truncated: found.is_cut,
            pending,
        }
    }
}

impl Hit {
    fn of((rank, hit): (usize, FusedHit)) -> Self {
        let sides = [(Matched::Semantic, hit.similarity.is_some()), (Matched::Lexical, hit.has_words)];
        let matched = sides.into_iter().filter(|(_, has_matched)| *has_matched).map(|(side, _)| side);
        Self { similarity: hit.similarity, rank, matched: matched.collect(), record: hit.record }
    }
}

/// The search that a query string asks for.
fn parse(query: &str, now: Timestamp) -> Result<Search, Problem> {
    let mut parameters = Parameters::parse(query);
    let text = parameters.take("q").unwrap_or_default();
    if text.trim().is_empty() {
        parameters.refuse("q", "required", "is required: the text to search for");
    }
    let mode = parameters.take("mode").map_or(Some(Mode::Hybrid), |name| Mode::of(&name));
    if mode.is_none() {
        parameters.refuse("mode", "invalid_value", &format!("must be one of {}", Mode::names().join(", ")));
    }
    let (limit, similarity) = (parameters.take("limit"), parameters.take("min_similarity"));
    let request = parameters.note_all(SearchRequest::parse(limit.as_deref(), similarity.as_deref()));
    let filter = parameters.take_filter::<RemediationFilter>();
    let filter = parameters.note_all(filter.check(now)).unwrap_or_default();
    let request = request.unwrap_or_default();
    let words = parameters.note_all(LexicalQuery::new(text.clone(), filter.clone(), request));
    parameters.finish()?;
    match (mode, words) {
        (Some(mode), Some(words)) => Ok(Search { text, mode, filter, request, words }),
        // Whatever is missing here was refused above.
        _ => Err(Problem::invalid_parameters(Vec::new())),
    }
}

#[cfg(test)]
mod tests {
    use storage_models::Timestamp;

    use super::{Mode, parse};

    fn refused(query: &str) -> String {
        let problem = parse(query, Timestamp::now()).err();
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
            ("q=x&mode=hybrid", ""),
            ("q=x&mode=lexical", ""),
            (longest.as_str(), ""),
            (too_long.as_str(), "q has a value of more than 1000 characters"),
            ("", "q is required: the text to search for"),
            ("q=+%09", "q is required: the text to search for"),
            ("q=a%00b", "q holds the character NUL"),
            ("q=x&mode=Hybrid", "mode must be one of semantic, lexical, hybrid"),
            ("q=x&limit=101", "limit must be a whole number from 1 to 100"),
            ("q=x&min_similarity=2", "min_similarity must be a number from 0 to 1"),
            ("q=x&q=y", "q is given more than once"),
            ("q=x&offset=1", "offset is not a parameter here"),
        ] {
            assert_eq!(refused(query), expected, "{query}");
        }
    }

    #[test]
    fn meaning_and_words_are_searched_for_unless_one_of_them_is_asked_for() {
        let mode = |query| parse(query, Timestamp::now()).unwrap().mode;
        assert_eq!(mode("q=x"), Mode::Hybrid);
        assert_eq!(mode("q=x&mode=lexical"), Mode::Lexical);
        assert_eq!(mode("q=x&mode=semantic"), Mode::Semantic);
    }
}
