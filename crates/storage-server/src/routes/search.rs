//! Search by meaning, by words, or by both.

use actix_web::http::header::ContentType;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use storage_models::{Remediation, Timestamp};
use storage_query::{AuditFilter as _, FusedHit, LexicalQuery, RemediationFilter, SearchRequest};

use super::Answer;
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::search::{Engine, Found, Mode, Search};
use crate::state::AppState;
use crate::telemetry::request::RequestContext;

/// What was found, as it is sent.
#[derive(Serialize)]
struct SearchAnswer<'a> {
    data: Vec<HitAnswer<'a>>,
    engine: Option<&'static str>,
    degraded: bool,
    /// Whether the worst hits were left out for their size.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
    pending: i64,
}

#[derive(Serialize)]
struct HitAnswer<'a> {
    similarity: Option<f64>,
    rank: usize,
    matched: Vec<&'static str>,
    record: &'a Remediation,
}

/// `GET /api/v1/audit/search`
pub(super) async fn search(
    request: HttpRequest,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> Answer {
    let search = parse(request.query_string(), Timestamp::now())?;
    let found = search.run(&state, context.deadline).await?;
    let (bulk, pending) = (found.hits.iter().map(|hit| hit.record.bulk()).sum(), state.health.waiting());
    let render = move || serde_json::to_vec(&SearchAnswer::of(&found, pending));
    let body = state.heavy.json(bulk, context.deadline, render).await?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(body))
}

impl<'a> SearchAnswer<'a> {
    fn of(found: &'a Found, pending: i64) -> Self {
        Self {
            data: (1..).zip(&found.hits).map(answer_of).collect(),
            engine: found.engine.map(Engine::name),
            degraded: found.is_degraded,
            truncated: found.is_cut,
            pending,
        }
    }
}

fn answer_of((rank, hit): (usize, &FusedHit)) -> HitAnswer<'_> {
    let sides = [("semantic", hit.similarity.is_some()), ("lexical", hit.has_words)];
    let matched = sides.into_iter().filter(|(_, has_matched)| *has_matched).map(|(name, _)| name).collect();
    HitAnswer { similarity: hit.similarity, rank, matched, record: &hit.record }
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
        parameters.refuse("mode", "invalid_value", &format!("must be one of {}", Mode::names()));
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
