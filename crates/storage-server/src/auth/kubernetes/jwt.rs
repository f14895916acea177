//! What a token says of itself, unverified: enough to spare look-ups, never to believe anything.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use storage_models::Timestamp;

/// The part of a token's claims that is of use here.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    /// Seconds since 1970 at which it ends.
    exp: Option<u64>,
}

/// The claims of a token of three parts (RFC 7519); `None` when it is no such token.
pub(super) fn read(token: &str) -> Option<Claims> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else { return None };
    URL_SAFE_NO_PAD.decode(header).ok()?;
    URL_SAFE_NO_PAD.decode(signature).ok().filter(|bytes| !bytes.is_empty())?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

impl Claims {
    /// When it says to end, if it does.
    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        Timestamp::from_micros(i64::try_from(self.exp?).ok()?.checked_mul(1_000_000)?)
    }

    /// How long it still says to be good; `None` when that is over.
    pub(super) fn left(&self, now: SystemTime) -> Option<Duration> {
        let Some(exp) = self.exp else { return Some(Duration::MAX) };
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        Duration::from_secs(exp).checked_sub(now).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::read;

    fn token(claims: &str) -> String {
        format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode("{}"), URL_SAFE_NO_PAD.encode(claims))
    }

    /// BR-STORAGE-020: what cannot be a service account's token is not asked about.
    #[test]
    fn only_tokens_of_the_form_are_read() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000);
        for (text, left) in [
            (token(r#"{"exp":1060}"#), Some(Some(60))),
            (token(r#"{"exp":1000}"#), Some(None)),
            (token(r#"{"exp":1}"#), Some(None)),
            (token("[]"), None),
            (token(r#"{"exp":"soon"}"#), None),
            (token(r#"{"exp":-1}"#), None),
            ("opaque".to_owned(), None),
            ("a.b".to_owned(), None),
            (format!("{}.x", token("{}")), None),
            (token("{}").trim_end_matches("c2ln").to_owned(), None),
        ] {
            let found = read(&text).map(|claims| claims.left(now).map(|left| left.as_secs()));
            assert_eq!(found, left, "{text}");
        }
        assert_eq!(read(&token("{}")).unwrap().left(now), Some(Duration::MAX));
        let end = |claims: &str| read(&token(claims)).unwrap().expires_at().map(|end| end.to_string());
        assert_eq!(end(r#"{"exp":1060}"#).as_deref(), Some("1970-01-01T00:17:40.000000Z"));
        assert_eq!((end("{}"), end(r#"{"exp":18446744073709551615}"#)), (None, None));
    }
}
