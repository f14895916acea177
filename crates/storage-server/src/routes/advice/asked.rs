//! The incident that advice is asked about, and what the advice may rest on.

use serde_json::json;
use storage_embedding::{RecordText, incident_key};
use storage_models::json::{MAX_TOKEN_LENGTH, pointer_to};
use storage_models::{Embedding, IncidentKey, Json, Timestamp};
use storage_query::{ADVICE_WITHIN, AuditFilter as _, CheckedFilter, RemediationFilter, Settle, TimeBound};
use tokio::time::Instant;
use utoipa::openapi::ObjectBuilder;
use utoipa::openapi::path::Parameter;

use crate::http::state::AppState;
use crate::openapi::parameters::{self, DURATION};
use crate::openapi::schema;
use crate::problem::{Location, Problem, ProblemKind, Violation};
use crate::routes::outcomes;
use crate::routes::parameters::Parameters;
use crate::telemetry::chain;

/// Characters of a text that is searched for.
const MAX_QUERY: usize = 1_000;

/// Members of a body.
const MAX_MEMBERS: usize = 32;

/// Actions of each kind, at most.
const MAX_LIMIT: i64 = 50;
const DEFAULT_LIMIT: i64 = 10;

/// The one word that opens other clusters.
const ALL: &str = "all";

/// What an alert may say, with what it is. Its namespace, environment and severity are not among them: the texts of incidents
/// leave them out, so that they would change nothing.
const FIELDS: [(&str, &str); 5] = [
    ("alert_name", "The alert."),
    ("alert_fingerprint", "The alert's fingerprint."),
    ("reason", "Its reason, such as `CrashLoopBackOff`."),
    ("error_message", "What went wrong."),
    ("message", "What else it says."),
];

const Q: &str = "The incident in words, in place of the fields of an alert.";
const CLUSTER: &str = "Only records of this cluster count. Either this or `clusters` must be there.";
const CLUSTERS: &str = "`all`: records of every cluster count.";
const WITHIN: &str = "How old the records may be, such as `90d`.";

/// The parameters of the query string.
pub(super) fn parameters() -> Vec<Parameter> {
    let text = |name, about| parameters::query(name, schema::pattern(r"^[^\u0000]*$"), about).build();
    let within = schema::pattern(DURATION).default(Some(json!("180d")));
    let mut all = vec![text("q", Q)];
    all.extend(FIELDS.map(|(name, about)| text(name, about)));
    all.extend([
        text("cluster", CLUSTER),
        parameters::query("clusters", schema::words([ALL]), CLUSTERS).build(),
        parameters::query("within", within, WITHIN).build(),
        outcomes::settle(),
        parameters::limit(MAX_LIMIT, DEFAULT_LIMIT),
    ]);
    all
}

/// The body, whose members are those parameters.
pub(super) fn body_schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    let text = |about: &str| schema::text().description(Some(about));
    let texts = [("q", Q), ("cluster", CLUSTER), ("within", WITHIN), ("settle", "As in the query string.")];
    let texts = texts.into_iter().chain(FIELDS);
    let body =
        texts.fold(schema::closed(), |body: ObjectBuilder, (name, about)| body.property(name, text(about)));
    let body = body
        .property("clusters", schema::words([ALL]).description(Some(CLUSTERS)))
        .property("limit", schema::integer(1, MAX_LIMIT));
    utoipa::openapi::RefOr::T(body.build().into())
}

/// Advice that is asked for.
#[derive(Debug)]
pub(super) struct AdviceAsked {
    said: Said,
    /// Which records may count.
    pub(super) filter: CheckedFilter<RemediationFilter>,
    pub(super) settle: Settle,
    pub(super) within_ms: i64,
    pub(super) limit: usize,
    pub(super) now: Timestamp,
}

/// What is said of the incident.
#[derive(Debug)]
enum Said {
    InWords(String),
    ByAlert(Alert),
}

/// What an alert says.
#[derive(Debug, Default)]
struct Alert {
    alert_name: Option<String>,
    alert_fingerprint: Option<String>,
    error_message: Option<String>,
    /// `reason` and `message`, as records have them in their metadata.
    metadata: Option<String>,
}

impl Alert {
    fn text(&self) -> RecordText<'_> {
        RecordText {
            alert_name: self.alert_name.as_deref(),
            error_message: self.error_message.as_deref(),
            metadata: self.metadata.as_deref(),
            ..RecordText::default()
        }
    }

    /// Whether it says something that can be compared in meaning.
    fn has_text(&self) -> bool {
        self.alert_name.is_some() || self.error_message.is_some() || self.metadata.is_some()
    }
}

impl AdviceAsked {
    pub(super) fn of_query(text: &str, now: Timestamp) -> Result<Self, Problem> {
        Self::parse(Parameters::parse(text), now)
    }

    /// From a JSON object whose members are the parameters. What is wrong is named by its place in the body.
    pub(super) fn of_body(bytes: &[u8], now: Timestamp) -> Result<Self, Problem> {
        let parsed = Json::parse(bytes)?;
        let mut errors: Vec<Violation> = Vec::new();
        for fault in parsed.faults {
            errors.push(violation(fault.pointer, fault.kind.code(), fault.kind.to_string()));
        }
        let Json::Object(members) = parsed.value else {
            return Err(invalid(vec![violation(
                String::new(),
                "invalid_type",
                "the body must be an object",
            )]));
        };
        if members.len() > MAX_MEMBERS {
            let message = format!("the body must have at most {MAX_MEMBERS} members");
            return Err(invalid(vec![violation(String::new(), "too_many_values", message)]));
        }
        let mut pairs = Vec::new();
        for (name, value) in members {
            match value {
                Json::String(text) => pairs.push((name, text)),
                Json::Number(number) if name == "limit" => pairs.push((name, number)),
                _ => {
                    let name: String = name.chars().take(MAX_TOKEN_LENGTH).collect();
                    let pointer = pointer_to("", &name);
                    errors.push(violation(pointer, "invalid_type", format!("{name} must be a string")));
                }
            }
        }
        let asked = Self::parse(Parameters::of_members(pairs), now);
        if errors.is_empty() { asked } else { Err(invalid(errors)) }
    }

    fn parse(mut parameters: Parameters, now: Timestamp) -> Result<Self, Problem> {
        let said = said(&mut parameters);
        let settle = parameters.take_parsed("settle").unwrap_or_default();
        let limit = limit(&mut parameters);
        let (since, within_ms) = within(&mut parameters);
        let mut filter = RemediationFilter::default().since(since);
        let (cluster, clusters) = (parameters.take("cluster"), parameters.take("clusters"));
        match (cluster, clusters.as_deref()) {
            (Some(cluster), None) => filter = filter.cluster(cluster),
            (None, Some(ALL)) => {}
            (None, None) => {
                parameters.refuse(
                    "cluster",
                    "required",
                    "is required, or clusters=all for those of every cluster",
                );
            }
            (Some(_), Some(ALL)) => {
                parameters.refuse(
                    "cluster",
                    "without_effect",
                    "has no effect beside clusters; leave one of them out",
                );
            }
            (_, Some(_)) => parameters.refuse("clusters", "invalid_value", "must be all, or be left out"),
        }
        let filter = parameters.note_all(filter.check(now));
        parameters.finish()?;
        match (said, filter) {
            (Some(said), Some(filter)) => Ok(Self { said, filter, settle, within_ms, limit, now }),
            // Whatever is missing here was refused above.
            _ => Err(Problem::invalid_parameters(Vec::new())),
        }
    }

    /// The incident's key, if it is told by an alert's text.
    pub(super) fn key(&self) -> Option<IncidentKey> {
        match &self.said {
            Said::ByAlert(alert) if alert.has_text() => Some(incident_key(&alert.text())),
            _ => None,
        }
    }

    /// Its records by the alert or the fingerprint alone.
    pub(super) fn same_alert(&self) -> Option<CheckedFilter<RemediationFilter>> {
        let Said::ByAlert(alert) = &self.said else { return None };
        let filter = self.filter.filter().clone();
        let filter = match (&alert.alert_fingerprint, &alert.alert_name) {
            (Some(fingerprint), _) => filter.alert_fingerprint(fingerprint.clone()),
            (None, Some(name)) => filter.alert_name(name.clone()),
            (None, None) => return None,
        };
        filter.check(self.now).ok()
    }

    /// The vector of what is said; `None` when there is no text or no vector of it in time.
    pub(super) async fn embedded(&self, state: &AppState, until: Instant) -> Option<Embedding> {
        let embedding = async {
            match &self.said {
                Said::InWords(text) => state.embeddings.embed_query(text).await.map(Some),
                Said::ByAlert(alert) if alert.has_text() => {
                    state.embeddings.embed_incident(alert.text()).await.map(Some)
                }
                Said::ByAlert(_) => Ok(None),
            }
        };
        match tokio::time::timeout_at(until, embedding).await {
            Ok(Ok(vector)) => vector,
            Ok(Err(error)) => {
                let error = chain(&error);
                tracing::warn!(error, "an incident got no vector; advice is of the same alert alone");
                None
            }
            Err(_late) => {
                tracing::warn!("an incident got no vector in time; advice is of the same alert alone");
                None
            }
        }
    }
}

/// What is said of the incident, in words or by an alert's fields.
fn said(parameters: &mut Parameters) -> Option<Said> {
    let mut take = |name| {
        let text = parameters.take(name).filter(|text| !text.trim().is_empty())?;
        if text.contains('\0') {
            parameters.refuse(name, "forbidden_character", "contains the character NUL");
        }
        Some(text)
    };
    let (q, alert_name, alert_fingerprint) = (take("q"), take("alert_name"), take("alert_fingerprint"));
    let (reason, error_message, message) = (take("reason"), take("error_message"), take("message"));
    let told = [("reason", reason), ("message", message)];
    let told: serde_json::Map<_, _> =
        told.into_iter().filter_map(|(name, text)| Some((name.to_owned(), json!(text?)))).collect();
    let metadata = (!told.is_empty()).then(|| json!(told).to_string());
    let alert = Alert { alert_name, alert_fingerprint, error_message, metadata };
    match (q, alert.has_text() || alert.alert_fingerprint.is_some()) {
        (Some(_), true) => {
            parameters.refuse("q", "without_effect", "cannot be combined with the fields of an alert");
            None
        }
        (Some(q), false) if q.chars().count() > MAX_QUERY => {
            parameters.refuse("q", "too_long", &format!("has a value of more than {MAX_QUERY} characters"));
            None
        }
        (Some(q), false) => Some(Said::InWords(q)),
        (None, true) => Some(Said::ByAlert(alert)),
        (None, false) => {
            let fields = FIELDS.map(|(name, _)| name).join(", ");
            parameters.refuse("q", "required", &format!("is required, or one of {fields}"));
            None
        }
    }
}

fn limit(parameters: &mut Parameters) -> usize {
    let Some(text) = parameters.take("limit") else {
        return usize::try_from(DEFAULT_LIMIT).unwrap_or_default();
    };
    let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    match limit.and_then(|limit| usize::try_from(limit).ok()).filter(|_| is_plain) {
        Some(limit) => limit,
        None => {
            let rule = format!("must be a whole number from 1 to {MAX_LIMIT}");
            parameters.refuse("limit", "out_of_range", &rule);
            0
        }
    }
}

/// How old the records may be, as a bound and in milliseconds.
fn within(parameters: &mut Parameters) -> (TimeBound, i64) {
    let text = parameters.take("within");
    let age = match text.map(|text| text.parse()) {
        Some(Ok(TimeBound::Ago(age))) => age,
        None => ADVICE_WITHIN,
        Some(_) => {
            parameters.refuse("within", "invalid_value", "must be an age such as 24h, 90d or 26w");
            ADVICE_WITHIN
        }
    };
    (TimeBound::Ago(age), age.num_milliseconds())
}

fn violation(pointer: String, code: &'static str, message: impl Into<String>) -> Violation {
    Violation { location: Location::Pointer(pointer), code, message: message.into() }
}

fn invalid(errors: Vec<Violation>) -> Problem {
    Problem::new(ProblemKind::ValidationFailed).errors(errors)
}

#[cfg(test)]
mod tests {
    use storage_models::Timestamp;
    use storage_query::AuditFilter as _;

    use super::AdviceAsked;
    use crate::problem::{Location, Problem};

    fn messages(problem: Option<Problem>) -> String {
        let messages = problem.iter().flat_map(|it| it.violations()).map(|it| it.message.clone());
        messages.collect::<Vec<_>>().join("; ")
    }

    /// Advice says of which clusters it is, and of what.
    #[test]
    fn advice_needs_an_incident_and_a_word_on_clusters() {
        let said = "q is required, or one of alert_name, alert_fingerprint, reason, error_message, message";
        let cluster = "cluster is required, or clusters=all for those of every cluster";
        for (query, expected) in [
            ("q=pod+killed&clusters=all", ""),
            ("alert_name=a&reason=b&cluster=c&within=1w&settle=7d&limit=50", ""),
            ("", &*format!("{said}; {cluster}")),
            ("q=+&cluster=c", said),
            ("q=x", cluster),
            ("q=x&alert_name=a&clusters=all", "q cannot be combined with the fields of an alert"),
            ("q=x&clusters=some", "clusters must be all, or be left out"),
            ("q=x&clusters=all&cluster=c", "cluster has no effect beside clusters; leave one of them out"),
            ("q=x&clusters=all&within=2026-01-01", "within must be an age such as 24h, 90d or 26w"),
            ("message=a%00b&clusters=all", "message contains the character NUL"),
            ("q=x&clusters=all&limit=51", "limit must be a whole number from 1 to 50"),
            ("q=x&clusters=all&namespace=n", "namespace is not a parameter here"),
        ] {
            assert_eq!(messages(AdviceAsked::of_query(query, Timestamp::now()).err()), expected, "{query}");
        }
    }

    /// A body says the same as a query string, and what is wrong with it is named by its place.
    #[test]
    fn a_body_says_what_a_query_string_says() {
        let now = Timestamp::now();
        let body = br#"{"alert_name": "Full; disk", "message": "no space", "cluster": "c", "within": "90d", "limit": 3}"#;
        let asked = AdviceAsked::of_body(body, now).unwrap();
        let query = "alert_name=Full%3B+disk&message=no+space&cluster=c&within=90d&limit=3";
        let same = AdviceAsked::of_query(query, now).unwrap();
        assert_eq!((asked.key(), &asked.filter, asked.limit), (same.key(), &same.filter, same.limit));
        assert!(asked.key().is_some());
        let alone = asked.same_alert().unwrap();
        assert_eq!(alone.filter().values("alert_name"), ["Full disk"]);

        for (body, pointer, message) in [
            (&br#"{"q": 7, "clusters": "all"}"#[..], "/q", "q must be a string"),
            (br#"{"q": "x", "clusters": "all", "limits": "7"}"#, "/limits", "limits is not a parameter here"),
            (br"[]", "", "the body must be an object"),
        ] {
            let problem = AdviceAsked::of_body(body, now).unwrap_err();
            let violation = &problem.violations()[0];
            assert_eq!(
                (&violation.location, &*violation.message),
                (&Location::Pointer(pointer.to_owned()), message)
            );
        }
    }
}
