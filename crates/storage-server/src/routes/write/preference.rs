//! The header by which a client says what it prefers (RFC 7240), and the one that says what was followed.

use std::time::Duration;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;
use storage_validation::Handling;
use utoipa::openapi::path::Parameter;

use crate::openapi::{parameters, schema};

/// RFC 7240, section 2.
const PREFER: HeaderName = HeaderName::from_static("prefer");
/// RFC 7240, section 3.
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The header, as the description has it.
pub(super) fn parameter() -> Parameter {
    let about = "`wait=SECONDS` waits until the vector index has the record, within the time limit of the request. \
                 `handling=lenient` stores what `handling=strict` refuses for its form: the service cuts text that is \
                 too long, removes control characters, turns an unknown severity into null, and replaces metadata \
                 that is too large or too deep by a digest. `adjusted_fields` names each place.";
    parameters::header("Prefer", schema::text(), about)
        .example(Some(json!("wait=1, handling=lenient")))
        .build()
}

/// How long the client is willing to wait: `Prefer: wait=SECONDS`.
pub(super) fn wait(request: &HttpRequest) -> Option<Duration> {
    preferred(request, "wait", |seconds| Some(Duration::from_secs(seconds.parse::<u32>().ok()?.into())))
}

/// How strictly the client wants its records taken: `Prefer: handling=strict` or `lenient`.
pub(super) fn handling(request: &HttpRequest) -> Option<Handling> {
    preferred(request, "handling", |word| Handling::of_word(&word.to_ascii_lowercase()))
}

/// The value of a preference. One that cannot be understood is ignored, as the RFC has it; of several, the first that
/// can be counts.
fn preferred<T>(request: &HttpRequest, name: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
    let headers = request.headers().get_all(PREFER).filter_map(|value| value.to_str().ok());
    let mut preferences = headers.flat_map(|header| header.split(','));
    preferences.find_map(|preference| {
        let (token, value) = preference.split(';').next()?.split_once('=')?;
        let value = read(value.trim().trim_matches('"'))?;
        token.trim().eq_ignore_ascii_case(name).then_some(value)
    })
}

/// Says that a preference was followed, beside others that were.
pub(super) fn tell(response: &mut HttpResponse, followed: &str) {
    let before = response.headers().get(&PREFERENCE_APPLIED).and_then(|value| value.to_str().ok());
    let all = before.map_or_else(|| followed.to_owned(), |before| format!("{before}, {followed}"));
    if let Ok(value) = HeaderValue::try_from(all) {
        response.headers_mut().insert(PREFERENCE_APPLIED, value);
    }
}

/// Says which handling was followed.
pub(super) fn tell_handling(response: &mut HttpResponse, handling: Handling) {
    tell(response, &format!("handling={}", handling.as_str()));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::HttpResponse;
    use actix_web::test::TestRequest;
    use storage_validation::Handling;

    use super::{handling, tell, tell_handling, wait};

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

    #[test]
    fn a_handling_is_found_among_preferences() {
        for (header, found) in [
            ("handling=lenient", Some(Handling::Lenient)),
            ("wait=5, Handling=\"Lenient\"; foo", Some(Handling::Lenient)),
            ("handling=strict, handling=lenient", Some(Handling::Strict)),
            ("handling=loose, handling=lenient", Some(Handling::Lenient)),
            ("lenient", None),
            ("handling", None),
            ("wait=5", None),
        ] {
            let request = TestRequest::post().insert_header(("Prefer", header)).to_http_request();
            assert_eq!(handling(&request), found, "{header}");
        }
    }

    #[test]
    fn what_was_followed_is_told_in_one_header() {
        let mut response = HttpResponse::Ok().finish();
        tell(&mut response, "wait=3");
        tell_handling(&mut response, Handling::Lenient);
        let told: Vec<_> = response.headers().get_all("Preference-Applied").collect();
        assert_eq!(told, ["wait=3, handling=lenient"]);
    }
}
