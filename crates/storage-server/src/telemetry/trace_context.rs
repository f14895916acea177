//! The trace that a request belongs to (W3C Trace Context, level 1).

use actix_web::http::header::{HeaderName, HeaderValue};
use uuid::Uuid;

/// The header that carries it in.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("traceparent");

/// The trace id: the caller's, when the header has the form, else a new one.
pub(crate) fn trace_id(header: Option<&HeaderValue>) -> String {
    let given = header.and_then(|value| value.to_str().ok()).and_then(parse);
    given.map_or_else(|| Uuid::now_v7().simple().to_string(), ToOwned::to_owned)
}

/// The trace id in `version-traceid-parentid-flags`.
fn parse(header: &str) -> Option<&str> {
    let mut parts = header.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let more = parts.next().is_some();
    let is_hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_zero = |part: &str| part.bytes().all(|byte| byte == b'0');
    // A later version may add parts; version 0 may not, and ff is none.
    let version_fits = is_hex(version, 2) && version != "ff" && (version != "00" || !more);
    let ids_fit = is_hex(trace, 32) && !is_zero(trace) && is_hex(parent, 16) && !is_zero(parent);
    (version_fits && ids_fit && is_hex(flags, 2)).then_some(trace)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn only_the_form_of_the_recommendation_is_continued() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        for (header, taken) in [
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
            ("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later", true),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra", false),
            ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
            ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false),
            ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", false),
            ("", false),
        ] {
            assert_eq!(parse(header), taken.then_some(trace), "{header}");
        }
    }
}
