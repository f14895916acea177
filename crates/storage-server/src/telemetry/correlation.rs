//! The correlation id: one id in every line and answer of a request.

use std::fmt;
use std::sync::Arc;

use actix_web::http::header::{HeaderName, HeaderValue};
use uuid::Uuid;

/// The header that carries it, in and out.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-correlation-id");

/// The longest id that is taken from a caller.
const MAX_LENGTH: usize = 128;

/// A request's id: the caller's, when it has the form, else a new UUIDv7.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CorrelationId(Arc<str>);

impl CorrelationId {
    /// Takes the caller's id if it is 1 to 128 letters, digits or `-._:/+=@`, which is safe in logs and headers.
    pub(crate) fn of(header: Option<&HeaderValue>) -> Self {
        let given = header.and_then(|value| value.to_str().ok()).filter(|text| is_well_formed(text));
        Self(given.map_or_else(|| Uuid::now_v7().to_string().into(), Into::into))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// As a header; the form makes it always one.
    pub(crate) fn header_value(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_well_formed(text: &str) -> bool {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/+=@".contains(&byte);
    (1..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(is_safe)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::CorrelationId;

    fn taken(text: &str) -> bool {
        CorrelationId::of(HeaderValue::from_bytes(text.as_bytes()).ok().as_ref()).as_str() == text
    }

    #[test]
    fn a_well_formed_id_is_kept_and_any_other_replaced() {
        let longest = "a".repeat(128);
        let too_long = "a".repeat(129);
        for (text, kept) in [
            ("req-1", true),
            ("0190b5f0-7b1e-7c3e-8f00-000000000000", true),
            ("a.b_c:d/e+f=g@h", true),
            (longest.as_str(), true),
            (too_long.as_str(), false),
            ("", false),
            ("has space", false),
            ("quote\"", false),
            ("brace{", false),
            ("ü", false),
            ("a\tb", false),
        ] {
            assert_eq!(taken(text), kept, "{text:?}");
        }
    }

    #[test]
    fn a_new_id_is_a_version_7_uuid() {
        let id: Uuid = CorrelationId::of(None).as_str().parse().unwrap();
        assert_eq!(id.get_version_num(), 7);
    }

    proptest! {
        #[test]
        fn whatever_is_sent_the_id_is_safe_in_a_header_and_a_log_line(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let header = HeaderValue::from_bytes(&bytes).ok();
            let id = CorrelationId::of(header.as_ref());
            prop_assert!(super::is_well_formed(id.as_str()));
            prop_assert!(id.header_value().is_some());
        }
    }
}
