//! The token in a request's head.

use actix_web::http::header::{AUTHORIZATION, HeaderMap};

/// The longest token that is looked at, in bytes. Service account tokens have about one thousand.
pub(crate) const MAX_TOKEN: usize = 8 * 1024;

/// The scheme, in either case.
const SCHEME: &str = "bearer";

/// Why there is no token to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoToken {
    /// No header.
    Missing,
    /// A header, but none that holds one token of the allowed form and size.
    Malformed,
}

/// The token of `Authorization: Bearer …` (RFC 6750, section 2.1), given once.
pub(crate) fn token(headers: &HeaderMap) -> Result<&str, NoToken> {
    let mut values = headers.get_all(AUTHORIZATION);
    let value = values.next().ok_or(NoToken::Missing)?;
    if values.next().is_some() {
        return Err(NoToken::Malformed);
    }
    let (scheme, token) =
        value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(NoToken::Malformed)?;
    let token = token.trim_matches(' ');
    if scheme.eq_ignore_ascii_case(SCHEME) && is_well_formed(token) {
        Ok(token)
    } else {
        Err(NoToken::Malformed)
    }
}

/// Whether it is a `b64token` of RFC 6750 and not too long.
fn is_well_formed(token: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    (1..=MAX_TOKEN).contains(&token.len()) && token.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};

    use super::{MAX_TOKEN, NoToken, token};

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    /// BR-STORAGE-020
    #[test]
    fn a_token_is_given_once_in_its_form_and_not_too_long() {
        let longest = format!("Bearer {}", "a".repeat(MAX_TOKEN));
        let too_long = format!("Bearer {}", "a".repeat(MAX_TOKEN + 1));
        for (values, expected) in [
            (&["Bearer abc.def-_~+/="][..], Ok("abc.def-_~+/=")),
            (&["bearer  abc "], Ok("abc")),
            (&["BEARER abc"], Ok("abc")),
            (&[&longest], Ok("a".repeat(MAX_TOKEN).as_str())),
            (&[], Err(NoToken::Missing)),
            (&[&too_long], Err(NoToken::Malformed)),
            (&[""], Err(NoToken::Malformed)),
            (&["Bearer"], Err(NoToken::Malformed)),
            (&["Bearer "], Err(NoToken::Malformed)),
            (&["Bearer a b"], Err(NoToken::Malformed)),
            (&["Bearer a\"b"], Err(NoToken::Malformed)),
            (&["Basic abc"], Err(NoToken::Malformed)),
            (&["abc"], Err(NoToken::Malformed)),
            (&["Bearer abc", "Bearer def"], Err(NoToken::Malformed)),
        ] {
            assert_eq!(token(&headers(values)), expected, "{values:?}");
        }
    }
}
