//! One record by its id.

use actix_web::http::header::{ETAG, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse, web};
use storage_query::AuditRecord;

use super::Answer;
use crate::etag;
use crate::parameters::Parameters;
use crate::problem::{Problem, ProblemKind};
use crate::state::AppState;
use crate::telemetry::request::RequestContext;

/// `GET /api/v1/audit/{type}/{id}`. What is no id names no record, hence 404.
pub(super) async fn get<R: AuditRecord>(
    request: HttpRequest,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> Answer {
    Parameters::parse(request.query_string()).finish()?;
    let id = request.match_info().get("id").and_then(parse_id).ok_or_else(|| {
        Problem::new(ProblemKind::RecordNotFound).detail("An id is a number from 1 to 9223372036854775807.")
    })?;
    let record = state.reader.get(R::TYPE, id, context.deadline).await?.ok_or_else(|| {
        Problem::new(ProblemKind::RecordNotFound).detail(format!("There is no {} with the id {id}.", R::TYPE))
    })?;
    let tag = etag::of(&record);
    let mut known = request.headers().get_all(IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    if known.any(|header| etag::matches(header, &tag)) {
        return Ok(HttpResponse::NotModified().insert_header((ETAG, tag)).finish());
    }
    Ok(HttpResponse::Ok().insert_header((ETAG, tag)).json(record))
}

/// Digits only: the standard parser also takes a sign.
fn parse_id(text: &str) -> Option<i64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|id| is_number && *id > 0)
}

#[cfg(test)]
mod tests {
    use super::parse_id;

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
            assert_eq!(parse_id(text), id, "{text}");
        }
    }
}
