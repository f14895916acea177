//! What a client asks for beyond the commit: to wait for the index, or to have a record in both stores or in neither.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::header::{HeaderName, HeaderValue};
use serde_json::json;
use storage_dualwrite::idempotency::{IdempotencyKey, Reply};
use storage_models::{RecordType, Timestamp};
use tokio::time::Instant;
use utoipa::openapi::path::Parameter;

use super::answer;
use crate::openapi::{parameters, schema};
use crate::parameters::Parameters;
use crate::routes::answer::Sent;
use crate::settings::Consistency;
use crate::state::AppState;

/// RFC 7240, section 2.
const PREFER: HeaderName = HeaderName::from_static("prefer");
/// RFC 7240, section 3.
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
/// The parameter that chooses the consistency.
const PARAMETER: &str = "consistency";

/// Which consistencies a route has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::routes) enum Offer {
    /// All of them.
    Any,
    /// All but `strict`, which is for single new records.
    NotStrict,
}

/// Takes the consistency that is asked for, or the one of the settings where the route has it.
pub(super) fn take(parameters: &mut Parameters, offer: Offer, default: Consistency) -> Consistency {
    match (parameters.take(PARAMETER).as_deref(), offer) {
        (None, Offer::Any) => default,
        (None, Offer::NotStrict) | (Some("deferred"), _) => Consistency::Deferred,
        (Some("strict"), Offer::Any) => Consistency::Strict,
        (Some("strict"), Offer::NotStrict) => {
            parameters.refuse(PARAMETER, "invalid_value", "is strict for single new records alone");
            default
        }
        (Some(_), _) => {
            parameters.refuse(PARAMETER, "invalid_value", "must be deferred or strict");
            default
        }
    }
}

/// The parameter, as the routes that make this offer have it.
pub(in crate::routes) fn consistency_parameter(offer: Offer) -> Parameter {
    let offered: &[&str] = match offer {
        Offer::Any => &["deferred", "strict"],
        Offer::NotStrict => &["deferred"],
    };
    let about =
        "`deferred`: committed in PostgreSQL, indexed behind it. `strict`: in both stores or in neither.";
    let of = match offered {
        [only] => schema::words([*only]),
        several => schema::set("Consistency", several.iter().copied()),
    };
    parameters::query(PARAMETER, of, about).build()
}

/// The header by which a client says that it waits.
pub(super) fn preference_header() -> Parameter {
    let about = "`wait=SECONDS` waits until the vector index holds what was written, as long as the request may take.";
    parameters::header("Prefer", schema::text(), about).example(Some(json!("wait=1"))).build()
}

/// How long the client is willing to wait: `Prefer: wait=SECONDS`. A preference that cannot be understood is ignored,
/// as the RFC has it; of several, the first that can be counts.
pub(super) fn wait(request: &HttpRequest) -> Option<Duration> {
    let headers = request.headers().get_all(PREFER).filter_map(|value| value.to_str().ok());
    let mut preferences = headers.flat_map(|header| header.split(','));
    preferences.find_map(|preference| {
        let (name, value) = preference.split(';').next()?.split_once('=')?;
        let seconds = value.trim().trim_matches('"').parse::<u32>().ok()?;
        name.trim().eq_ignore_ascii_case("wait").then(|| Duration::from_secs(seconds.into()))
    })
}

/// A wait that was granted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waited {
    granted: Duration,
    /// Whether the records have reached every store.
    pub(super) is_synced: bool,
}

/// Waits for what was written, as long as the client wants and the request may take.
pub(super) async fn until_synced(
    state: &AppState,
    record_type: RecordType,
    versions: Vec<(i64, Timestamp)>,
    wanted: Option<Duration>,
    deadline: Instant,
) -> Option<Waited> {
    let granted = wanted?.min(deadline.saturating_duration_since(Instant::now()));
    let is_synced = record_type == RecordType::Remediation
        && state.writer.until_synced(versions, Instant::now() + granted).await;
    Some(Waited { granted, is_synced })
}

/// The answer after a wait. What is kept for those who repeat the request is made the same; where that cannot be, the
/// answer is the one that was kept at the commit, so that both are the same byte for byte. `render` is told whether
/// the index still lacks something.
pub(super) async fn answered<F>(
    state: &AppState,
    key: Option<&IdempotencyKey>,
    waited: Option<Waited>,
    deadline: Instant,
    render: impl Fn(bool) -> Reply,
) -> Sent<F> {
    let mut reply = render(!waited.is_some_and(|waited| waited.is_synced));
    if let (Some(key), Some(Waited { is_synced: true, .. })) = (key, waited)
        && !state.writer.amend(key, &reply.body, deadline).await
    {
        reply = render(true);
    }
    let mut response = answer::response(reply);
    tell(&mut response, waited);
    Sent::of(response)
}

/// Says that the preference was followed, and for how many whole seconds it was at most.
fn tell(response: &mut HttpResponse, waited: Option<Waited>) {
    let Some(Waited { granted, .. }) = waited else { return };
    if let Ok(value) = HeaderValue::try_from(format!("wait={}", granted.as_secs())) {
        response.headers_mut().insert(PREFERENCE_APPLIED, value);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::test::TestRequest;

    use super::wait;

    /// RFC 7240: names are compared without case, values may be quoted, what is not understood is ignored.
    #[test]
    fn a_wait_is_found_among_preferences() {
        for (header, seconds) in [
            ("wait=10", Some(10)),
            ("Wait = \"10\"", Some(10)),
            ("respond-async, wait=5", Some(5)),
            ("wait=5; strict=yes, return=minimal", Some(5)),
            ("wait=3, wait=9", Some(3)),
            ("wait=soon, wait=9", Some(9)),
            ("wait", None),
            ("wait=", None),
            ("wait=-1", None),
            ("wait=1.5", None),
            ("handling=lenient", None),
            ("waiting=5", None),
        ] {
            let request = TestRequest::post().insert_header(("Prefer", header)).to_http_request();
            assert_eq!(wait(&request), seconds.map(Duration::from_secs), "{header}");
        }
        let request = TestRequest::post()
            .append_header(("Prefer", "return=minimal"))
            .append_header(("Prefer", "wait=2"))
            .to_http_request();
        assert_eq!(wait(&request), Some(Duration::from_secs(2)));
    }
}
