//! Exporting all remediations that match.

use actix_web::http::Method;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;
use storage_models::Timestamp;
use storage_query::{AuditFilter as _, RemediationFilter};

use super::Answer;
use crate::export::{ExportCut, ExportQuery};
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::state::AppState;
use crate::telemetry::request::RequestContext;

/// `GET /api/v1/audit/remediation/export`
pub(super) async fn export(
    request: HttpRequest,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> Answer {
    let query = query_of(request.query_string(), Timestamp::now())?;
    let format = query.format;
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CONTENT_TYPE, format.media_type())).insert_header((
        CONTENT_DISPOSITION,
        format!("attachment; filename=\"remediation.{}\"", format.as_str()),
    ));
    if request.method() == Method::HEAD {
        return Ok(answer.streaming(stream::empty::<Result<_, ExportCut>>()));
    }
    let body = state.exports.begin(query, context.deadline).await?;
    Ok(answer.streaming(body.into_stream()))
}

/// What a query string asks to be exported: the filters and sorts of the list, all pages of it.
fn query_of(text: &str, now: Timestamp) -> Result<ExportQuery, Problem> {
    let mut parameters = Parameters::parse(text);
    let format = parameters.take_parsed("format");
    let sort = parameters.take_parsed("sort");
    let filter = parameters.take_filter::<RemediationFilter>();
    let filter = parameters.note_all(filter.check(now));
    parameters.finish()?;
    Ok(ExportQuery {
        filter: filter.unwrap_or_default(),
        sort: sort.unwrap_or_default(),
        format: format.unwrap_or_default(),
    })
}
