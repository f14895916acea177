//! The id in a path.

use actix_web::HttpRequest;

use crate::problem::{Problem, ProblemKind};

/// The id in a request. A text that is not an id names no record, hence 404.
pub(super) fn of(request: &HttpRequest) -> Result<i64, Problem> {
    request.match_info().get("id").and_then(parse).ok_or_else(|| {
        Problem::new(ProblemKind::RecordNotFound).detail("An id is a number from 1 to 9223372036854775807.")
    })
}

/// Digits only: the standard parser also takes a sign.
fn parse(text: &str) -> Option<i64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|id| is_number && *id > 0)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn an_id_is_a_positive_number_in_digits() {
        for (text, id) in [
            ("1", Some(1)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("0", None),
            ("-1", None),
            ("+1", None),
            ("1a", None),
            ("", None),
            ("١", None),
        ] {
            assert_eq!(parse(text), id, "{text}");
        }
    }
}
