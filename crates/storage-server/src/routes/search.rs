//! Search by meaning, by words, or by both.

use actix_web::{HttpRequest, web};
use serde::Serialize;
use serde_json::json;
use storage_models::{IncidentKey, Remediation, Timestamp};
use storage_query::{
    AuditFilter as _, FusedHit, InvalidParameter, InvalidReason, LexicalQuery, RemediationFilter,
    SearchRequest,
};

use utoipa::ToSchema;
use utoipa::openapi::Required;
use utoipa::openapi::path::Parameter;

use super::answer::{HandlerResult, Json, Sent};
use super::notes::{self, Note};
use super::operation::{Operation, Request, STORE};
use super::requires::Requires;
use crate::health::Pending;
use crate::http::observe::RequestContext;
use crate::http::state::AppState;
use crate::openapi::{JsonBody, parameters, reference, schema};
use crate::problem::Problem;
use crate::routes::parameters::Parameters;
use crate::search::{Backends, Engine, Found, Incident, Mode, Search};

/// The value of `group`.
const GROUP: &str = "incident";

/// The operation that searches.
pub(super) fn operation() -> Operation {
    let path = "/api/v1/audit/search";
    Operation::get(path, Requires::READ, search, "The hits, the best first.")
        .named("remediation", "search", "Find remediations by meaning, by words, or by both")
        .about(
            "The filters of lists apply during the search: the hits are the best of the records that match.",
        )
        .parameters(own_parameters())
        .parameters(parameters::filter::<Remediation>())
        .may_fail(STORE)
        .shown_by(Request::new(200, format!("{path}?q=a+pod+keeps+crashing&limit=3&namespace=payments")))
        .shown_by(Request::new(200, format!("{path}?q=a+pod+keeps+crashing&group=incident&limit=3")))
        .shown_by(Request::new(400, format!("{path}?limit=3")))
}

/// The parameters besides the filter.
fn own_parameters() -> [Parameter; 5] {
    let text = schema::pattern(r"\S").min_length(Some(1)).max_length(Some(1_000));
    let about = "The text to search for. A hit does not need to contain it.";
    let text = parameters::query("q", text, about).required(Required::True);
    let similarity = schema::fraction().default(Some(json!(0)));
    [
        text.example(Some(json!("a pod keeps crashing"))).build(),
        parameters::choice("mode", Mode::names(), "hybrid", "The kind of search."),
        parameters::query(
            "group",
            schema::words([GROUP]),
            "`incident` gives each incident once, as its newest record.",
        )
        .build(),
        parameters::limit(SearchRequest::MAX_LIMIT, SearchRequest::DEFAULT_LIMIT),
        parameters::query(
            "min_similarity",
            similarity,
            "The least similarity of a hit. Not with `mode=lexical`, which compares no vectors.",
        )
        .build(),
    ]
}

/// The result of a search.
#[derive(Serialize, ToSchema)]
pub(super) struct SearchAnswer {
    data: Vec<Hit>,
    /// The engine that compared vectors; null if the service compared words only.
    #[schema(required)]
    engine: Option<Engine>,
    /// Whether the embedder, Qdrant or one half of a hybrid search was unavailable.
    degraded: bool,
    /// True if the last hits are left out because the records are large, else absent. Narrow the filter to get them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
    /// The number of stored records that searches by meaning cannot find yet. It includes all records that this
    /// replica has accepted.
    #[schema(minimum = 0)]
    pending: i64,
    /// The time when `pending` last counted the records of other replicas; null before the first count.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pending_counted_at: Option<Timestamp>,
    /// The filter values that the service compares in another form than the given one; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    filter_notes: Vec<Note>,
}

/// A remediation that the search found.
#[derive(Serialize, ToSchema)]
#[schema(as = SearchHit)]
struct Hit {
    /// How similar the record is in meaning; null if its words alone were found.
    #[schema(required, minimum = -1, maximum = 1, examples(0.62))]
    similarity: Option<f64>,
    #[schema(minimum = 1, examples(1))]
    rank: usize,
    matched: Vec<Matched>,
    #[schema(schema_with = reference::<Remediation>)]
    record: Remediation,
    /// The incident whose newest record this is; null without `group=incident`.
    #[schema(required)]
    incident: Option<HitIncident>,
}

/// An incident: the records that say the same except for their action and target.
#[derive(Serialize, ToSchema)]
#[schema(as = SearchIncident)]
struct HitIncident {
    /// Equal for all records of the incident.
    #[schema(value_type = String, pattern = "^[0-9a-f]{32}$", examples("9968905324be973f44d73b59eed8f3e0"))]
    key: IncidentKey,
    /// The number of the incident's records that match the filter, at most 10,000.
    #[schema(minimum = 1, examples(12))]
    count: i64,
    /// Whether the incident may have more records than `count`.
    count_is_at_least: bool,
    /// The ids of its newest records, the newest first.
    #[schema(min_items = 1, max_items = 5)]
    newest: Vec<i64>,
}

impl From<Incident> for HitIncident {
    fn from(incident: Incident) -> Self {
        Self {
            key: incident.key,
            count: incident.count,
            count_is_at_least: incident.is_count_at_least,
            newest: incident.newest,
        }
    }
}

/// Whether the words, the meaning or both were found.
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
) -> HandlerResult<Json<SearchAnswer>> {
    let search = parse(request.query_string(), Timestamp::now())?;
    let notes = notes::of(search.filter.filter());
    let backends = Backends {
        reader: state.reader.as_ref(),
        embeddings: &state.embeddings,
        index: state.index.as_deref(),
    };
    let found = search.run(&backends, context.deadline).await?;
    let (bulk, pending) = (found.hits.iter().map(|hit| hit.record.bulk()).sum(), state.health.pending());
    let make = move || SearchAnswer::of(found, pending, notes);
    Ok(Sent::rendered(state.heavy.json(bulk, context.deadline, make).await?))
}

impl SearchAnswer {
    fn of(found: Found, pending: Pending, filter_notes: Vec<Note>) -> Self {
        let mut incidents = found.incidents;
        let hit = |(rank, hit): (usize, FusedHit)| {
            let incident = incidents.remove(&hit.record.id).map(HitIncident::from);
            Hit { incident, ..Hit::of((rank, hit)) }
        };
        Self {
            data: (1..).zip(found.hits).map(hit).collect(),
            engine: found.engine,
            degraded: found.is_degraded,
            truncated: found.is_cut,
            pending: pending.records,
            pending_counted_at: pending.counted_at,
            filter_notes,
        }
    }
}

impl Hit {
    fn of((rank, hit): (usize, FusedHit)) -> Self {
        let sides = [(Matched::Semantic, hit.similarity.is_some()), (Matched::Lexical, hit.has_words)];
        let matched = sides.into_iter().filter(|(_, has_matched)| *has_matched).map(|(side, _)| side);
        Self {
            similarity: hit.similarity,
            rank,
            matched: matched.collect(),
            record: hit.record,
            incident: None,
        }
    }
}

/// The search that a query string asks for.
fn parse(query: &str, now: Timestamp) -> Result<Search, Problem> {
    let mut parameters = Parameters::parse(query);
    let text = parameters.take("q").unwrap_or_default();
    if text.trim().is_empty() {
        parameters.refuse("q", "required", "is required; it is the text to search for");
    }
    let mode = parameters.take("mode").map_or(Some(Mode::Hybrid), |name| Mode::of(&name));
    if mode.is_none() {
        parameters.refuse("mode", "invalid_value", &format!("must be one of {}", Mode::names().join(", ")));
    }
    let group = parameters.take("group");
    if group.as_deref().is_some_and(|group| group != GROUP) {
        parameters.refuse(
            "group",
            "invalid_value",
            &format!("must be {GROUP}; use it or omit the parameter"),
        );
    }
    let (limit, similarity) = (parameters.take("limit"), parameters.take("min_similarity"));
    let request = parameters.note_all(SearchRequest::parse(limit.as_deref(), similarity.as_deref()));
    if mode == Some(Mode::Lexical) && similarity.is_some() {
        let (field, reason) =
            ("min_similarity".into(), InvalidReason::WithoutEffect { beside: "mode=lexical" });
        parameters.note::<()>(Err(InvalidParameter { field, value: String::new(), reason }));
    }
    let filter = parameters.take_filter::<RemediationFilter>();
    let filter = parameters.note_all(filter.check(now)).unwrap_or_default();
    let request = request.unwrap_or_default();
    let words = parameters.note_all(LexicalQuery::new(text.clone(), filter.clone(), request));
    parameters.finish()?;
    match (mode, words) {
        (Some(mode), Some(words)) => {
            Ok(Search { text, mode, filter, request, is_grouped: group.is_some(), words })
        }
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
            ("", "q is required; it is the text to search for"),
            ("q=+%09", "q is required; it is the text to search for"),
            ("q=a%00b", "q contains the character NUL"),
            ("q=x&mode=Hybrid", "mode must be one of semantic, lexical, hybrid"),
            ("q=x&limit=101", "limit must be a whole number from 1 to 100"),
            ("q=x&min_similarity=2", "min_similarity must be a number from 0 to 1"),
            (
                "q=x&mode=lexical&min_similarity=0.5",
                "min_similarity has no effect together with mode=lexical; remove one of them",
            ),
            ("q=x&q=y", "q is given more than once"),
            ("q=x&group=incident", ""),
            ("q=x&group=name", "group must be incident; use it or omit the parameter"),
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
